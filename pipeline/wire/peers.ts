import type { Clock } from '../clock.ts'
import { common, type Dialects, type VersionRange } from './dialects.ts'

/** What was heard so long ago, ms, says nothing of those that are there now: they may have been upgraded since. */
const lately = 60_000
/** Names come off the wire. */
const mostPeers = 1024

interface Peer {
  range: VersionRange
  at: number
}

/** Which versions of the wire the others speak, as they say in all they send, and which to speak to them therefore. */
export class Peers {
  readonly #own: Dialects
  readonly #clock: Clock
  readonly #peers = new Map<string, Peer>()
  /** To all of them, and until when that holds (local clock, ms). */
  #toAll: number | undefined
  #until = Number.NEGATIVE_INFINITY

  constructor(own: Dialects, clock: Clock) {
    this.#own = own
    this.#clock = clock
  }

  /** Takes note of what one speaks. @returns whether that was not known */
  heard(name: string, { least, most }: VersionRange): boolean {
    const known = this.#peers.get(name)
    const at = this.#clock.now()
    if (known && known.range.least === least && known.range.most === most) {
      known.at = at
      return false
    }
    if (!known && this.#peers.size >= mostPeers) this.#peers.delete(this.#peers.keys().next().value as string)
    this.#peers.set(name, { range: { least, most }, at })
    this.#until = Number.NEGATIVE_INFINITY
    return true
  }

  forget(name: string): void {
    if (this.#peers.delete(name)) this.#until = Number.NEGATIVE_INFINITY
  }

  /** What one was heard to speak. */
  rangeOf(name: string): VersionRange | undefined {
    return this.#peers.get(name)?.range
  }

  /** The version to speak to one: the highest that both know; undefined where there is none. */
  to(name: string): number | undefined {
    const known = this.#peers.get(name)
    return known ? common(this.#own, known.range) : (this.toAll ?? this.#own.least)
  }

  /**
   * The version to speak to whoever may hear it: the highest that all know who were heard of in the last minute, undefined
   * where there is none. Before anybody was heard of it is the lowest: whoever is newer knows that too, for as long as
   * there can be any in common.
   */
  get toAll(): number | undefined {
    const now = this.#clock.now()
    if (now >= this.#until) this.#look(now)
    return this.#toAll
  }

  /** The fewest versions in which everybody is reached who can be: one, where all have one in common. */
  get toEach(): readonly number[] {
    const all = this.toAll
    if (all !== undefined) return [all]
    const versions = [...this.#peers.keys()].flatMap((name) => this.to(name) ?? [])
    return [...new Set(versions)]
  }

  /** Whether some are known, and none of them speaks any version that this side does. */
  get strangers(): boolean {
    return this.toAll === undefined && this.toEach.length === 0
  }

  #look(now: number): void {
    let range: VersionRange = this.#own
    this.#until = Number.POSITIVE_INFINITY
    let heard = false
    for (const { range: theirs, at } of this.#peers.values()) {
      if (now - at >= lately) continue
      heard = true
      this.#until = Math.min(this.#until, at + lately)
      range = { least: Math.max(range.least, theirs.least), most: Math.min(range.most, theirs.most) }
    }
    const highest = range.most >= range.least ? range.most : undefined
    this.#toAll = heard ? highest : this.#own.least
  }
}
