import { z } from 'zod'
import { restored } from './restore.ts'

const saved = z.array(z.number())

/** Samples beyond the outer tenths of what came before, in which a row is a tail. */
const tail = 0.1

/** The last so many samples, kept in order of size as well: any quantile at any moment, nothing allocated. */
export class Samples {
  readonly #ring: Float64Array
  readonly #sorted: Float64Array
  readonly #change: number
  #next = 0
  #count = 0
  /** How many in a row were beyond a tail: above (positive) or below (negative), and where it began. */
  #run = 0
  #edge = 0

  /**
   * @param capacity samples kept; the oldest leaves for the newest
   * @param change so many in a row above (or below) nine tenths of those before are how things are now: the others are
   * forgotten. By chance that happens once in 10^change. Default: never
   */
  constructor(capacity: number, change = Number.POSITIVE_INFINITY) {
    this.#ring = new Float64Array(capacity)
    this.#sorted = new Float64Array(capacity)
    this.#change = change
  }

  /** Samples held now. */
  get count(): number {
    return this.#count
  }

  /** Adds a sample; what is not a finite number is ignored. */
  add(value: number): void {
    if (!Number.isFinite(value)) return
    if (this.#change <= this.#ring.length && this.#isChange(value)) this.#keepLast(this.#change - 1)
    this.#insert(value)
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

  /** Whether the value is the last of a row that says that things have changed. */
  #isChange(value: number): boolean {
    if (this.#run > 0 && value > this.#edge) this.#run++
    else if (this.#run < 0 && value < this.#edge) this.#run--
    else {
      this.#run = 0
      const [low, high] = [this.quantile(tail), this.quantile(1 - tail)]
      if (low === undefined || high === undefined || this.#count < 2) return false
      if (value > high) this.#begin(1, high)
      else if (value < low) this.#begin(-1, low)
    }
    if (Math.abs(this.#run) < this.#change) return false
    this.#run = 0
    return true
  }

  #begin(run: number, edge: number): void {
    this.#run = run
    this.#edge = edge
  }

  #insert(value: number): void {
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

  #keepLast(count: number): void {
    const kept = this.save().slice(-count)
    this.#next = 0
    this.#count = 0
    for (const value of kept) this.#insert(value)
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
