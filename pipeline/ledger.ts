import type { Item } from './message.ts'

/** How many messages came in, and what became of them. */
export interface Counts {
  readonly in: number
  readonly results: number
  readonly failures: number
  readonly dropped: number
}

/**
 * Counts messages (not attempts) from capture to settlement and settles each once: `in = results + failures +
 * dropped + in flight`, always.
 */
export class Ledger {
  #in = 0
  #results = 0
  #failures = 0
  #dropped = 0
  readonly #inFlight = new Set<string>()

  /** Opens a message. Returns false when one with this id is in flight already: it must not be counted twice. */
  open(id: string): boolean {
    if (this.#inFlight.has(id)) return false
    this.#in++
    this.#inFlight.add(id)
    return true
  }

  /** Closes a message by what became of it. Returns false when it was not in flight: a late second end. */
  settle(id: string, as: Item['kind']): boolean {
    if (!this.#inFlight.delete(id)) return false
    if (as === 'message') this.#results++
    else if (as === 'failure') this.#failures++
    else this.#dropped++
    return true
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  get counts(): Counts {
    return { in: this.#in, results: this.#results, failures: this.#failures, dropped: this.#dropped }
  }
}
