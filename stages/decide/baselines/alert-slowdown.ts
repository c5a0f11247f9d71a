import { errorFunction } from 'simple-statistics'
import { z } from 'zod'
import { restored } from '../estimate/restore.ts'

const saved = z.strictObject({
  mean: z.number(),
  variance: z.number().min(0),
  gain: z.number().min(0).max(1),
  noise: z.number().min(0),
  moved: z.number(),
})

/** ALERT's parameters (Wan et al., USENIX ATC 2020): K₀, R, Q₀, and the share of the noise that is kept. */
const published = { gain: 0.5, measurement: 0.001, noise: 0.1, keep: 0.3 } as const

/**
 * ALERT's one slowdown ξ ~ N(μ, σ²) of all configurations: how many times longer than profiled everything takes.
 * Per observation t of what was profiled as p:
 *
 *     Q ← max(Q₀, 0.3·Q + 0.7·(K·y)²)     (K and y of the observation before)
 *     σ² ← (1 − K)·σ² + Q                 (K of the observation before)
 *     K ← σ² / (σ² + R)
 *     y ← t/p − μ,  μ ← μ + K·y
 *
 * from μ = 1, σ² = Q = Q₀ = 0.1, K = 0.5, y = 0; R = 0.001.
 */
export class AlertSlowdown {
  #mean = 1
  #variance: number = published.noise
  #gain: number = published.gain
  #noise: number = published.noise
  /** K·y of the last observation. */
  #moved = 0

  /** μ */
  get mean(): number {
    return this.#mean
  }

  /** σ */
  get deviation(): number {
    return Math.sqrt(this.#variance)
  }

  /** Learns that what was profiled as `profiled` ms took `ms`. Ignores what is not above 0. */
  observe(profiled: number, ms: number): void {
    const ratio = ms / profiled
    if (!(ratio > 0) || !Number.isFinite(ratio)) return
    const { measurement, noise, keep } = published
    this.#noise = Math.max(noise, keep * this.#noise + (1 - keep) * this.#moved ** 2)
    this.#variance = (1 - this.#gain) * this.#variance + this.#noise
    this.#gain = this.#variance / (this.#variance + measurement)
    this.#moved = this.#gain * (ratio - this.#mean)
    this.#mean += this.#moved
  }

  /** P(what was profiled as so many ms takes at most `within` ms) = Φ((within/profiled − μ)/σ). */
  chance(profiled: number, within: number): number {
    return normalCdf((within / profiled - this.#mean) / this.deviation)
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return { mean: this.#mean, variance: this.#variance, gain: this.#gain, noise: this.#noise, moved: this.#moved }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { mean, variance, gain, noise, moved } = restored(saved, from, "ALERT's slowdown")
    this.#mean = mean
    this.#variance = variance
    this.#gain = gain
    this.#noise = noise
    this.#moved = moved
  }
}

/** Φ(x), by the library's error function: off by 2·10⁻⁷ at most. */
function normalCdf(x: number): number {
  return (1 + errorFunction(x / Math.SQRT2)) / 2
}
