import { Cancellation, type Timer } from '../../pipeline/index.ts'
import type { Lease } from './cache/index.ts'
import type { Work } from './work.ts'

/** One run of an executor, for one or several pieces of work of one model. */
export class Turn {
  readonly works: readonly Work[]
  /** Keeps the model loaded meanwhile, where memory is shared. */
  readonly lease: Lease | undefined
  /** When it was handed over, on the pool's clock. */
  readonly handed: number
  /** When the executor could begin with it; undefined while it waits there behind another. */
  began: number | undefined
  /** Milliseconds within which 99 of 100 such runs are over; undefined where none was measured. */
  readonly usual: number | undefined
  watchdog: Timer | undefined
  tie: Timer | undefined
  #back: Cancellation | undefined

  constructor(works: readonly Work[], handed: number, usual: number | undefined, lease: Lease | undefined) {
    this.works = works
    this.handed = handed
    this.usual = usual
    this.lease = lease
  }

  get model() {
    return (this.works[0] as Work).model
  }

  /** Pictures in it. */
  get rows(): number {
    return this.works.reduce((sum, { rows = 1 }) => sum + rows, 0)
  }

  /** Cancelled when it is taken back; undefined for one that begins at once and cannot be. */
  cancellation(): Cancellation | undefined {
    if (this.began === undefined) this.#back ??= new Cancellation()
    return this.#back
  }

  /** Whether it was taken back. */
  get takenBack(): boolean {
    return this.#back?.cancelled === true
  }

  /** Takes it back if it waits in the executor still and nobody wants it there any more. */
  takeBack(): void {
    if (this.began === undefined) this.#back?.cancel()
  }

  /** Ends its timers. */
  end(): void {
    this.watchdog?.cancel()
    this.tie?.cancel()
  }
}
