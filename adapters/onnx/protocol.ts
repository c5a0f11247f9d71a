import type { Tensor } from '../../pipeline/index.ts'
import type { LoadReport, ModelSource } from '../../stages/execute/index.ts'
import type { FaultCode } from './fault.ts'

/** What the parent asks; it asks one thing at a time, and each gets exactly one reply. */
export type Request =
  | { readonly op: 'load'; readonly model: ModelSource }
  | { readonly op: 'unload'; readonly key: string }
  /** The inputs travel as the packet's tensors. */
  | { readonly op: 'run'; readonly key: string; readonly outputs?: readonly string[] | undefined }
  /** Releases everything and ends; the end itself is the answer. */
  | { readonly op: 'close' }

/** What the executor says: once `ready`, then one reply a request. Outputs travel as the packet's tensors. */
export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'loaded'; readonly report: LoadReport }
  | { readonly kind: 'unloaded' }
  | { readonly kind: 'ran'; readonly ms: number }
  | { readonly kind: 'fault'; readonly code: FaultCode; readonly message: string }

/** One request or reply with the tensors that belong to it. */
export interface Packet<Head> {
  readonly head: Head
  readonly tensors: readonly Tensor[]
}
