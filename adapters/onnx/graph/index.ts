export { type CutOptions, type LayerCut, movingStates } from './cuts.ts'
export { type Encoded, writeEncoded } from './encode.ts'
export { BadExternalData, DynamicShape, NotAModel, UnknownCut, UnknownOperator } from './errors.ts'
export {
  because,
  type Cuts,
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
export { checkLoads, type Part, type Split, type SplitOptions, split } from './split.ts'
export { splitFolder } from './split-folder.ts'
export type { AmbiguousState, State } from './states.ts'
export { type DataType, sumOf, type TensorInfo, type WireTensor } from './tensors.ts'
export { type RunShapes, withRunShapes } from './with-run.ts'
