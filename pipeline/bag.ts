/** Something that can be in one bag. */
export interface Bagged {
  /** Its place there; the bag's own affair. */
  place: number
}

/**
 * What is under way, in no order. A `Set` that a few things enter and leave for every message is made anew again and
 * again, and each old one keeps what it held alive until the next full collection; here nothing is left behind.
 */
export class Bag<T extends Bagged> {
  readonly #all: T[] = []

  get size(): number {
    return this.#all.length
  }

  add(one: T): void {
    one.place = this.#all.length
    this.#all.push(one)
  }

  /** Whether it was in. */
  delete(one: T): boolean {
    const { place } = one
    if (this.#all[place] !== one) return false
    const last = this.#all.pop() as T
    if (last !== one) {
      this.#all[place] = last
      last.place = place
    }
    return true
  }

  clear(): void {
    this.#all.length = 0
  }

  /** As it is now: what comes and goes meanwhile changes nothing. */
  [Symbol.iterator](): IterableIterator<T> {
    return [...this.#all].values()
  }
}
