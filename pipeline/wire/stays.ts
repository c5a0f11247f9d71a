import { beat } from './protocol.ts'

/** Kinds of messages that are told apart: models, and where on the chain they come in. */
const mostKinds = 256
/** So many times as long as messages stay at the most, as far as that is known, one may. */
const allowance = 4
/** No stay is too long that is no longer than this, ms. */
const shortest = 4 * beat

/**
 * How long messages of each kind stay at nodes, ms: mean and deviation, smoothed as the round trips of TCP are (RFC 6298). A
 * node that gives signs of life for very much longer than others take to answer is not worth waiting for, while others are free.
 */
export class Stays {
  readonly #kinds = new Map<string, { mean: number; deviation: number }>()

  observe(kind: string, ms: number): void {
    const known = this.#kinds.get(kind)
    if (known) {
      const off = ms - known.mean
      known.deviation += (Math.abs(off) - known.deviation) / 4
      known.mean += off / 8
      return
    }
    if (this.#kinds.size >= mostKinds) this.#kinds.delete(this.#kinds.keys().next().value as string)
    this.#kinds.set(kind, { mean: ms, deviation: ms / 2 })
  }

  /** The longest that is worth waiting for, ms; undefined where nothing was seen. */
  longest(kind: string): number | undefined {
    const known = this.#kinds.get(kind)
    return known && Math.max(shortest, allowance * (known.mean + 4 * known.deviation))
  }
}
