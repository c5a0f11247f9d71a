import { z } from 'zod'
import { Contention } from './contention.ts'
import { restored } from './restore.ts'
import { Slowdown } from './slowdown.ts'

const record = z.record(z.string(), z.unknown())
const saved = z.strictObject({ device: z.unknown(), cloud: z.unknown(), nodes: record, heads: record, tails: record })

/** A first guess of a model is half as much, or twice; what it is by itself changes slowly, what changes quickly is the place. */
const ofModel = { prior: 0.25, noise: 0.05, drift: 1e-5 }
/** Variance of ln(time ÷ share of the whole) where half of the model runs. */
const doubtOfShare = 0.05
/** Nodes remembered. */
const mostNodes = 32
/** What was not done in time would have taken longer, nobody knows how much: half as long again is learned. */
const beyond = 1.5

/**
 * How long runs take against their reference, on the device and on each cloud node: factor = place · model. One run of any
 * model tells about its place, and so about all models; what a model alone does otherwise is kept with it. Shares of a
 * model, a head or a tail, tell about the whole, small ones little.
 */
export class RunTimes {
  readonly #device = new Contention()
  /** All nodes together, for those that nobody has met. */
  readonly #cloud = new Slowdown()
  readonly #nodes = new Map<string, Slowdown>()
  readonly #heads = new Map<string, Slowdown>()
  readonly #tails = new Map<string, Slowdown>()
  #runs = { device: 0, cloud: 0 }

  /** Runs observed on the device, and in the cloud. */
  get runs(): { readonly device: number; readonly cloud: number } {
    return this.#runs
  }

  /** What a model's reference on the device is to be multiplied with while so many other runs are beside it. */
  device(model: string, beside = 0): number {
    return this.#device.factor(beside) * (this.#heads.get(model)?.factor ?? 1)
  }

  /** The same on a cloud node as if it were idle; of any node where none is named. */
  cloud(model: string, node?: string): number {
    return this.#node(node).factor * (this.#tails.get(model)?.factor ?? 1)
  }

  /** Standard deviation of ln of the factor: relative, for small values. */
  deviation(side: 'device' | 'cloud', model: string, place?: string): number {
    const slowdown = side === 'device' ? this.#device.deviation(0) : this.#node(place).deviation
    const own = (side === 'device' ? this.#heads : this.#tails).get(model)
    return Math.hypot(slowdown, own ? own.deviation : Math.sqrt(ofModel.prior))
  }

  /**
   * Learns that a share of a model took `ms` on the device.
   * @param reference milliseconds that share takes by the reference
   * @param share 0…1; nothing is learned from 0
   */
  observeDevice(model: string, reference: number, share: number, ms: number, beside = 0): void {
    if (!tells(reference, share, ms)) return
    this.#runs.device++
    const own = of(this.#heads, model, ofModel)
    const doubt = doubtAt(share)
    this.#device.observe(beside, reference * own.factor, ms, doubt + own.deviation ** 2)
    own.observe(reference * this.#device.factor(beside), ms, doubt + this.#device.deviation(beside) ** 2)
  }

  /** Learns that it was not done after `ms`: longer than was predicted, or nothing is learned. */
  observeDeviceAtLeast(model: string, reference: number, share: number, ms: number, beside = 0): void {
    if (ms > reference * this.device(model, beside)) this.observeDevice(model, reference, share, beyond * ms, beside)
  }

  /** The same on a cloud node. @param ms as if it were idle: divided by its load K */
  observeCloud(model: string, node: string, reference: number, share: number, ms: number): void {
    if (!tells(reference, share, ms)) return
    this.#runs.cloud++
    const own = of(this.#tails, model, ofModel)
    const doubt = doubtAt(share)
    const place = this.#meet(node)
    const expected = reference * own.factor
    place.observe(expected, ms, doubt + own.deviation ** 2)
    this.#cloud.observe(expected, ms, doubt + own.deviation ** 2)
    own.observe(reference * place.factor, ms, doubt + place.deviation ** 2)
  }

  /** Learns that it was not done after `ms`: longer than was predicted, or nothing is learned. */
  observeCloudAtLeast(model: string, node: string, reference: number, share: number, ms: number): void {
    if (ms > reference * this.cloud(model, node)) this.observeCloud(model, node, reference, share, beyond * ms)
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    const all = (slowdowns: ReadonlyMap<string, Slowdown>) =>
      Object.fromEntries([...slowdowns].map(([name, slowdown]) => [name, slowdown.save()]))
    return {
      device: this.#device.save(),
      cloud: this.#cloud.save(),
      nodes: all(this.#nodes),
      heads: all(this.#heads),
      tails: all(this.#tails),
    }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { device, cloud, nodes, heads, tails } = restored(saved, from, 'running times')
    this.#device.restore(device)
    this.#cloud.restore(cloud)
    for (const [kept, values, options] of [
      [this.#nodes, nodes, undefined],
      [this.#heads, heads, ofModel],
      [this.#tails, tails, ofModel],
    ] as const) {
      kept.clear()
      for (const [name, value] of Object.entries(values)) of(kept, name, options).restore(value)
    }
    this.#runs = { device: this.#heads.size, cloud: this.#tails.size }
  }

  #node(name: string | undefined): Slowdown {
    return (name === undefined ? undefined : this.#nodes.get(name)) ?? this.#cloud
  }

  /** A node's slowdown, moved to the end: the first is the one unheard of for longest. */
  #meet(name: string): Slowdown {
    const known = this.#nodes.get(name) ?? new Slowdown()
    this.#nodes.delete(name)
    this.#nodes.set(name, known)
    const [oldest] = this.#nodes.keys()
    if (this.#nodes.size > mostNodes && oldest !== undefined) this.#nodes.delete(oldest)
    return known
  }
}

function of(kept: Map<string, Slowdown>, name: string, options: typeof ofModel | undefined): Slowdown {
  let found = kept.get(name)
  if (!found) {
    found = new Slowdown(options)
    kept.set(name, found)
  }
  return found
}

const tells = (reference: number, share: number, ms: number) => reference > 0 && share > 0 && ms > 0

/** A share of a model may take less or more than that share of its time. */
const doubtAt = (share: number) => (doubtOfShare * Math.max(0, 1 - share)) / share
