import { z } from 'zod'
import type { Target, World } from '../../../pipeline/index.ts'
import type { LinkEstimateOptions } from './link.ts'
import { restored } from './restore.ts'
import { Way } from './way.ts'

const saved = z.strictObject({ edge: z.string().optional(), ways: z.record(z.string(), z.unknown()) })

/** Milliseconds a link takes: base + byte · bytes, the answer's way down included. */
export interface Line {
  readonly base: number
  readonly byte: number
  /** How well that is known, ms²: √(spread[0] + 2 · spread[1] · bytes + spread[2] · bytes²) is the standard deviation. */
  readonly spread: readonly [number, number, number]
  /** How far off it may be besides, relative: it wears out. */
  readonly doubt: number
  /** Standard deviation of ln(ms) of one crossing about what is expected of it. */
  readonly varies: number
}

const certain = [0, 0, 0] as const

/** A link nobody knows anything of: 50 ms and 8 Mbit/s. */
const guessed: Line = { base: 50, byte: 1e-3, spread: certain, doubt: 0.8, varies: 0.5 }
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
/** What took at most so many times as long as usual was as quick as ever. */
const asEver = 1.5

interface Overdue {
  readonly edge: string
  readonly bytes: number
  readonly ms: number
}

interface Edge {
  readonly way: Way
  /** Local clock, ms: when it was last heard of. */
  at: number
}

/**
 * What the ways to the cloud take, by target. Kept per edge, so that after a handover the new one starts fresh, and coming
 * back finds what was known. Messages that did not get through are held against the way as it is now, and against an edge
 * only once that very edge has answered again: the device may have moved to another.
 */
export class Lines {
  readonly #edges = new Map<string, Edge>()
  readonly #staleAfter: number
  readonly #remember: number
  #current: string | undefined
  #overdue: Overdue[] = []
  /** How many times slower than known the way seems. */
  #slower = 1

  constructor({ staleAfter = 5000, remember = 32 }: LinkEstimateOptions = {}) {
    this.#staleAfter = staleAfter
    this.#remember = remember
  }

  /** The edge that answered last; undefined before the first. */
  get current(): string | undefined {
    return this.#current
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
    const known = edge === undefined ? undefined : this.#edges.get(edge)
    if (!known) return this.#heardOf(world, now, late)
    const { way, at } = known
    way.pace.at(now)
    const { factor, deviation } = way.pace
    const slower = edge === this.#current ? Math.max(late, this.#slower) : late
    const base = factor * way.usual(0)
    const times = (slower * factor) ** 2
    const [constant, both, slope] = way.spread
    return {
      base: slower > 1 ? slower * Math.max(least, base) : base,
      byte: (slower * (factor * way.usual(1e6) - base)) / 1e6,
      spread: [times * constant, (times * both) / 1e6, (times * slope) / 1e12],
      doubt: this.#aged(0, slower > 1 ? Number.POSITIVE_INFINITY : now - at),
      varies: deviation,
    }
  }

  /** The edge by which a target is reached: the node it names, or the one that answered last. */
  edge(target: Target): string | undefined {
    return target.startsWith('node:') ? target.slice('node:'.length) : this.#current
  }

  /** Learns that so many bytes up, and the answer down, took `ms` over an edge. */
  crossed(edge: string, bytes: number, ms: number, now: number): void {
    const before = this.#edges.get(edge)?.way
    // Who answers now as quickly as ever was away; who is slow now is who was slow before, or another was.
    const away = before !== undefined && ms <= asEver * before.usual(bytes)
    if (!away && before)
      for (const one of this.#overdue) if (one.edge === edge) before.observeAtLeast(one.bytes, one.ms, now)
    this.#heard(edge, now).observe(bytes, ms, now)
    this.#settle()
  }

  /** Learns what a probe of so many bytes took. A round trip tells that the way is open again, and nothing of its pace. */
  probed(edge: string, bytes: number, ms: number, now: number): void {
    const way = this.#heard(edge, now)
    if (bytes >= telling) way.observe(bytes, ms, now)
    else if (way.count === 0) way.observe(0, ms, now)
    this.#settle()
  }

  /** Learns that so many bytes did not get through in `ms`: more than is expected, or nothing is learned. */
  notThrough(bytes: number, ms: number): void {
    const edge = this.#current
    const way = edge === undefined ? undefined : this.#edges.get(edge)?.way
    if (edge === undefined || !way) return
    const known = Math.max(least, way.pace.factor * way.usual(bytes))
    if (this.#overdue.length < most) this.#overdue.push({ edge, bytes, ms })
    if (ms > known * this.#slower) this.#slower = (beyond * ms) / known
  }

  /** What was learned, as plain JSON. Ages and the paces of the moment are not kept: what is restored is stale. */
  save(): z.infer<typeof saved> {
    return {
      ...(this.#current === undefined ? {} : { edge: this.#current }),
      ways: Object.fromEntries([...this.#edges].map(([edge, { way }]) => [edge, way.save()])),
    }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { edge, ways } = restored(saved, from, 'the ways to the cloud')
    this.#edges.clear()
    for (const [name, way] of Object.entries(ways)) this.#heard(name, Number.NEGATIVE_INFINITY).restore(way)
    this.#current = edge
  }

  /** Moved to the end: the first is the one unheard of for longest. */
  #heard(edge: string, now: number): Way {
    const known = this.#edges.get(edge) ?? { way: new Way(), at: now }
    known.at = now
    this.#edges.delete(edge)
    this.#edges.set(edge, known)
    const [oldest] = this.#edges.keys()
    if (this.#edges.size > this.#remember && oldest !== undefined) this.#edges.delete(oldest)
    this.#current = edge
    return known.way
  }

  /** What was overdue is no longer in doubt. */
  #settle(): void {
    if (this.#overdue.length > 0) this.#overdue = []
    this.#slower = 1
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
      varies: guessed.varies,
    }
  }

  /** What is known wears out: once it is stale, a link may be another. */
  #aged(doubt: number, age: number): number {
    return doubt + (unseen - Math.min(doubt, unseen)) * Math.min(1, age / this.#staleAfter)
  }
}
