import type { Tensor } from '../../pipeline/index.ts'

/** What one run gave, and what its time went into. */
export interface PoolReport {
  readonly outputs: readonly Tensor[]
  /** Milliseconds from the call until an executor took it up (the last one, when it was tried again). */
  readonly queueMs: number
  /** Milliseconds it waited for its model to be loaded; 0 when it was. */
  readonly loadMs: number
  /** Milliseconds the runtime computed, for all that were run as one. */
  readonly runMs: number
  /** Milliseconds of `queueMs` that it waited for others to be run with it, while an executor was free. */
  readonly batchMs: number
  /** How many were run as one. */
  readonly batch: number
  /** Which executor ran it. */
  readonly executor: string
}
