import { z } from 'zod'
import { BadConfiguration } from '../../../pipeline/index.ts'
import { restored } from '../estimate/restore.ts'

const saved = z.strictObject({
  count: z.number().int().min(0),
  inverse: z.array(z.number()),
  sums: z.array(z.number()),
})

/**
 * A linear bandit (LinUCB): y ≈ θᵀx with θ = A⁻¹b, A = I + Σxxᵀ, b = Σxy. The inverse is kept by the formula of Sherman and
 * Morrison: O(n²) per observation, nothing allocated.
 */
export class LinearBandit {
  readonly #size: number
  readonly #inverse: Float64Array
  readonly #sums: Float64Array
  readonly #theta: Float64Array
  readonly #along: Float64Array
  #count = 0

  /** @param size number of features */
  constructor(size: number) {
    this.#size = size
    this.#inverse = new Float64Array(size * size)
    for (let i = 0; i < size; i++) this.#inverse[i * size + i] = 1
    this.#sums = new Float64Array(size)
    this.#theta = new Float64Array(size)
    this.#along = new Float64Array(size)
  }

  /** Observations so far. */
  get count(): number {
    return this.#count
  }

  /** θᵀx: 0 before the first observation, and below 0 where it says so. */
  mean(x: Float64Array): number {
    let sum = 0
    for (let i = 0; i < this.#size; i++) sum += (this.#theta[i] as number) * (x[i] as number)
    return sum
  }

  /** √(xᵀA⁻¹x): how little is known about x, ‖x‖ before the first observation. */
  width(x: Float64Array): number {
    const size = this.#size
    const inverse = this.#inverse
    let sum = 0
    // The matrix is symmetric: one half counts twice.
    for (let i = 0; i < size; i++) {
      const own = x[i] as number
      if (own === 0) continue
      let row = 0
      for (let j = i + 1; j < size; j++) row += (inverse[i * size + j] as number) * (x[j] as number)
      sum += own * ((inverse[i * size + i] as number) * own + 2 * row)
    }
    return Math.sqrt(Math.max(0, sum))
  }

  /** A += xxᵀ, b += xy. Observations that are not finite numbers are ignored. */
  observe(x: Float64Array, y: number): void {
    if (!Number.isFinite(y) || !x.every(Number.isFinite)) return
    const size = this.#size
    let scale = 1
    for (let i = 0; i < size; i++) this.#along[i] = this.#row(i, x)
    for (let i = 0; i < size; i++) scale += (this.#along[i] as number) * (x[i] as number)
    for (let i = 0; i < size; i++) {
      this.#sums[i] = (this.#sums[i] as number) + (x[i] as number) * y
      for (let j = i; j < size; j++) {
        const value =
          (this.#inverse[i * size + j] as number) - ((this.#along[i] as number) * (this.#along[j] as number)) / scale
        this.#inverse[i * size + j] = value
        this.#inverse[j * size + i] = value
      }
    }
    this.#solve()
    this.#count++
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return { count: this.#count, inverse: [...this.#inverse], sums: [...this.#sums] }
  }

  /** @throws BadConfiguration when this is not what `save` gave, or of another size */
  restore(from: unknown): void {
    const { count, inverse, sums } = restored(saved, from, 'a linear bandit')
    if (sums.length !== this.#size || inverse.length !== this.#size ** 2) {
      throw new BadConfiguration(
        `What was saved of a linear bandit has ${sums.length} features, this one has ${this.#size}. Start anew.`,
      )
    }
    this.#count = count
    this.#inverse.set(inverse)
    this.#sums.set(sums)
    this.#solve()
  }

  #solve(): void {
    for (let i = 0; i < this.#size; i++) this.#theta[i] = this.#row(i, this.#sums)
  }

  #row(i: number, x: Float64Array): number {
    let sum = 0
    for (let j = 0; j < this.#size; j++) sum += (this.#inverse[i * this.#size + j] as number) * (x[j] as number)
    return sum
  }
}
