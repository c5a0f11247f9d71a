export { splitFolder } from './cache.ts'
export { type CutOptions, type LayerCut, movingStates } from './cuts.ts'
export { BadExternalData, DynamicShape, NotAModel, UnknownCut, UnknownOperator } from './errors.ts'
export {
  because,
  cuts,
  type ExactOptions,
  type ExaminedCuts,
  examineCuts,
  findCut,
  type Refusal,
  type RefusedCut,
} from './exact.ts'
export { type Layer, type Model, type ReadOptions, readModel } from './model.ts'
export { withNodeNames } from './names.ts'
export { type CutPlan, cutInTwo, type PartModel, type Parts } from './parts.ts'
export { insideQuantised } from './quantised.ts'
export { apart, here, type Runtime } from './runtime.ts'
export { type Part, type Split, type SplitOptions, split } from './split.ts'
export type { State } from './states.ts'
export type { DataType, TensorInfo, WireTensor } from './tensors.ts'
