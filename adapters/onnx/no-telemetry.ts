/*
 * Imported before anything loads onnxruntime-node. Its Linux library otherwise writes a device id and a database of
 * events into the user's home, and looks up a collector's host, as soon as it is loaded; it asks this variable once, then.
 */
import { isMainThread } from 'node:worker_threads'

const off = 'ORT_DISABLE_TELEMETRY'

// A worker has a copy of the environment, which the library does not see: the thread that made it has to say it first.
if (!isMainThread && process.env[off] !== '1') {
  process.emitWarning(
    `The ONNX runtime's telemetry cannot be switched off from a worker thread. Import quintet in the main thread too, or start Node with ${off}=1.`,
    { code: 'QUINTET_TELEMETRY' },
  )
}
process.env[off] = '1'
