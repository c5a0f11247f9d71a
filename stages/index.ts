export { type CaptureOptions, capture, type Frame, picture } from './capture/index.ts'
export {
  LinkEstimate,
  type LinkEstimateOptions,
  type Place,
  type PlaceOptions,
  PreparingTime,
  place,
  Regression,
  type RegressionOptions,
  Samples,
} from './decide/index.ts'
export {
  type Executable,
  type Execute,
  type ExecutedPayload,
  type ExecuteOptions,
  type Executor,
  type ExecutorFactory,
  type ExecutorOptions,
  type ExecutorPool,
  type ExecutorPoolOptions,
  execute,
  executorPool,
  type LoadReport,
  type ModelSource,
  type PoolEvent,
  type PoolReport,
  type PoolRunOptions,
  type PoolStatistics,
  type RunReport,
} from './execute/index.ts'
export {
  type CatalogueEntry,
  candidates,
  catalogueEntry,
  catalogueFile,
  chosen,
  type ModelInput,
  type Models,
  modelInput,
  modelsOf,
  token,
} from './manage/index.ts'
export {
  type ImageEngine,
  type PictureEncoding,
  type PrepareOptions,
  type Preprocess,
  type PreprocessedPayload,
  type PreprocessOptions,
  preprocess,
} from './preprocess/index.ts'
export { type Transfer, transfer } from './transfer/index.ts'
