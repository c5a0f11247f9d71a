import type { MessageHeader } from './codec.ts'

/** Without a chunk, no offer ends sooner or later than within these, ms: what its sender says of the way is a guess. */
const leastPatience = 2000
const mostPatience = 30_000
/** Where its sender knows nothing of the way, ms: a chunk takes four seconds at 256 kbit/s. */
const usualPatience = 10_000
/** Round trips, and gaps such as there were before, that may pass. */
const trips = 4
const gaps = 8

/** Whether the chunks of an offered message keep coming. */
export class Arrival {
  readonly #patience: number
  #missing: number
  #moved: number
  #longestGap = 0

  /** @param missing chunks that are not here · @param now local clock, ms */
  constructor({ link }: MessageHeader, missing: number, now: number) {
    const patience = link ? trips * (link.rtt + link.upload) : usualPatience
    this.#patience = Math.min(mostPatience, Math.max(leastPatience, patience))
    this.#missing = missing
    this.#moved = now
  }

  /** So many chunks are missing now; those that come again move nothing. */
  observe(missing: number, now: number): void {
    if (missing === this.#missing) return
    this.#missing = missing
    this.#longestGap = Math.max(this.#longestGap, now - this.#moved)
    this.#moved = now
  }

  /** Milliseconds for which nothing has come, where that is longer than its way explains: what it holds is others' then. */
  stuckFor(now: number): number | undefined {
    const still = now - this.#moved
    return still > Math.min(mostPatience, Math.max(this.#patience, gaps * this.#longestGap)) ? still : undefined
  }
}
