/** When a model should be loaded again, in ms since its last request. */
export interface PrefetchWindow {
  /** Load it then … */
  readonly from: number
  /** … the request comes about then … */
  readonly expected: number
  /** … and by then, if at all. */
  readonly until: number
}

/** Margins before the head and behind the tail of the histogram. */
const [early, late] = [0.9, 1.1]
const [head, tail] = [0.05, 0.99]
/** Below this coefficient of variation of the bins' counts the histogram is flat, and predicts nothing. */
const leastVariation = 2
/** With fewer times than this nothing is predicted. */
const leastTimes = 4

/**
 * Times between requests of one model, in bins of equal width. Where they are concentrated it tells when the next
 * request is due: from 0.9 × the 5th to 1.1 × the 99th percentile. Where they are flat, few, or mostly out of range, it
 * tells nothing. The published policy goes on to a time-series model for those out of range; this does not.
 *
 * Hybrid histogram policy: Shahrad et al., "Serverless in the Wild", USENIX ATC 2020, section 4.2.
 */
export class Arrivals {
  readonly #width: number
  readonly #bins: Uint32Array
  #total = 0
  #beyond = 0

  constructor({ bin, bins }: { readonly bin: number; readonly bins: number }) {
    this.#width = bin
    this.#bins = new Uint32Array(bins)
  }

  /** @param gap ms since the request before */
  add(gap: number): void {
    const index = Math.floor(gap / this.#width)
    if (index >= this.#bins.length) this.#beyond += 1
    else this.#bins[index] = (this.#bins[index] ?? 0) + 1
    this.#total += 1
  }

  window(): PrefetchWindow | undefined {
    const counted = this.#total - this.#beyond
    if (this.#total < leastTimes || counted < this.#beyond || this.#variation(counted) < leastVariation)
      return undefined
    const from = early * this.#percentile(head, counted) * this.#width
    // Asked for again almost at once: nothing to wait for, it should simply have stayed.
    if (from < this.#width / 2) return undefined
    return {
      from,
      expected: (this.#percentile(0.5, counted) + 0.5) * this.#width,
      until: late * (this.#percentile(tail, counted) + 1) * this.#width,
    }
  }

  /** Coefficient of variation of the counts. */
  #variation(counted: number): number {
    const mean = counted / this.#bins.length
    const squares = this.#bins.reduce((sum, count) => sum + (count - mean) ** 2, 0)
    return Math.sqrt(squares / this.#bins.length) / mean
  }

  /** The bin below which so large a part lies. */
  #percentile(part: number, counted: number): number {
    let sum = 0
    for (let bin = 0; bin < this.#bins.length; bin++) {
      sum += this.#bins[bin] ?? 0
      if (sum >= part * counted) return bin
    }
    return this.#bins.length - 1
  }
}
