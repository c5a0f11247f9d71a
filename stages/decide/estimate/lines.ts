import { z } from 'zod'
import type { Target, World } from '../../../pipeline/index.ts'
import { LinkEstimate, type LinkEstimateOptions } from './link.ts'
import { restored } from './restore.ts'
import { Way } from './way.ts'

const saved = z.strictObject({ link: z.unknown(), ways: z.record(z.string(), z.unknown()) })

/** Milliseconds a link takes: base + byte · bytes, the answer's way down included. */
export interface Line {
  readonly base: number
  readonly byte: number
  /** How well that is known, ms²: √(spread[0] + 2 · spread[1] · bytes + spread[2] · bytes²) is the standard deviation. */
  readonly spread: readonly [number, number, number]
  /** How far off it may be besides, relative: it wears out. */
  readonly doubt: number
  /** Standard deviation of ln(ms) of one crossing about it. */
  readonly deviation: number
}

const certain = [0, 0, 0] as const

/** A link nobody knows anything of: 50 ms and 8 Mbit/s. */
const guessed: Line = { base: 50, byte: 1e-3, spread: certain, doubt: 0.8, deviation: 0.5 }
/** What one never saw is off by so much, relative. */
const unseen = 0.7
/** A probe of fewer bytes tells a round trip, and nothing of the rate. */
const telling = 4096
/** What did not get through in time would have taken longer, nobody knows how much: half as long again is expected. */
const beyond = 1.5
/** Milliseconds that are multiplied where a way seems slower: one that took none at all may be slow now, too. */
const least = 1
/** What is overdue counts until it is known whose fault it was; so many at most. */
const most = 8

/** What took at most so many times as long as expected was as quick as ever. */
const asEver = 1.5

interface Overdue {
  readonly edge: string
  readonly bytes: number
  readonly ms: number
}

/**
 * What the ways to the cloud take, by target. Messages that did not get through are held against the way as it is now, and
 * against an edge only once that very edge has answered again: the device may have moved to another, and what is known of
 * the one it left is to stay as it was.
 */
export class Lines {
  readonly link: LinkEstimate
  readonly #ways = new Map<string, Way>()
  #overdue: Overdue[] = []
  /** How many times slower than known the way seems. */
  #slower = 1

  constructor(link?: LinkEstimateOptions) {
    this.link = new LinkEstimate(link)
  }

  /** Messages in a row that did not get through. */
  get overdue(): number {
    return this.#overdue.length
  }

  /**
   * What is known of the way to a target; of the edge that answered last where nothing is.
   * @param late how many times slower it seems by what was not answered yet
   */
  line(target: Target, world: World, now: number, late = 1): Line {
    const edge = this.edge(target)
    if (edge === undefined || !this.link.knows(edge)) return this.#heardOf(world, now, late)
    const way = this.#way(edge)
    way.pace.at(now)
    const { factor, deviation } = way.pace
    const base = factor * way.usual(0)
    const byte = (factor * way.usual(1e6) - base) / 1e6
    const slower = edge === this.link.edge ? Math.max(late, this.#slower) : late
    const known = (slower * factor) ** 2
    const [constant, both, slope] = way.spread
    const spread = [known * constant, (known * both) / 1e6, (known * slope) / 1e12] as const
    const age = slower > 1 ? Number.POSITIVE_INFINITY : this.link.age(now, edge)
    return {
      base: slower > 1 ? slower * Math.max(least, base) : base,
      byte: slower * byte,
      spread,
      doubt: this.#aged(0, age),
      deviation,
    }
  }

  /** The edge by which a target is reached: the node it names, or the one that answered last. */
  edge(target: Target): string | undefined {
    return target.startsWith('node:') ? target.slice('node:'.length) : this.link.edge
  }

  /** Learns that so many bytes up, and the answer down, took `ms` over an edge. */
  crossed(edge: string, bytes: number, ms: number, now: number): void {
    const known = this.link.mean(bytes, edge)
    // Who answers now as quickly as ever was away; who is slow now is who was slow before, or another was.
    const away = known !== undefined && ms <= asEver * known
    for (const one of this.#overdue) if (!away && one.edge === edge) this.link.observeAtLeast(one.bytes, one.ms, now)
    this.link.observe(edge, bytes, ms, now)
    this.#way(edge).observe(bytes, ms, now)
    this.#settle()
  }

  /** Learns what a probe of so many bytes took. A round trip over a way that nobody took for long starts it afresh. */
  probed(edge: string, bytes: number, ms: number, now: number): void {
    const stale = this.#overdue.length > 0 || this.link.age(now, edge) > this.link.staleAfter
    const tells = bytes >= telling
    if (!tells && stale && this.link.knows(edge)) this.link.refresh(edge, ms, undefined, now)
    else this.link.observe(edge, tells ? bytes : 0, ms, now)
    if (tells || this.#way(edge).count === 0) this.#way(edge).observe(tells ? bytes : 0, ms, now)
    this.#settle()
  }

  /** Learns that so many bytes did not get through in `ms`: more than is expected, or nothing is learned. */
  notThrough(bytes: number, ms: number): void {
    const { edge } = this.link
    const mean = this.link.mean(bytes)
    if (edge === undefined || mean === undefined) return
    const known = Math.max(least, mean)
    if (this.#overdue.length < most) this.#overdue.push({ edge, bytes, ms })
    if (ms > known * this.#slower) this.#slower = (beyond * ms) / known
  }

  /** Made where the link has just been heard of, and forgotten with it. */
  #way(edge: string): Way {
    const known = this.#ways.get(edge)
    if (known) return known
    for (const other of this.#ways.keys()) if (!this.link.knows(other)) this.#ways.delete(other)
    const fresh = new Way()
    this.#ways.set(edge, fresh)
    return fresh
  }

  /** What was overdue is no longer in doubt. */
  #settle(): void {
    if (this.#overdue.length > 0) this.#overdue = []
    this.#slower = 1
  }

  /** What was learned, as plain JSON; paces of the moment are not kept. */
  save(): z.infer<typeof saved> {
    const ways = [...this.#ways].filter(([edge]) => this.link.knows(edge))
    return { link: this.link.save(), ways: Object.fromEntries(ways.map(([edge, way]) => [edge, way.save()])) }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { link, ways } = restored(saved, from, 'the ways to the cloud')
    this.link.restore(link)
    this.#ways.clear()
    for (const [edge, way] of Object.entries(ways)) this.#way(edge).restore(way)
  }

  #heardOf(world: World, now: number, late: number): Line {
    const fact = world.get('link')
    if (!fact) return { ...guessed, base: late * guessed.base, byte: late * guessed.byte }
    const { uplink = 0, rtt = guessed.base } = fact.value
    const byte = uplink > 0 ? 8000 / uplink : guessed.byte
    return {
      base: late * rtt,
      byte: late * byte,
      spread: certain,
      doubt: uplink > 0 ? this.#aged(0.3, now - fact.at) : guessed.doubt,
      deviation: guessed.deviation,
    }
  }

  /** What is known wears out: once it is stale, a link may be another. */
  #aged(doubt: number, age: number): number {
    return doubt + (unseen - Math.min(doubt, unseen)) * Math.min(1, age / this.link.staleAfter)
  }
}
