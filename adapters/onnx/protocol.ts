import type { Tensor } from '../../pipeline/index.ts'
import type { LoadReport, ModelSource, RunReport } from '../../stages/execute/index.ts'
import type { FaultCode } from './fault.ts'

/**
 * What the parent asks. At most two requests are unanswered: the one being worked on and the next, so that the executor
 * does not stand idle for a round trip. Each gets exactly one reply, in their order; `cancel` gets none.
 */
export type Request =
  | { readonly op: 'load'; readonly model: ModelSource }
  | { readonly op: 'unload'; readonly key: string }
  /** The inputs travel as the packet's tensors. */
  | {
      readonly op: 'run'
      readonly key: string
      readonly outputs?: readonly string[] | undefined
      /** By which it can be cancelled. */
      readonly ticket: number
    }
  /** Takes a run back that has not begun, which is then answered by the fault `cancelled`; else nothing happens. */
  | { readonly op: 'cancel'; readonly ticket: number }
  /** Releases everything and ends; the end itself is the answer. */
  | { readonly op: 'close' }

/** What the executor says: once `ready`, then one reply a request. Outputs travel as the packet's tensors. */
export type Reply =
  | { readonly kind: 'ready'; readonly memory?: number }
  | { readonly kind: 'loaded'; readonly report: LoadReport }
  | { readonly kind: 'unloaded' }
  | ({ readonly kind: 'ran' } & Omit<RunReport, 'outputs'>)
  | { readonly kind: 'fault'; readonly code: FaultCode; readonly message: string }

/** One request or reply with the tensors that belong to it. */
export interface Packet<Head> {
  readonly head: Head
  readonly tensors: readonly Tensor[]
}
