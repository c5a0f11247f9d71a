export type { ModelSource } from '../manage/index.ts'
export {
  ageing,
  type CacheEvent,
  type CacheHost,
  type CacheStatistics,
  costDirect,
  costIncrease,
  type EvictionPolicy,
  gdsf,
  hitDensity,
  type Lease,
  type LeaseOptions,
  LeaseRefused,
  lfu,
  lru,
  type ModelCache,
  type ModelCacheOptions,
  type ModelUse,
  modelCache,
  type RefusalReason,
} from './cache/index.ts'
export { classify } from './classify.ts'
export {
  type AskRecordOptions,
  askRecord,
  type ClusterOptions,
  type NodeRecord,
  type RollOutOptions,
  type RollOutReport,
  readRecord,
  rollOut,
} from './cluster/index.ts'
export type { ColdFigures } from './cold-starts.ts'
export type {
  ExecutorPool,
  ExecutorPoolOptions,
  ModelStatistics,
  PoolEvent,
  PoolRunOptions,
  PoolStatistics,
} from './contract.ts'
export {
  type Executable,
  type Execute,
  type ExecutedPayload,
  type ExecuteOptions,
  execute,
} from './execute.ts'
export type { ExecuteEvent, ExecuteStatistics } from './halves.ts'
export { type BatchOptions, batchOptions } from './options.ts'
export { type Candidate, leastLoaded, mostRoom, type Placement, powerOfTwo, residencyFirst } from './placement.ts'
export { executorPool } from './pool.ts'
export type {
  Executor,
  ExecutorFactory,
  ExecutorOptions,
  LoadReport,
  ModelSplit,
  ModelSplitter,
  RunReport,
} from './ports.ts'
export { type PoolRefusal, RunRefused } from './refused.ts'
export type { PoolReport } from './report.ts'
export type { StepTimes, TimeFigures } from './times.ts'
