/* The one place that loads onnxruntime-node, behind what has to be said before. */
import './no-telemetry.ts'

export { env, InferenceSession, Tensor } from 'onnxruntime-node'
