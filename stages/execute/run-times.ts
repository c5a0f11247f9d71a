import { quantile } from 'simple-statistics'
import { FittedLine } from '../../pipeline/index.ts'

/** Weight that a run keeps with each later one: the last fifty or so count. */
const keep = 0.98

/** Runs whose deviation from the prediction is remembered, for the quantile. */
const remembered = 100

/** Runs after which the quantile is computed anew. */
const refresh = 10

/** Variance of the batch sizes below which base and slope cannot be told apart. */
const leastSpread = 0.05

/** Runs of a model after which its figures are believed. */
const enoughRuns = 5

/** A larger batch is worth its latency up to this share of the best rate. */
const enough = 0.95

/**
 * What runs of one model take, learned from them alone: t(n) = a + b·n milliseconds for a batch of n, by least squares
 * over exponentially forgotten runs, both held at 0 or above (Crankshaw et al., "Clipper", NSDI 2017, §4.3, learn the
 * same for their quantile regression). The tail is a quantile of observed ÷ predicted, one for all sizes.
 */
export class RunTimes {
  // Without knowledge of a base, as if batching gained nothing: deadlines are then kept.
  readonly #line = new FittedLine({ keep, leastVariance: () => leastSpread })
  #count = 0
  #largest = 0
  #tail = 1
  readonly #ratios: number[] = []

  /** Runs seen. */
  get count(): number {
    return this.#count
  }

  /** Enough runs were seen to judge others by them. */
  get believed(): boolean {
    return this.#count >= enoughRuns
  }

  /** Milliseconds that a run alone is expected to take; undefined while there is too little to judge by. */
  get usual(): number | undefined {
    return this.believed ? this.mean() : undefined
  }

  /** A batch of `n` took `ms`. */
  add(n: number, ms: number): void {
    const predicted = this.mean(n)
    if (predicted !== undefined && predicted > 0) this.#ratios[this.#count % remembered] = ms / predicted
    this.#line.add(n, ms)
    this.#count += 1
    this.#largest = Math.max(this.#largest, n)
    if (this.#ratios.length > 0 && (this.#count <= refresh || this.#count % refresh === 0)) {
      this.#tail = Math.max(1, quantile(this.#ratios.filter(Number.isFinite), 0.99))
    }
  }

  /** Milliseconds that a batch of `n` is expected to take; undefined before the first run. */
  mean(n = 1): number | undefined {
    return this.#line.at(n)
  }

  /** Milliseconds that 99 of 100 batches of `n` do not exceed; undefined before the first run. */
  p99(n = 1): number | undefined {
    const mean = this.mean(n)
    return mean === undefined ? undefined : mean * this.#tail
  }

  /**
   * The batch to aim at: the smallest that comes within 5 % of the best rate there is up to `most`. A size never tried
   * is reached by doubling, so that a model for which batching does not pay is found out at little cost.
   */
  worthwhile(most: number): number {
    const explored = Math.min(most, Math.max(1, this.#largest * 2))
    if (this.#count === 0) return 1
    if (!this.#line.spread) return explored
    const { a, b } = this.#line.coefficients
    // n ÷ (a + b·n) ≥ enough · most ÷ (a + b·most), solved for n.
    const rate = (enough * most) / (a + b * most)
    const least = 1 - b * rate <= 0 ? most : (a * rate) / (1 - b * rate)
    return Math.max(1, Math.min(explored, Math.ceil(least - 1e-9)))
  }
}
