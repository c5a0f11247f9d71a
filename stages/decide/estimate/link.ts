import { z } from 'zod'
import { Regression } from './regression.ts'
import { restored } from './restore.ts'

const saved = z.strictObject({
  edge: z.string().optional(),
  edges: z.record(z.string(), z.strictObject({ regression: z.unknown(), rtt: z.number().optional() })),
})

export interface LinkEstimateOptions {
  /** Milliseconds after which what is known of an edge is stale, and a probe is due. Default 5000. */
  readonly staleAfter?: number | undefined
  /** Edges remembered; the one unheard of for longest is forgotten. Default 32. */
  readonly remember?: number | undefined
}

interface Edge {
  readonly regression: Regression
  /** Shortest round trip lately, ms. */
  rtt: number | undefined
  /** Local clock, ms. */
  at: number
}

/** What did not get through in time would have taken longer, nobody knows how much: half as long again is learned. */
const beyond = 1.5
/** Below so many bytes a crossing is a round trip and nothing else. */
const small = 4096
/** What a probe says of the rate counts as one crossing of so many bytes. */
const probed = 1e5

/**
 * The way to the cloud, learned from crossings: milliseconds = a + b · megabytes, there and back. Kept per edge (the
 * node or the network at the other end): after a handover the new edge starts fresh, and coming back finds what was known.
 * The edge that answered last is the one predictions are about.
 */
export class LinkEstimate {
  readonly #edges = new Map<string, Edge>()
  /** Milliseconds after which what is known of an edge is stale. */
  readonly staleAfter: number
  readonly #remember: number
  readonly #x = new Float64Array([1, 0])
  #current: string | undefined

  constructor({ staleAfter = 5000, remember = 32 }: LinkEstimateOptions = {}) {
    this.staleAfter = staleAfter
    this.#remember = remember
  }

  /** The edge that answered last; undefined before the first. */
  get edge(): string | undefined {
    return this.#current
  }

  /** Crossings observed over the current edge. */
  get count(): number {
    return this.#edge()?.regression.count ?? 0
  }

  /** Uplink of the current edge, bit/s; undefined while nothing tells. */
  get uplink(): number | undefined {
    return this.uplinkTo()
  }

  /** Uplink of an edge, bit/s; undefined while nothing tells. */
  uplinkTo(edge: string | undefined = this.#current): number | undefined {
    const perMegabyte = this.#edge(edge)?.regression.weights[1]
    return perMegabyte !== undefined && perMegabyte > 0 ? 8e9 / perMegabyte : undefined
  }

  /** Whether anything was observed over an edge. */
  knows(edge: string): boolean {
    return (this.#edges.get(edge)?.regression.count ?? 0) > 0
  }

  /** Shortest round trip of the current edge lately, ms. */
  get rtt(): number | undefined {
    return this.#edge()?.rtt
  }

  /** Milliseconds an answer takes to come down: half a round trip, as answers are small. */
  get downlink(): number | undefined {
    const { rtt } = this
    return rtt === undefined ? undefined : rtt / 2
  }

  /** Milliseconds that so many bytes up an edge and the answer down take; undefined while nothing was observed there. */
  mean(bytes: number, edge: string | undefined = this.#current): number | undefined {
    const known = this.#edge(edge)
    if (!known || known.regression.count === 0) return undefined
    this.#x[1] = bytes / 1e6
    return known.regression.mean(this.#x)
  }

  /** Variance of the same; with `observation`, of one crossing. */
  variance(bytes: number, observation = false, name: string | undefined = this.#current): number {
    const edge = this.#edge(name)
    if (!edge) return Number.POSITIVE_INFINITY
    this.#x[1] = bytes / 1e6
    return edge.regression.variance(this.#x, observation)
  }

  /** Variance of b, the milliseconds per megabyte. */
  get slopeVariance(): number {
    return this.slopeVarianceTo()
  }

  /** The same over an edge. */
  slopeVarianceTo(edge: string | undefined = this.#current): number {
    return this.#edge(edge)?.regression.varianceOf(1) ?? Number.POSITIVE_INFINITY
  }

  /** Covariance of a and b over an edge. */
  covarianceTo(edge: string | undefined = this.#current): number {
    return this.#edge(edge)?.regression.covariance(0, 1) ?? Number.POSITIVE_INFINITY
  }

  /** Milliseconds since an edge was observed; Infinity when never. */
  age(now: number, edge: string | undefined = this.#current): number {
    const known = this.#edge(edge)
    return known ? now - known.at : Number.POSITIVE_INFINITY
  }

  /** Whether what is known is stale, so that a small message should be sent to learn anew. */
  due(now: number): boolean {
    return this.age(now) > this.staleAfter
  }

  /** Learns that so many bytes up, and the answer down, took `ms` over an edge, at local time `now`. */
  observe(edge: string, bytes: number, ms: number, now: number): void {
    const known = this.#of(edge, now)
    this.#x[1] = bytes / 1e6
    known.regression.observe(this.#x, ms)
    if (bytes < small) known.rtt = known.rtt === undefined ? ms : Math.min(ms, known.rtt * 1.01)
    known.at = now
    this.#current = edge
  }

  /**
   * Learns that so many bytes did not get through in `ms`: more than was predicted, or nothing is learned.
   * Says nothing about an edge that was never heard of.
   */
  observeAtLeast(bytes: number, ms: number, now: number): void {
    const edge = this.#edge()
    const mean = this.mean(bytes)
    if (!edge || mean === undefined || ms <= mean) return
    this.#x[1] = bytes / 1e6
    edge.regression.observe(this.#x, beyond * ms)
    edge.at = now
  }

  /**
   * Starts an edge afresh from what a probe found: milliseconds of a round trip, and bit/s up where it tells. What was known
   * before is forgotten: it was learned from a link that may have been another.
   */
  refresh(edge: string, rtt: number, uplink: number | undefined, now: number): void {
    const before = this.uplinkTo(edge)
    const rate = uplink ?? before
    this.#edges.delete(edge)
    this.observe(edge, 0, rtt, now)
    if (rate !== undefined) this.observe(edge, probed, rtt + (8000 * probed) / rate, now)
  }

  /** What was learned, as plain JSON; ages are not kept: what is restored is stale. */
  save(): z.infer<typeof saved> {
    return {
      ...(this.#current === undefined ? {} : { edge: this.#current }),
      edges: Object.fromEntries(
        [...this.#edges].map(([name, { regression, rtt }]) => [
          name,
          { regression: regression.save(), ...(rtt === undefined ? {} : { rtt }) },
        ]),
      ),
    }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { edge, edges } = restored(saved, from, 'a link estimate')
    this.#edges.clear()
    for (const [name, { regression, rtt }] of Object.entries(edges)) {
      const known = this.#of(name, Number.NEGATIVE_INFINITY)
      known.regression.restore(regression)
      known.rtt = rtt
    }
    this.#current = edge
  }

  #edge(name: string | undefined = this.#current): Edge | undefined {
    return name === undefined ? undefined : this.#edges.get(name)
  }

  #of(name: string, now: number): Edge {
    const known = this.#edges.get(name)
    if (known) return known
    if (this.#edges.size >= this.#remember) {
      let oldest: string | undefined
      let at = Number.POSITIVE_INFINITY
      for (const [other, edge] of this.#edges) {
        if (edge.at < at || oldest === undefined) {
          oldest = other
          at = edge.at
        }
      }
      if (oldest !== undefined) this.#edges.delete(oldest)
    }
    const fresh: Edge = { regression: new Regression({ size: 2, drift: 0.035 }), rtt: undefined, at: now }
    this.#edges.set(name, fresh)
    return fresh
  }
}
