import type { Clock } from './clock.ts'
import type { Target } from './plan.ts'

/** Something known: by whom, and since when on the local clock. A field that was never observed is absent: unknown. */
export interface Fact<T> {
  readonly value: T
  /** Local clock, ms. */
  readonly at: number
  readonly owner: string
}

/** The way to the cloud. */
export interface Link {
  /** bit/s; undefined until something was sent. */
  readonly uplink?: number
  /** bit/s; undefined until something of size came back. */
  readonly downlink?: number
  /** ms, the shortest lately. */
  readonly rtt?: number
}

/** How busy the cloud half is. */
export interface CloudLoad {
  /** The node that said so. */
  readonly node: string
  /** Messages it holds. */
  readonly pending: number
  /** Messages it takes at most. */
  readonly capacity: number
  /** K: how many times longer than unloaded a run takes there now, waiting included, as the node measures it; ≥ 1. */
  readonly slowdown?: number
}

/** What deciders may know at the moment they decide. */
export interface WorldFacts {
  readonly link: Link
  /** The node that answered last. */
  readonly cloud: CloudLoad
  /** Each node that was heard of in the last minute, with what it said of itself and when. */
  readonly clouds: ReadonlyMap<string, Fact<CloudLoad>>
  /** Where the cloud's share may run: `any`, and where there are several nodes each by name. A new list when they change. */
  readonly targets: readonly Target[]
  /** Messages in flight from this device. */
  readonly inFlight: number
  /** Models loaded on this side. */
  readonly resident: readonly string[]
  /** Battery charge, 0…1. */
  readonly battery: number
}

/** The world as one half of a pipeline knows it. Written by the parts that observe, read by deciders. */
export class World {
  readonly #facts: { -readonly [K in keyof WorldFacts]?: Fact<WorldFacts[K]> } = {}
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get<K extends keyof WorldFacts>(field: K): Fact<WorldFacts[K]> | undefined {
    return this.#facts[field] as Fact<WorldFacts[K]> | undefined
  }

  /** The value alone, or undefined when it is unknown or older than `maxAge` ms. */
  value<K extends keyof WorldFacts>(field: K, maxAge = Number.POSITIVE_INFINITY): WorldFacts[K] | undefined {
    const fact = this.get(field)
    return fact && this.#clock.now() - fact.at <= maxAge ? fact.value : undefined
  }

  /** Milliseconds since a field was observed; Infinity when never. */
  age(field: keyof WorldFacts): number {
    const fact = this.#facts[field]
    return fact ? this.#clock.now() - fact.at : Number.POSITIVE_INFINITY
  }

  set<K extends keyof WorldFacts>(field: K, value: WorldFacts[K], owner: string): void {
    ;(this.#facts as Record<K, Fact<WorldFacts[K]>>)[field] = { value, at: this.#clock.now(), owner }
  }
}
