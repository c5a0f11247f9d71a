import { FittedLine } from './line.ts'

/** Weight that a message keeps with each later one: the last twenty or so count. */
const keep = 0.95
/** Variance of what is there below which intercept and slope cannot be told apart. */
const leastSpread = 0.1
/** One message in so many may find one more there than is thought best, so that a way which has changed is noticed. */
const exploreEvery = 64
/** Nobody knows what is to come more exactly than this share of it. */
const leastDeviation = 0.02

/**
 * How long messages stay in a place that they share, by how many are there: T(k) = a + b·k ms, k counting the message
 * itself, by least squares over exponentially forgotten stays, with the deviation from it. Where a queue is what they
 * wait for, b is the time of the part that is short; where the way is merely long, b is 0.
 *
 * How many had better be there at once follows: the k for which most leave in time in a given time, k ÷ T(k) · P(T(k) ≤
 * budget), after Little's law.
 */
export class Residence {
  readonly #line = new FittedLine({ keep, leastVariance: () => leastSpread })
  #variance: number | undefined
  /** The most that were there when one came which has left in time. */
  #largest = 1
  #entered = 0
  /** The last number of places that was asked for, and for what; nothing was learned since. */
  #cached: { readonly most: number; readonly budget: number; readonly places: number } | undefined

  /** A message stayed for `ms`; it was the `count`th there when it came. */
  observe(count: number, ms: number): void {
    const expected = this.#line.at(count)
    if (expected !== undefined) {
      const squared = (ms - expected) ** 2
      this.#variance = this.#variance === undefined ? squared : keep * this.#variance + (1 - keep) * squared
    }
    this.#line.add(count, ms)
    this.#largest = Math.max(this.#largest, count)
    this.#cached = undefined
  }

  /** A message left unanswered after `ms`: it would have stayed at least so long, and longer than was thought. */
  exceeded(count: number, ms: number): void {
    this.observe(count, Math.max(ms, this.at(count) ?? 0))
  }

  /** Milliseconds that one which comes as the `count`th is expected to stay; undefined before anything was seen. */
  at(count: number): number | undefined {
    return this.#line.at(count)
  }

  /** The chance that one which comes as the `count`th has left within `ms`, 0…1; 1 before anything was seen. */
  chance(count: number, ms: number): number {
    const mean = this.#line.at(count)
    if (mean === undefined) return 1
    const deviation = Math.max(leastDeviation * mean, Math.sqrt(this.#variance ?? 0), Number.MIN_VALUE)
    // The logistic distribution, close to the normal one and cheap.
    return 1 / (1 + Math.exp((-1.702 * (ms - mean)) / deviation))
  }

  /** How many, of at most `most`, had better be there at once, so that most leave within `budget` ms of their coming. */
  places(most: number, budget: number): number {
    const cached = this.#cached
    let places = cached?.most === most && cached.budget === budget ? cached.places : undefined
    if (places === undefined) {
      places = this.#best(most, budget)
      this.#cached = { most, budget, places }
    }
    return places < most && this.#entered % exploreEvery === exploreEvery - 1 ? places + 1 : places
  }

  /** One has come in. */
  entered(): void {
    this.#entered++
  }

  #best(most: number, budget: number): number {
    // What was never tried is reached by doubling.
    const tried = Math.min(most, 2 * this.#largest)
    if (this.#line.at(1) === undefined || this.chance(most, budget) > 0.95) return most
    let best = 1
    let rate = 0
    for (let k = 1; k <= tried; k += Math.max(1, k >> 4)) {
      const count = Math.min(k, this.#largest)
      const expected = (k * this.chance(count, budget)) / (this.#line.at(count) as number)
      if (expected > rate) {
        rate = expected
        best = k
      }
    }
    return best
  }
}
