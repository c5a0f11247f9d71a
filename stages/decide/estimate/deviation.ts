import { z } from 'zod'
import { restored } from './restore.ts'

const saved = z.strictObject({ variance: z.number().min(0), count: z.number().min(0) })

/** Assumed before anything was observed: what is off by half; counts as so many observations. */
const [assumed, weight] = [0.5, 2]
/** Observations after which the newest count for more. */
const horizon = 64
/** What is off by more deviations counts as if it were just that. */
const most = 4

/** How far off predictions of one step are: standard deviation of ln(observed ÷ predicted) about 0. */
export class Deviation {
  #variance = assumed * assumed
  #count = weight

  get value(): number {
    return Math.sqrt(this.#variance)
  }

  /** Learns what a step took that was predicted to take so long. Ignores what is not above 0. */
  observe(predicted: number, observed: number): void {
    const off = Math.log(observed / predicted)
    if (!Number.isFinite(off)) return
    this.#count = Math.min(horizon, this.#count + 1)
    this.#variance += (Math.min(off * off, most * most * this.#variance) - this.#variance) / this.#count
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return { variance: this.#variance, count: this.#count }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { variance, count } = restored(saved, from, 'how far off predictions are')
    this.#variance = variance
    this.#count = Math.max(weight, count)
  }
}
