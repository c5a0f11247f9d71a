import { quantile } from 'simple-statistics'

/** Runs that are remembered, and after how many the figure is computed anew. */
const [remembered, refresh] = [32, 8]

/**
 * Milliseconds that a run takes beyond what the runtime computes: the way there and back. The lower quartile of the last
 * ones, since the rest says how long this thread was busy with other things, which is no property of the run.
 */
export class Overhead {
  readonly #last: number[] = []
  #count = 0
  /** 0 before the first run. */
  ms = 0

  add(ms: number): void {
    this.#last[this.#count % remembered] = Math.max(0, ms)
    this.#count += 1
    if (this.#count <= refresh || this.#count % refresh === 0) this.ms = quantile(this.#last, 0.25)
  }
}
