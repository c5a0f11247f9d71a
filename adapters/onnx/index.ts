export { type ProcessExecutorOptions, processExecutors } from './process.ts'
export { type ModelSplitterOptions, modelSplitter } from './splitter.ts'
export { type ThreadExecutorOptions, threadExecutors } from './thread.ts'
