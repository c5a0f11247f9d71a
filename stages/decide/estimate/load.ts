import { z } from 'zod'
import { readOptions } from '../../../pipeline/index.ts'
import { restored } from './restore.ts'

const settings = z.strictObject({
  /** Milliseconds in which what a reply said of the load loses all but 1/e of its weight. Default 5000. */
  relax: z.number().positive().default(5000),
  /** Milliseconds over which the long-run mean of a node is taken. Default 60000. */
  horizon: z.number().positive().default(60_000),
  /** Nodes remembered; the one unheard of for longest is forgotten. Default 32. */
  remember: z.number().int().min(1).default(32),
})

export type LoadEstimateOptions = z.input<typeof settings>

const savedNode = z.strictObject({ mean: z.number(), count: z.number().int().min(1) })
const saved = z.strictObject({ node: z.string().optional(), nodes: z.record(z.string(), savedNode) })

interface Node {
  /** ln K as the node said last, and local clock, ms, of that. */
  log: number
  at: number
  /** Long-run mean of ln K. */
  mean: number
  count: number
}

/**
 * K of each cloud node: how many times longer than unloaded a run takes there (Neurosurgeon's server load level). A node
 * says it in its replies; what was said long ago says little, so it decays towards the node's long-run mean:
 * ln K(t) = m + (ln K_said − m) · e^(−age / relax). In the logarithm a half and twice are equally far.
 */
export class LoadEstimate {
  readonly #options: z.output<typeof settings>
  readonly #nodes = new Map<string, Node>()
  #latest: string | undefined

  /** @throws BadConfiguration a bad option */
  constructor(options: LoadEstimateOptions = {}) {
    this.#options = readOptions(settings, options, 'load()')
  }

  /** The node that said something last; undefined before the first. */
  get node(): string | undefined {
    return this.#latest
  }

  /**
   * K expected of a node at local time `now`, ≥ 1. Of a node that never said anything: that of the one heard of last;
   * 1 before the first.
   */
  factor(now: number, node: string | undefined = this.#latest): number {
    const known = this.#known(node)
    if (!known) return 1
    const { log, at, mean } = known
    return Math.exp(Math.max(0, mean + (log - mean) * Math.exp(-Math.max(0, now - at) / this.#options.relax)))
  }

  /** Milliseconds since a node said anything; Infinity when never. */
  age(now: number, node: string | undefined = this.#latest): number {
    const known = node === undefined ? undefined : this.#nodes.get(node)
    return known ? now - known.at : Number.POSITIVE_INFINITY
  }

  /** Learns that a node said K at local time `at`. The same fact may be given again; values that are no load are ignored. */
  observe(node: string, k: number, at: number): void {
    if (!(k > 0) || !Number.isFinite(k)) return
    const log = Math.log(Math.max(1, k))
    const known = this.#of(node)
    if (known.count > 0 && at <= known.at) return
    // What is assumed, an idle node, counts as one observation; later on time weighs, not the number of replies.
    const passed = Number.isFinite(known.at) ? 1 - Math.exp(-(at - known.at) / this.#options.horizon) : 0
    known.count++
    known.mean += Math.max(1 / (known.count + 1), passed) * (log - known.mean)
    known.log = log
    known.at = at
    this.#latest = node
  }

  /** What was learned, as plain JSON; ages are not kept: what is restored is stale. */
  save(): z.infer<typeof saved> {
    return {
      ...(this.#latest === undefined ? {} : { node: this.#latest }),
      nodes: Object.fromEntries([...this.#nodes].map(([name, { mean, count }]) => [name, { mean, count }])),
    }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { node, nodes } = restored(saved, from, 'a load estimate')
    this.#nodes.clear()
    for (const [name, { mean, count }] of Object.entries(nodes)) {
      Object.assign(this.#of(name), { mean, count, log: mean, at: Number.NEGATIVE_INFINITY })
    }
    this.#latest = node
  }

  #known(node: string | undefined): Node | undefined {
    const own = node === undefined ? undefined : this.#nodes.get(node)
    return own ?? (this.#latest === undefined ? undefined : this.#nodes.get(this.#latest))
  }

  #of(name: string): Node {
    const known = this.#nodes.get(name)
    if (known) return known
    if (this.#nodes.size >= this.#options.remember) {
      let oldest: string | undefined
      let at = Number.POSITIVE_INFINITY
      for (const [other, node] of this.#nodes) {
        if (node.at < at || oldest === undefined) {
          oldest = other
          at = node.at
        }
      }
      if (oldest !== undefined) this.#nodes.delete(oldest)
    }
    const fresh: Node = { log: 0, at: Number.NEGATIVE_INFINITY, mean: 0, count: 0 }
    this.#nodes.set(name, fresh)
    return fresh
  }
}
