import { z } from 'zod'
import { restored } from './restore.ts'
import { Samples } from './samples.ts'

const saved = z.record(z.string(), z.unknown())

export interface OnTimeOptions {
  /** Ratios kept per kind of path. Default 128. */
  readonly keep?: number
  /** Relative deviation assumed before anything was observed. Default 0.5. */
  readonly prior?: number
}

/** What is assumed counts as so many observations. */
const weight = 2

/**
 * The chance that the whole remainder of a message's way is done in time. Quantiles of its steps do not add, so the ratio
 * ρ = ln(observed / predicted) of the whole is pooled per kind of path: P = F_ρ(ln(left / predicted)), with a normal ρ as
 * prior, worth two observations.
 */
export class OnTime {
  readonly #keep: number
  readonly #prior: number
  readonly #paths = new Map<string, Samples>()

  constructor({ keep = 128, prior = 0.5 }: OnTimeOptions = {}) {
    this.#keep = keep
    this.#prior = prior
  }

  /**
   * @param path kind of path, e.g. `device`, `cloud:captured`
   * @param predicted milliseconds the remainder is predicted to take
   * @param left milliseconds that are left
   * @returns 0…1, never falling when more is left
   */
  chance(path: string, predicted: number, left: number): number {
    if (!(left > 0)) return 0
    if (!(predicted > 0)) return 1
    const ratio = Math.log(left / predicted)
    const assumed = normalCdf(ratio / this.#prior)
    const samples = this.#paths.get(path)
    if (!samples) return assumed
    return (samples.upTo(ratio) + weight * assumed) / (samples.count + weight)
  }

  /** The milliseconds within which the remainder is done with chance q, given what is predicted. */
  within(path: string, predicted: number, q: number): number {
    const ratio = this.#paths.get(path)?.quantile(q) ?? this.#prior * normalQuantile(q)
    return predicted * Math.exp(ratio)
  }

  /** Learns what the remainder took that was predicted to take so long. Ignores what is not above 0. */
  observe(path: string, predicted: number, observed: number): void {
    const ratio = Math.log(observed / predicted)
    if (!Number.isFinite(ratio)) return
    let samples = this.#paths.get(path)
    if (!samples) {
      samples = new Samples(this.#keep)
      this.#paths.set(path, samples)
    }
    samples.add(ratio)
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return Object.fromEntries([...this.#paths].map(([path, samples]) => [path, samples.save()]))
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const paths = Object.entries(restored(saved, from, 'chances to be on time'))
    this.#paths.clear()
    for (const [path, values] of paths) {
      const samples = new Samples(this.#keep)
      samples.restore(values)
      this.#paths.set(path, samples)
    }
  }
}

/** Logistic approximation of the normal distribution function, off by 0.01 at most. */
function normalCdf(x: number): number {
  return 1 / (1 + Math.exp(-1.702 * x))
}

/** Its inverse. */
function normalQuantile(q: number): number {
  const inside = Math.min(1 - 1e-9, Math.max(1e-9, q))
  return Math.log(inside / (1 - inside)) / 1.702
}
