/** Something that waits and may have a time by which it must be done. */
export interface Waiting {
  /** On the owner's clock, in milliseconds; without, it waits behind everything that has one. */
  readonly expires: number | undefined
  /** Its place among equal deadlines, smaller first; equal ones keep the order of their arrival. Default 0. */
  readonly turn?: number
}

/** What waits, earliest deadline first; equal ones by their turn, then in the order of their arrival. */
export class DeadlineQueue<T extends Waiting> {
  readonly #items: T[] = []

  get length(): number {
    return this.#items.length
  }

  /** The item at a place, 0 being the most urgent. */
  at(index: number): T | undefined {
    return this.#items[index]
  }

  /** Most urgent first. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#items[Symbol.iterator]()
  }

  add(item: T): void {
    let low = 0
    let high = this.#items.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (before(item, this.#items[middle] as T)) high = middle
      else low = middle + 1
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
}

function before(one: Waiting, other: Waiting): boolean {
  const [first, second] = [one.expires ?? Infinity, other.expires ?? Infinity]
  if (first !== second) return first < second
  return (one.turn ?? 0) < (other.turn ?? 0)
}
