import { z } from 'zod'
import { restored } from './restore.ts'
import { Samples } from './samples.ts'

const saved = z.strictObject({
  count: z.number().int().min(0),
  mean: z.number(),
  latest: z.number(),
  variance: z.number().min(0),
  samples: z.unknown(),
})

export interface ProfileOptions {
  /** Weight of the newest sample. Default 0.5, as MDInference has it. */
  readonly alpha?: number
  /** Expected before anything was measured. */
  readonly guess?: number
  /** Samples kept for quantiles. Default 32. */
  readonly keep?: number
}

/** Samples before a sample can be told to be cold. */
const known = 5
/** A sample so many deviations off is cold (MDInference). */
const far = 10

/**
 * What one model takes, ms: μ ← αx + (1−α)μ and σ² ← (1−α)(σ² + α(x−μ)²), as MDInference has it but seeded from the
 * first sample, and the quantiles of the last samples. A sample more than 10 σ above is cold (a load, a first run) and is
 * left out; a second one in a row is how things are now.
 */
export class Profile {
  readonly #alpha: number
  readonly #samples: Samples
  #mean: number
  #variance = 0
  #latest: number
  #count = 0
  #cold = false

  constructor({ alpha = 0.5, guess = 0, keep = 32 }: ProfileOptions = {}) {
    this.#alpha = alpha
    this.#mean = guess
    this.#latest = guess
    this.#samples = new Samples(keep)
  }

  /** Samples so far, cold ones not counted. */
  get count(): number {
    return this.#count
  }

  /** μ; the guess before the first sample. */
  get mean(): number {
    return this.#mean
  }

  /** The newest sample that counted; the guess before the first. */
  get latest(): number {
    return this.#latest
  }

  /** σ; 0 before the second sample. */
  get deviation(): number {
    return Math.sqrt(this.#variance)
  }

  /** The value that the share q of the last samples stays below; the guess before the first. */
  quantile(q: number): number {
    return this.#samples.quantile(q) ?? this.#mean
  }

  /** Whether the model would count as cold if it took so long. */
  isCold(ms: number): boolean {
    return this.#count >= known && ms - this.#mean > far * Math.max(this.deviation, 0.02 * this.#mean)
  }

  /** Learns a sample; returns whether it was counted. Samples that are not finite numbers never are. */
  observe(ms: number): boolean {
    if (!Number.isFinite(ms)) return false
    if (!this.#cold && this.isCold(ms)) {
      this.#cold = true
      return false
    }
    this.#cold = false
    this.#samples.add(ms)
    this.#latest = ms
    if (this.#count++ === 0) {
      this.#mean = ms
      return true
    }
    const error = ms - this.#mean
    this.#mean += this.#alpha * error
    this.#variance = (1 - this.#alpha) * (this.#variance + this.#alpha * error * error)
    return true
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return {
      count: this.#count,
      mean: this.#mean,
      latest: this.#latest,
      variance: this.#variance,
      samples: this.#samples.save(),
    }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { count, mean, latest, variance, samples } = restored(saved, from, 'a latency profile')
    this.#samples.restore(samples)
    this.#count = count
    this.#mean = mean
    this.#variance = variance
    this.#latest = latest
  }
}
