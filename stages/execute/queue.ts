/** Something that waits and may have a time by which it must be done. */
export interface Waiting {
  /** On the owner's clock, in milliseconds; without, it waits behind everything that has one. */
  readonly expires: number | undefined
}

/** What waits, earliest deadline first; equal ones in the order of their arrival. */
export class DeadlineQueue<T extends Waiting> {
  readonly #items: T[] = []

  get length(): number {
    return this.#items.length
  }

  /** The item at a place, 0 being the most urgent. */
  at(index: number): T | undefined {
    return this.#items[index]
  }

  add(item: T): void {
    const expires = item.expires ?? Infinity
    let low = 0
    let high = this.#items.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#items[middle]?.expires ?? Infinity
      if (other <= expires) low = middle + 1
      else high = middle
    }
    this.#items.splice(low, 0, item)
  }

  /** @returns whether it was waiting */
  remove(item: T): boolean {
    const index = this.#items.indexOf(item)
    if (index < 0) return false
    this.#items.splice(index, 1)
    return true
  }

  /** Empties it. @returns what was waiting, most urgent first */
  clear(): T[] {
    return this.#items.splice(0)
  }
}
