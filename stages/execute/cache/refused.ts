import { Refused } from '../../../pipeline/index.ts'

/**
 * Why there is no lease: the model alone is `too-large` for the budget · what is `pinned` leaves no room for it · it is
 * `cold` and cannot be loaded by the deadline · its loads have been `failing` · there is `no-executor` · too many wait
 * (`crowded`) · the cache is `closed`, or loads nothing any more, as its policy or placement failed too often
 * (`given-up`).
 */
export type RefusalReason =
  | 'too-large'
  | 'pinned'
  | 'cold'
  | 'failing'
  | 'no-executor'
  | 'crowded'
  | 'closed'
  | 'given-up'

/** The cache gives no lease, and says why. */
export class LeaseRefused extends Refused {
  readonly reason: RefusalReason

  constructor(reason: RefusalReason, message: string, options?: { cause?: unknown; retryAfter?: number }) {
    super(message, options)
    this.reason = reason
  }
}
