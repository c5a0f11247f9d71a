import type { Way } from '../../../pipeline/index.ts'
import { Regression } from './regression.ts'

/** How quickly the spreads follow. */
const follow = 0.02

/** Mean and variance of a logarithm, old ones forgotten. */
class Spread {
  #mean: number | undefined
  variance = 0

  observe(value: number): void {
    const ln = Math.log(Math.max(value, 1e-3))
    const off = ln - (this.#mean ?? ln)
    this.#mean = (this.#mean ?? ln) + follow * off
    this.variance += follow * (off * off - this.variance)
  }
}

/**
 * What the way down may take, as far as the cloud can know, which never sees it: what its sender expects, as far off as the way
 * up was from what is usual for so many bytes. By the law of total variance: what the expectations of the way down
 * vary themselves is known, only the rest of the variance of the way up is not. A way down that is told with every
 * message as it will be is taken as told.
 */
export class Legs {
  readonly #usual = new Regression({ size: 2 })
  readonly #up = new Spread()
  readonly #down = new Spread()
  readonly #x = new Float64Array([1, 0])

  /** Milliseconds that the way down of a message of so many bytes may have taken, one of many possible; learns from its way up. */
  draw({ up, down }: Way, bytes: number): number {
    this.#up.observe(up)
    this.#down.observe(down)
    this.#x[1] = bytes / 1e6
    const usual = this.#usual.count > 0 ? this.#usual.mean(this.#x) : up
    this.#usual.observe(this.#x, up)
    const untold = Math.max(0, 1 - this.#down.variance / Math.max(this.#up.variance, 1e-12))
    return usual > 0 && up > 0 ? down * (up / usual) ** Math.sqrt(untold) : down
  }
}
