/*
 * The framework on Node: pipelines and stages with this platform's engines (sharp, onnxruntime-node, the in-process
 * transport) put in. What `import … from 'quintet'` gives.
 */
export * from '../../pipeline/index.ts'
export {
  type AlertOptions,
  type AnsOptions,
  ageing,
  alert,
  ans,
  type BackupOptions,
  backup,
  type CaptureOptions,
  type CatalogueEntry,
  type Chain,
  type ClusterOptions,
  capture,
  chain,
  costDirect,
  costIncrease,
  EnergyModel,
  type EnergyOptions,
  type EvictionPolicy,
  type ExecuteEvent,
  type ExecuteStatistics,
  type ExecutorFactory,
  type ExploreOptions,
  explore,
  type Frame,
  gdsf,
  hitDensity,
  type ImageEngine,
  type LoggedOptions,
  lfu,
  logged,
  lru,
  type MauiOptions,
  type Models,
  maui,
  type Offload,
  type OffloadOptions,
  type OffloadStatistics,
  offload,
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
  type Shadow,
  type ShadowStatistics,
  type Split,
  type SplitOptions,
  select,
  shadow,
  split,
  type Transfer,
  transfer,
} from '../../stages/index.ts'
export { catalogue, models } from '../catalogue/index.ts'
export { type DecisionLog, decisionLog, type PicturesOptions, pictures, readDecisions } from '../files/index.ts'
export { imageEngine } from '../image/index.ts'
export { memoryBroker, memoryTransport } from '../memory/index.ts'
export { processExecutors, threadExecutors } from '../onnx/index.ts'
export { nodePlatform } from '../platform/index.ts'
export { systemBattery } from './battery.ts'
export { pipeline } from './pipeline.ts'
export { drainOnSignals } from './signals.ts'
export { execute, type NodeExecuteOptions, type NodePreprocessOptions, preprocess } from './stages.ts'
