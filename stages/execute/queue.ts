/** Something that waits and may have a time by which it must be done. */
export interface Waiting {
  readonly model: { readonly key: string }
  /** On the owner's clock, in milliseconds; without, it waits behind everything that has one. */
  readonly expires: number | undefined
  /** Its place among equal deadlines, smaller first; equal ones keep the order of their arrival. Default 0. */
  readonly turn?: number
  /** Its place among those that came; the queue's own affair. */
  arrival?: number | undefined
}

/** What waits for one model, most urgent first; never empty. */
export interface Line<T extends Waiting> {
  readonly key: string
  readonly items: readonly T[]
}

interface GrowingLine<T extends Waiting> extends Line<T> {
  readonly items: T[]
}

const nothing: readonly never[] = []

/**
 * What waits, earliest deadline first; equal ones by their turn, then in the order of their arrival. Kept as a line for
 * each model, since whoever looks for the next run passes over all of a model whose runs cannot begin.
 */
export class DeadlineQueue<T extends Waiting> {
  /** By their first items. */
  readonly #lines: GrowingLine<T>[] = []
  readonly #byKey = new Map<string, GrowingLine<T>>()
  #arrived = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** The models that are waited for, the one of the most urgent item first. */
  get lines(): readonly Line<T>[] {
    return this.#lines
  }

  /** What waits for one model, most urgent first. */
  of(key: string): readonly T[] {
    return this.#byKey.get(key)?.items ?? nothing
  }

  /** Everything, model by model. */
  *[Symbol.iterator](): Generator<T> {
    for (const { items } of this.#lines) yield* items
  }

  add(item: T): void {
    item.arrival = this.#arrived++
    this.#length++
    const { key } = item.model
    const line = this.#byKey.get(key)
    if (line === undefined) {
      const fresh = { key, items: [item] }
      this.#byKey.set(key, fresh)
      this.#place(fresh)
      return
    }
    const at = firstBehind(line.items, (each) => this.#before(item, each))
    if (at > 0) {
      line.items.splice(at, 0, item)
      return
    }
    this.#lift(line)
    line.items.unshift(item)
    this.#place(line)
  }

  /** @returns whether it was waiting */
  remove(item: T): boolean {
    const line = this.#byKey.get(item.model.key)
    if (line === undefined || item.arrival === undefined) return false
    item.arrival = undefined
    this.#length--
    const at = line.items.indexOf(item)
    if (at > 0) {
      line.items.splice(at, 1)
      return true
    }
    this.#lift(line)
    line.items.shift()
    if (line.items.length === 0) this.#byKey.delete(line.key)
    else this.#place(line)
    return true
  }

  /** Items of each model that are due at `expires` or before. */
  *due(expires: number): Generator<{ readonly key: string; readonly count: number }> {
    for (const { key, items } of this.#lines) {
      if (deadline(items[0] as T) > expires) return
      yield { key, count: firstBehind(items, (each) => deadline(each) > expires) }
    }
  }

  #lift(line: GrowingLine<T>): void {
    this.#lines.splice(this.#lines.indexOf(line), 1)
  }

  #place(line: GrowingLine<T>): void {
    const [first] = line.items as [T]
    const at = firstBehind(this.#lines, ({ items }) => this.#before(first, items[0] as T))
    this.#lines.splice(at, 0, line)
  }

  #before(one: T, other: T): boolean {
    const [first, second] = [deadline(one), deadline(other)]
    if (first !== second) return first < second
    const [turn, otherTurn] = [one.turn ?? 0, other.turn ?? 0]
    if (turn !== otherTurn) return turn < otherTurn
    return (one.arrival as number) < (other.arrival as number)
  }
}

function deadline({ expires }: Waiting): number {
  return expires ?? Infinity
}

/** Index of the first of a sorted row for which `behind` holds, as it does for all that follow. */
function firstBehind<T>(sorted: readonly T[], behind: (item: T) => boolean): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (behind(sorted[middle] as T)) high = middle
    else low = middle + 1
  }
  return low
}
