import { type Place, Shares } from './shares.ts'

/** What waits in line for a place that several share. */
export interface Queued {
  /** Whose it is. */
  readonly owner: string
  /** When it is of no use any more: local clock, ms. */
  readonly expires: number
}

/** A line for places, of which each owner gets its share (`Shares`); of one owner, the earliest deadline is first. */
export class FairQueue<T extends Queued> {
  readonly #shares: Shares
  /** Of each owner for whom something waits, earliest deadline first. */
  readonly #lines = new Map<string, T[]>()
  readonly #places: number
  #length = 0
  #held = 0

  /** @param places how many there are · @param now the local clock, ms */
  constructor(places: number, now: () => number) {
    this.#places = places
    this.#shares = new Shares(places, now)
  }

  /** How many wait. */
  get length(): number {
    return this.#length
  }

  /** Waits for a place. */
  add(item: T): void {
    const { owner, expires } = item
    const line = this.#lines.get(owner)
    if (line === undefined) this.#lines.set(owner, [item])
    else {
      let at = line.length
      while (at > 0 && (line[at - 1] as T).expires > expires) at--
      line.splice(at, 0, item)
    }
    this.#shares.wait(owner, expires)
    this.#length++
  }

  /** @returns whether it waited */
  remove(item: T): boolean {
    const line = this.#lines.get(item.owner)
    const at = line?.indexOf(item) ?? -1
    if (line === undefined || at < 0) return false
    line.splice(at, 1)
    if (line.length === 0) this.#lines.delete(item.owner)
    this.#shares.leave(item.owner)
    this.#length--
    return true
  }

  /** Who is served next, if there is a place for anybody who waits; it waits no longer. */
  next(): T | undefined {
    if (this.#length === 0 || this.#held >= this.#places) return undefined
    const next = this.#shares.next(firstOf(this.#lines.values()))
    if (next) this.remove(next)
    return next
  }

  /** A place for one that has just come, where nobody waits and its owner may have one. */
  take({ owner, expires }: Queued, now?: number): Place | undefined {
    if (this.#length > 0 || this.#held >= this.#places) return undefined
    const place = this.#shares.take(owner, expires, now)
    if (place) this.#held++
    return place
  }

  /** The place of one that is `next`. */
  hold({ owner }: Queued): Place {
    this.#held++
    return this.#shares.hold(owner)
  }

  /** What was done on a place has ended. */
  free(place: Place, now?: number): void {
    this.#held--
    this.#shares.end(place, now)
  }

  /** All who wait, who wait no longer. */
  clear(): T[] {
    const all = [...this.#lines.values()].flat()
    for (const item of all) this.remove(item)
    return all
  }
}

function* firstOf<T>(lines: Iterable<readonly T[]>): Generator<T> {
  for (const [first] of lines) yield first as T
}
