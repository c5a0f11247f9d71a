/**
 * What is held by name, in the order in which it came. A `Map` that a few messages enter and leave at a time is made
 * anew again and again, and each old one keeps the messages it held alive until the next full collection. Here the map
 * knows names and places alone.
 */
export class Registry<V> {
  readonly #places = new Map<string, number>()
  readonly #values: (V | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#places.size
  }

  has(name: string): boolean {
    return this.#places.has(name)
  }

  get(name: string): V | undefined {
    const place = this.#places.get(name)
    return place === undefined ? undefined : this.#values[place]
  }

  /** Holds it, in the place of what had its name. */
  set(name: string, value: V): void {
    const place = this.#places.get(name) ?? this.#free.pop() ?? this.#values.length
    this.#places.set(name, place)
    this.#values[place] = value
  }

  /** Whether there was one of this name. */
  delete(name: string): boolean {
    const place = this.#places.get(name)
    if (place === undefined) return false
    this.#places.delete(name)
    this.#values[place] = undefined
    this.#free.push(place)
    return true
  }

  /** The oldest first; what comes and goes meanwhile is seen as a `Map` shows it. */
  *values(): Generator<V> {
    for (const place of this.#places.values()) yield this.#values[place] as V
  }
}
