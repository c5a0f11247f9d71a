/*
 * The framework on Node: pipelines and stages with this platform's engines (sharp, onnxruntime-node, the in-process
 * transport) put in. What `import … from 'quintet'` gives.
 */
export * from '../../pipeline/index.ts'
export {
  type BackupOptions,
  backup,
  type CaptureOptions,
  type CatalogueEntry,
  type ClusterOptions,
  capture,
  type ExecutorFactory,
  type Frame,
  type ImageEngine,
  type Models,
  type PictureEncoding,
  type Place,
  type PlaceOptions,
  type Planner,
  type PlannerOptions,
  picture,
  place,
  plan,
  type RollOutOptions,
  type RollOutReport,
  rollOut,
  type Select,
  type SelectOptions,
  type SelectRule,
  select,
  type Transfer,
  transfer,
} from '../../stages/index.ts'
export { catalogue, models } from '../catalogue/index.ts'
export { type PicturesOptions, pictures } from '../files/index.ts'
export { imageEngine } from '../image/index.ts'
export { memoryBroker, memoryTransport } from '../memory/index.ts'
export { processExecutors, threadExecutors } from '../onnx/index.ts'
export { systemBattery } from './battery.ts'
export { pipeline } from './pipeline.ts'
export { drainOnSignals } from './signals.ts'
export { execute, type NodeExecuteOptions, type NodePreprocessOptions, preprocess } from './stages.ts'
