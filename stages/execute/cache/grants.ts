import type { Lease } from './contract.ts'
import { CopyLease } from './lease.ts'
import type { Copy } from './residents.ts'
import type { CacheState } from './state.ts'
import type { Waiter } from './waiter.ts'

/** Gives leases of copies that are there, and books them. */
export class Grants {
  readonly #state: CacheState
  readonly #onReleased: (copy: Copy) => void

  /** @param onReleased called at the end of each lease */
  constructor(state: CacheState, onReleased: (copy: Copy) => void) {
    this.#state = state
    this.#onReleased = onReleased
  }

  /** To a request that found the copy ready. */
  hit(copy: Copy, alias: string | undefined): Lease {
    this.#state.figures.hit(copy.bytes)
    return this.#grant(copy, alias, undefined)
  }

  /** To one that waited. */
  serve(waiter: Waiter, copy: Copy): void {
    const { waiters, figures, clock } = this.#state
    const waitedMs = clock.now() - waiter.since
    waiters.remove(waiter)
    figures.missed(copy.bytes, waitedMs)
    waiter.resolve(this.#grant(copy, waiter.alias, waitedMs))
  }

  /** To all that wait for a copy that has just been loaded. @returns how many */
  serveAll(copy: Copy): number {
    let served = 0
    for (const waiter of [...this.#state.waiters.of(copy.model.key)]) {
      if (!waiter.accepts(copy.executor)) continue
      this.serve(waiter, copy)
      served += 1
    }
    return served
  }

  #grant(copy: Copy, alias: string | undefined, waitedMs: number | undefined): Lease {
    const { aliases, figures, clock } = this.#state
    const { key } = copy.model
    if (alias !== undefined) aliases.leased(alias, key)
    return new CopyLease(copy, waitedMs, clock, (released, heldMs) => {
      figures.held(heldMs)
      this.#onReleased(released)
      if (alias !== undefined) aliases.released(alias, key)
    })
  }
}
