/** What waits in line for a place that several share. */
export interface Queued {
  /** Whose it is. */
  readonly owner: string
  /** When it is of no use any more: local clock, ms. */
  readonly expires: number
}

interface Line<T> {
  /** Earliest deadline first. */
  readonly waiting: T[]
  /** The places that its owner holds. */
  readonly held: Set<Place>
  /** Milliseconds that it has held places, from the level of those who were there when it came. */
  used: number
  /** When it was heard of last. */
  seen: number
}

/** A place that somebody holds, since when (local clock, ms). */
export interface Place {
  readonly owner: string
  readonly since: number
}

/** How long an owner who has nothing to do is still reckoned with, ms. */
const aboutFor = 10_000

/**
 * A line for places, served fairly: next is always the owner who has held places for the shortest time since it came, so
 * that owners get equal shares of the time (not of the calls: those of one may take longer), who has less to do leaves
 * its share to the others, and a lone owner has all. Of one owner, the earliest deadline is first.
 *
 * While others are about, nobody who holds a place already is given the last one: work that is begun is not interrupted,
 * and they would have to wait for all of it.
 */
export class FairQueue<T extends Queued> {
  readonly #now: () => number
  readonly #places: number
  readonly #lines = new Map<string, Line<T>>()
  /** What the one served last had used: who comes new begins there. */
  #level = 0
  #length = 0
  #held = 0

  /** @param places how many there are · @param now the local clock, ms */
  constructor(places: number, now: () => number) {
    this.#places = places
    this.#now = now
  }

  /** How many wait. */
  get length(): number {
    return this.#length
  }

  /** Waits for a place. */
  add(item: T): void {
    const { waiting } = this.#line(item.owner)
    let at = waiting.length
    while (at > 0 && (waiting[at - 1] as T).expires > item.expires) at--
    waiting.splice(at, 0, item)
    this.#length++
  }

  /** @returns whether it waited */
  remove(item: T): boolean {
    const waiting = this.#lines.get(item.owner)?.waiting
    const at = waiting?.indexOf(item) ?? -1
    if (at < 0) return false
    waiting?.splice(at, 1)
    this.#length--
    return true
  }

  /** Who is served next, if there is a place for anybody who waits; it waits no longer. */
  next(): T | undefined {
    if (this.#length === 0 || this.#held >= this.#places) return undefined
    const now = this.#now()
    let best: Line<T> | undefined
    let least = Number.POSITIVE_INFINITY
    let earliest = Number.POSITIVE_INFINITY
    for (const line of this.#lines.values()) {
      const [first] = line.waiting
      if (first === undefined || !this.#mayTake(line)) continue
      let { used } = line
      for (const { since } of line.held) used += now - since
      if (used < least || (used === least && first.expires < earliest)) {
        best = line
        least = used
        earliest = first.expires
      }
    }
    if (best === undefined) return undefined
    this.#length--
    this.#level = Math.max(this.#level, least)
    return best.waiting.shift()
  }

  /** A place for an owner, where nobody waits and it may have one. */
  take(owner: string): Place | undefined {
    if (this.#length > 0 || this.#held >= this.#places) return undefined
    const line = this.#line(owner)
    if (!this.#mayTake(line)) return undefined
    this.#level = Math.max(this.#level, line.used)
    return this.hold(owner)
  }

  /** The place of one that is `next`. */
  hold(owner: string): Place {
    const place = { owner, since: this.#now() }
    this.#line(owner).held.add(place)
    this.#held++
    return place
  }

  /** What was done on a place has ended. */
  free(place: Place): void {
    const line = this.#lines.get(place.owner)
    if (!line?.held.delete(place)) return
    this.#held--
    line.seen = this.#now()
    line.used += line.seen - place.since
  }

  /** All who wait, who wait no longer. */
  clear(): T[] {
    const all = [...this.#lines.values()].flatMap(({ waiting }) => waiting.splice(0))
    this.#length = 0
    return all
  }

  #mayTake(line: Line<T>): boolean {
    return this.#places === 1 || this.#held < this.#places - 1 || line.held.size === 0 || this.#lines.size === 1
  }

  #line(owner: string): Line<T> {
    const now = this.#now()
    let line = this.#lines.get(owner)
    if (line && line.held.size === 0 && line.waiting.length === 0) line.used = Math.max(line.used, this.#level)
    if (!line) {
      this.#leave(now)
      line = { waiting: [], held: new Set(), used: this.#level, seen: now }
      this.#lines.set(owner, line)
    }
    line.seen = now
    return line
  }

  /** Forgets owners who are gone, when another one comes: no more are kept than came within a while. */
  #leave(now: number): void {
    for (const [owner, { waiting, held, seen }] of this.#lines) {
      if (waiting.length === 0 && held.size === 0 && now - seen > aboutFor) this.#lines.delete(owner)
    }
  }
}
