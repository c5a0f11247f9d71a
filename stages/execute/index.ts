export type { Executor, ExecutorFactory, ExecutorOptions, LoadReport, ModelSource, RunReport } from './ports.ts'
