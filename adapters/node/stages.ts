import {
  type Execute,
  type ExecuteOptions,
  execute as executeWith,
  type Preprocess,
  type PreprocessOptions,
  preprocess as preprocessWith,
} from '../../stages/index.ts'
import { imageEngine } from '../image/index.ts'
import { modelSplitter, processExecutors, threadExecutors } from '../onnx/index.ts'

export type NodePreprocessOptions = Partial<PreprocessOptions>
export type NodeExecuteOptions = Partial<ExecuteOptions>

/** Prepares pictures with sharp; see `preprocess` of the stages for what it does where. */
export function preprocess(options: NodePreprocessOptions = {}): Preprocess {
  const { images = imageEngine() } = options
  return preprocessWith({ ...options, images })
}

/** Runs models with onnxruntime-node: on the device in a thread, in the cloud in processes that can be killed. */
export function execute(options: NodeExecuteOptions = {}): Execute {
  return executeWith({
    executors: { device: threadExecutors(), cloud: processExecutors() },
    splitter: modelSplitter(),
    ...options,
  })
}
