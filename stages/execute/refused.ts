import { Refused } from '../../pipeline/index.ts'

/**
 * Why a pool takes no run: too many of its model, or of all, wait (`full`) · it cannot be done by its deadline by what
 * runs took before (`late`) · its model would first have to be loaded, which alone takes too long (`cold`) · the pool
 * is `ending`, or every executor of it was `given-up` for now.
 */
export type PoolRefusal = 'full' | 'late' | 'cold' | 'ending' | 'given-up'

/** A pool declines a run at once, and says why; `retryAfter` in ms where it is known. */
export class RunRefused extends Refused {
  readonly reason: PoolRefusal

  constructor(reason: PoolRefusal, message: string, options?: { cause?: unknown; retryAfter?: number }) {
    super(message, options)
    this.reason = reason
  }
}
