import { opportunityBytes, type Rate } from '../../../adapters/link/index.ts'

/** How often the trace is looked at for what follows on what, ms. */
const grid = 50
/** Moments of the same past that are looked at, at most. */
const most = 48
/** Pasts of so many ms tell what is to come. */
const [long, short] = [1000, 250]

/** What a link that repeats a trace carries, and what it carried after the same past. */
export class Capacity {
  /** When each unit of 1,504 bytes leaves if there is always something to send, over two periods, ms. */
  readonly #leaves: Float64Array
  readonly #period: number
  /** By the past, moments that had it. */
  readonly #after = new Map<number, Float64Array>()

  constructor(rate: Rate) {
    this.#period = Number.isFinite(rate.period) ? rate.period : 10_000
    this.#leaves = leavesOf(rate, 2 * this.#period + 60_000)
    const moments = new Map<number, number[]>()
    for (let at = 0; at < this.#period; at += grid) {
      const past = this.#past(at + this.#period)
      const known = moments.get(past)
      if (known) known.push(at)
      else moments.set(past, [at])
    }
    for (const [past, all] of moments) {
      const step = Math.max(1, all.length / most)
      const few = Float64Array.from(
        { length: Math.min(most, all.length) },
        (_, i) => all[Math.floor(i * step)] as number,
      )
      this.#after.set(past, few)
    }
  }

  /** Moments with the same past as `at`, ms from the trace's begin: what followed on them may follow now. */
  alike(at: number): Float64Array {
    const within = at % this.#period
    return this.#after.get(this.#past(within + this.#period)) ?? Float64Array.of(within)
  }

  /** ms until so many bytes have left that are sent from a moment on. */
  takes(at: number, bytes: number): number {
    if (bytes <= 0) return 0
    const from = at % this.#period
    const last = this.#before(from) + Math.ceil(bytes / opportunityBytes) - 1
    return (this.#leaves[Math.min(last, this.#leaves.length - 1)] as number) - from
  }

  /** The rate of the last second and of its last quarter, in steps by which they can be told apart. */
  #past(at: number): number {
    const now = this.#before(at)
    const [second, quarter] = [now - this.#before(at - long), now - this.#before(at - short)]
    return 64 * Math.floor(2 * Math.log2(1 + second)) + Math.floor(Math.log2(1 + quarter))
  }

  /** Units that have left by then. */
  #before(at: number): number {
    let [low, high] = [0, this.#leaves.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#leaves[middle] as number) <= at) low = middle + 1
      else high = middle
    }
    return low
  }
}

function leavesOf(rate: Rate, until: number): Float64Array {
  const bottleneck = rate.open()
  const leaves: number[] = []
  for (let at = 0; at < until; ) {
    at = bottleneck.send(0, opportunityBytes)
    leaves.push(at)
  }
  return Float64Array.from(leaves)
}
