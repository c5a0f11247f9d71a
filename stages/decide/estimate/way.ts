import { Pace } from './pace.ts'
import { Regression } from './regression.ts'

/** The usual changes slowly, and each crossing may be off by half. */
const steady = { size: 2, drift: 0.005, noise: 0.5 }
/** Crossings before which nothing is usual. */
const first = 4
/** What took longer or less by more than this factor is not usual, whatever it was: it counts as if it were just that. */
const unusual = 2
/** What did not get through in time would have taken longer, nobody knows how much: half as long again is learned. */
const beyond = 1.5
/** Milliseconds: no way takes less. */
const least = 1

/**
 * What the way to an edge and back takes: a line a + b·megabytes of what is usual there, whatever happened lately, times
 * the pace of these seconds.
 */
export class Way {
  readonly pace = new Pace()
  readonly #usual = new Regression(steady)
  readonly #x = new Float64Array([1, 0])

  /** Crossings observed. */
  get count(): number {
    return this.#usual.count
  }

  /** Milliseconds that so many bytes usually take. */
  usual(bytes: number): number {
    this.#x[1] = bytes / 1e6
    return this.#usual.mean(this.#x)
  }

  /** Variance of a, covariance of a and b, and variance of b, b per megabyte. */
  get spread(): readonly [number, number, number] {
    const usual = this.#usual
    return [usual.covariance(0, 0), usual.covariance(0, 1), usual.covariance(1, 1)]
  }

  /** Learns that so many bytes up, and the answer down, took `ms`, at local time `now`. */
  observe(bytes: number, ms: number, now: number): void {
    if (!Number.isFinite(ms)) return
    const usual = Math.max(least, this.usual(bytes))
    const known = this.count >= first
    if (known) this.pace.observe(now - ms, now, Math.max(least, ms) / usual)
    this.#x[1] = bytes / 1e6
    this.#usual.observe(this.#x, known ? Math.min(unusual * usual, Math.max(usual / unusual, ms)) : ms)
  }

  /** Learns that so many bytes did not get through in `ms`: more than was expected, or nothing is learned. */
  observeAtLeast(bytes: number, ms: number, now: number): void {
    if (ms > this.pace.factor * this.usual(bytes)) this.observe(bytes, beyond * ms, now)
  }

  /** What was learned of what is usual, as plain JSON. */
  save(): unknown {
    return this.#usual.save()
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    this.#usual.restore(from)
  }
}
