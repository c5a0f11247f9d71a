import { z } from 'zod'
import { BadConfiguration } from '../../../pipeline/index.ts'
import { restored } from './restore.ts'

export interface RegressionOptions {
  /** Number of features, the constant 1 included. */
  readonly size: number
  /** How far each weight may wander from one observation to the next, as a share of its own scale. Default 0.03. */
  readonly drift?: number
  /** Standard deviation of one observation, as a share of what is predicted. Default 0.15. */
  readonly noise?: number
  /** The least standard deviation of one observation. Default 0.1 (ms). */
  readonly floor?: number
}

const number = z.number()
const saved = z.strictObject({
  count: z.number().int().min(0),
  weights: z.array(number),
  spread: z.array(number),
  level: number,
  scales: z.array(number),
  streak: number,
})

/** How many standard deviations off an observation must be to count as a surprise. */
const surprise = 3
/** How quickly the levels of features and target follow. */
const levelRate = 0.1
/** No weight is known worse than so many times what it could be at most. */
const widest = 2

/**
 * Linear regression by a Kalman filter, for durations: y ≈ w·x with w ≥ 0 and x ≥ 0. Weights drift (P ← P + Q), and what is not known about
 * them is capped by the level of the data, so that a feature which never changes cannot wind anything up. Noise grows
 * with the prediction. One surprise is taken for an outlier and cut off; a second one in a row on the same side is
 * taken for a step, and opens the filter. Nothing is allocated per observation.
 */
export class Regression {
  readonly #size: number
  readonly #drift: number
  readonly #noise: number
  readonly #floor: number
  readonly #weights: Float64Array
  /** The weights' covariance, row by row. */
  readonly #spread: Float64Array
  /** Mean |x| per feature, and mean |y|. */
  readonly #scales: Float64Array
  readonly #gain: Float64Array
  #level = 0
  #count = 0
  /** Surprises in a row: above 0 when more came than was predicted, below when less. */
  #streak = 0

  constructor({ size, drift = 0.03, noise = 0.15, floor = 0.1 }: RegressionOptions) {
    this.#size = size
    this.#drift = drift
    this.#noise = noise
    this.#floor = floor
    this.#weights = new Float64Array(size)
    this.#spread = new Float64Array(size * size)
    this.#scales = new Float64Array(size)
    this.#gain = new Float64Array(size)
  }

  /** Observations so far. */
  get count(): number {
    return this.#count
  }

  /** The weights as they are now, one per feature. */
  get weights(): readonly number[] {
    return [...this.#weights]
  }

  /** What is expected at x, never below 0; 0 before the first observation. */
  mean(x: ArrayLike<number>): number {
    const weights = this.#weights
    let sum = 0
    for (let i = 0; i < this.#size; i++) sum += (weights[i] as number) * (x[i] as number)
    return sum > 0 ? sum : 0
  }

  /** Variance of the expectation at x: of the line alone, or with `observation`, of one observation about it. */
  variance(x: ArrayLike<number>, observation = false): number {
    if (this.#count === 0) return Number.POSITIVE_INFINITY
    return observation ? this.#varianceAt(x) + this.#noiseAt(this.mean(x)) : this.#varianceAt(x)
  }

  /** Variance of one weight; Infinity before the first observation. */
  varianceOf(weight: number): number {
    return this.covariance(weight, weight)
  }

  /** Covariance of two weights; Infinity before the first observation. */
  covariance(one: number, other: number): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : (this.#spread[one * this.#size + other] as number)
  }

  /** Learns that y was observed at x. Observations that are not finite numbers are ignored. */
  observe(x: ArrayLike<number>, y: number): void {
    if (!Number.isFinite(y)) return
    for (let i = 0; i < this.#size; i++) if (!Number.isFinite(x[i])) return
    if (this.#count === 0) this.#begin(x, y)
    else this.#follow(x, y)
    this.#wander()
    const mean = this.mean(x)
    let variance = this.#varianceAt(x) + this.#noiseAt(mean)
    let error = y - mean
    const z = error / Math.sqrt(variance)
    if (this.#count > 2 && Math.abs(z) > surprise) {
      const side = Math.sign(z)
      if (this.#streak * side > 0) {
        this.#streak += side
        this.#open((z * z) / 2)
        variance = this.#varianceAt(x) + this.#noiseAt(mean)
      } else {
        this.#streak = side
        error = side * surprise * Math.sqrt(variance)
      }
    } else this.#streak = 0
    this.#correct(x, error, variance)
    this.#count++
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return {
      count: this.#count,
      weights: [...this.#weights],
      spread: [...this.#spread],
      level: this.#level,
      scales: [...this.#scales],
      streak: this.#streak,
    }
  }

  /** @throws BadConfiguration when this is not what `save` gave, or of another size */
  restore(from: unknown): void {
    const { count, weights, spread, level, scales, streak } = restored(saved, from, 'a regression')
    if (weights.length !== this.#size || scales.length !== this.#size || spread.length !== this.#size ** 2) {
      throw new BadConfiguration(
        `What was saved of a regression has ${weights.length} weights, this one has ${this.#size}. Start anew.`,
      )
    }
    this.#count = count
    this.#weights.set(weights)
    this.#spread.set(spread)
    this.#scales.set(scales)
    this.#level = level
    this.#streak = streak
  }

  #varianceAt(x: ArrayLike<number>): number {
    const spread = this.#spread
    const size = this.#size
    let sum = 0
    for (let i = 0; i < size; i++) {
      let row = 0
      for (let j = 0; j < size; j++) row += (spread[i * size + j] as number) * (x[j] as number)
      sum += row * (x[i] as number)
    }
    return sum > 0 ? sum : 0
  }

  #noiseAt(mean: number): number {
    const deviation = this.#noise * mean + this.#floor
    return deviation * deviation
  }

  /** Before the first observation each feature may explain all of it. */
  #begin(x: ArrayLike<number>, y: number): void {
    this.#level = Math.max(Math.abs(y), this.#floor)
    for (let i = 0; i < this.#size; i++) {
      this.#scales[i] = Math.abs(x[i] as number)
      this.#spread[i * this.#size + i] = this.#widest(i)
    }
  }

  #follow(x: ArrayLike<number>, y: number): void {
    this.#level = Math.max(this.#floor, this.#level + levelRate * (Math.abs(y) - this.#level))
    for (let i = 0; i < this.#size; i++) {
      const scale = this.#scales[i] as number
      this.#scales[i] = scale + levelRate * (Math.abs(x[i] as number) - scale)
    }
  }

  /** The most variance a weight may have: as if its feature alone explained everything, and more. */
  #widest(i: number): number {
    const scale = Math.max(this.#scales[i] as number, 1e-9)
    const most = (widest * this.#level) / scale
    return most * most
  }

  /** Time passes: the weights may have drifted. */
  #wander(): void {
    const size = this.#size
    for (let i = 0; i < size; i++) {
      const own = Math.abs(this.#weights[i] as number) + (0.1 * this.#level) / Math.max(this.#scales[i] as number, 1e-9)
      const step = this.#drift * own
      this.#spread[i * size + i] = (this.#spread[i * size + i] as number) + step * step
    }
    this.#cap()
  }

  /** Something has changed: what was believed of the weights counts for less. */
  #open(times: number): void {
    for (let i = 0; i < this.#spread.length; i++) this.#spread[i] = (this.#spread[i] as number) * times
    this.#cap()
  }

  /** Scales rows and columns whose variance is too large; that keeps the matrix what a covariance must be. */
  #cap(): void {
    const size = this.#size
    for (let i = 0; i < size; i++) {
      const variance = this.#spread[i * size + i] as number
      const most = this.#widest(i)
      if (variance <= most) continue
      const by = Math.sqrt(most / variance)
      for (let j = 0; j < size; j++) {
        this.#spread[i * size + j] = (this.#spread[i * size + j] as number) * by
        this.#spread[j * size + i] = (this.#spread[j * size + i] as number) * by
      }
    }
  }

  #correct(x: ArrayLike<number>, error: number, variance: number): void {
    const size = this.#size
    const spread = this.#spread
    const gain = this.#gain
    for (let i = 0; i < size; i++) {
      let row = 0
      for (let j = 0; j < size; j++) row += (spread[i * size + j] as number) * (x[j] as number)
      gain[i] = row
    }
    for (let i = 0; i < size; i++) {
      const g = gain[i] as number
      this.#weights[i] = (this.#weights[i] as number) + (g / variance) * error
      // Both halves get the very same number: the matrix stays symmetric whatever the rounding.
      for (let j = i; j < size; j++) {
        const value = (spread[i * size + j] as number) - (g * (gain[j] as number)) / variance
        spread[i * size + j] = value
        spread[j * size + i] = value
      }
    }
    for (let i = 0; i < size; i++) {
      if ((spread[i * size + i] as number) < 0) spread[i * size + i] = 0
    }
    this.#bound()
  }

  /**
   * No feature saves time: a weight below 0 is set to 0, and those it was confused with take over what it said. Without
   * this a negative constant can hide that the other weights are far too large.
   */
  #bound(): void {
    const size = this.#size
    const weights = this.#weights
    for (let i = 0; i < size; i++) {
      const weight = weights[i] as number
      if (weight >= 0) continue
      const variance = this.#spread[i * size + i] as number
      if (variance > 0) {
        for (let j = 0; j < size; j++) {
          weights[j] = (weights[j] as number) - ((this.#spread[j * size + i] as number) / variance) * weight
        }
      }
      weights[i] = 0
    }
    for (let i = 0; i < size; i++) if ((weights[i] as number) < 0) weights[i] = 0
  }
}
