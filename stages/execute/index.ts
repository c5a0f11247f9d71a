export type {
  ExecutorPool,
  ExecutorPoolOptions,
  PoolEvent,
  PoolReport,
  PoolRunOptions,
  PoolStatistics,
} from './contract.ts'
export { type Candidate, type Placement, residencyFirst } from './placement.ts'
export { executorPool } from './pool.ts'
export type { Executor, ExecutorFactory, ExecutorOptions, LoadReport, ModelSource, RunReport } from './ports.ts'
export type { RestartOptions } from './slot.ts'
