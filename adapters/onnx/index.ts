export { type ProcessExecutorOptions, processExecutors } from './process.ts'
export { type ThreadExecutorOptions, threadExecutors } from './thread.ts'
