import type { Clock } from '../../../pipeline/index.ts'
import type { ModelSource } from '../../manage/index.ts'
import type { Lease } from './contract.ts'
import type { Copy } from './residents.ts'

/** A lease of one copy; counts for the copy from its making to its release. */
export class CopyLease implements Lease {
  readonly cold: boolean
  readonly loadMs: number
  readonly #copy: Copy
  readonly #clock: Clock
  readonly #since: number
  readonly #onRelease: (copy: Copy, heldMs: number) => void
  #released = false

  /** @param loadMs ms that its holder waited for the copy; undefined when it was there */
  constructor(copy: Copy, loadMs: number | undefined, clock: Clock, onRelease: (copy: Copy, heldMs: number) => void) {
    this.cold = loadMs !== undefined
    this.loadMs = loadMs ?? 0
    this.#copy = copy
    this.#clock = clock
    this.#since = clock.now()
    this.#onRelease = onRelease
    copy.leases += 1
  }

  get model(): ModelSource {
    return this.#copy.model
  }

  get executor(): string {
    return this.#copy.executor
  }

  release(runMs?: number): void {
    if (this.#released) return
    this.#released = true
    this.#copy.leases -= 1
    if (runMs !== undefined) this.#copy.use.ran(runMs)
    this.#onRelease(this.#copy, this.#clock.now() - this.#since)
  }
}
