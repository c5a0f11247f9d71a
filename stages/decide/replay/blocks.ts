/** Blocks kept; when they are full, neighbours are joined. */
const most = 512

/** Sums of some columns over a stream, in blocks of neighbours: what a block bootstrap needs, in memory that stays flat. */
export class Blocks {
  readonly #columns: number
  readonly #sums: Float64Array
  /** Rows in each block but the last; blocks begun. */
  #length = 1
  #begun = 0
  #inLast = 0

  constructor(columns: number) {
    this.#columns = columns
    this.#sums = new Float64Array(columns * most)
  }

  add(row: Float64Array): void {
    if (this.#begun === 0 || this.#inLast === this.#length) this.#begin()
    const at = (this.#begun - 1) * this.#columns
    for (let i = 0; i < this.#columns; i++) this.#sums[at + i] = (this.#sums[at + i] as number) + (row[i] as number)
    this.#inLast++
  }

  /** Each column's sum over everything. */
  totals(): Float64Array {
    const totals = new Float64Array(this.#columns)
    for (let block = 0; block < this.#begun; block++) this.#addTo(totals, block)
    return totals
  }

  /**
   * Sums as they might have been: as many blocks, drawn with replacement (the non-overlapping block bootstrap of Carlstein,
   * 1986). Neighbours stay together, so that what is alike in a row does not count as independent.
   */
  resampled(random: () => number): Float64Array {
    const sums = new Float64Array(this.#columns)
    for (let n = 0; n < this.#begun; n++) this.#addTo(sums, Math.floor(random() * this.#begun))
    return sums
  }

  #begin(): void {
    if (this.#begun === most) {
      for (let block = 0; block < most / 2; block++) this.#join(block)
      this.#begun = most / 2
      this.#sums.fill(0, this.#begun * this.#columns)
      this.#length *= 2
    }
    this.#begun++
    this.#inLast = 0
  }

  #join(block: number): void {
    const to = block * this.#columns
    const [one, other] = [2 * to, 2 * to + this.#columns]
    for (let i = 0; i < this.#columns; i++) {
      this.#sums[to + i] = (this.#sums[one + i] as number) + (this.#sums[other + i] as number)
    }
  }

  #addTo(sums: Float64Array, block: number): void {
    const at = block * this.#columns
    for (let i = 0; i < this.#columns; i++) sums[i] = (sums[i] as number) + (this.#sums[at + i] as number)
  }
}
