import { z } from 'zod'
import { restored } from './restore.ts'

const saved = z.array(z.number())

/** The last so many samples, kept in order of size as well: any quantile at any moment, nothing allocated. */
export class Samples {
  readonly #ring: Float64Array
  readonly #sorted: Float64Array
  #next = 0
  #count = 0

  /** @param capacity samples kept; the oldest leaves for the newest */
  constructor(capacity: number) {
    this.#ring = new Float64Array(capacity)
    this.#sorted = new Float64Array(capacity)
  }

  /** Samples held now. */
  get count(): number {
    return this.#count
  }

  /** Adds a sample; what is not a finite number is ignored. */
  add(value: number): void {
    if (!Number.isFinite(value)) return
    const sorted = this.#sorted
    if (this.#count === this.#ring.length) {
      const leaves = this.#below(this.#ring[this.#next] as number)
      sorted.copyWithin(leaves, leaves + 1, this.#count)
      this.#count--
    }
    const at = this.#below(value)
    sorted.copyWithin(at + 1, at, this.#count)
    sorted[at] = value
    this.#count++
    this.#ring[this.#next] = value
    this.#next = (this.#next + 1) % this.#ring.length
  }

  /** The value below which the share q (0…1) of the samples lies, interpolated; undefined without samples. */
  quantile(q: number): number | undefined {
    if (this.#count === 0) return undefined
    const at = q * (this.#count - 1)
    const low = Math.floor(at)
    const a = this.#sorted[low] as number
    const b = this.#sorted[Math.min(low + 1, this.#count - 1)] as number
    return a + (b - a) * (at - low)
  }

  /** How many samples are ≤ value. */
  upTo(value: number): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sorted[middle] as number) <= value) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The samples, oldest first. */
  save(): number[] {
    const first = this.#count < this.#ring.length ? 0 : this.#next
    return Array.from({ length: this.#count }, (_, i) => this.#ring[(first + i) % this.#ring.length] as number)
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const values = restored(saved, from, 'samples')
    this.#next = 0
    this.#count = 0
    for (const value of values) this.add(value)
  }

  /** Position of the first sample that is not below the value. */
  #below(value: number): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sorted[middle] as number) < value) low = middle + 1
      else high = middle
    }
    return low
  }
}
