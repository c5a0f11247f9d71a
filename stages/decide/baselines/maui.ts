import { z } from 'zod'
import type {
  Cut,
  Decider,
  DecisionRequest,
  Explanation,
  Menu,
  ModelSet,
  Outcome,
  Side,
} from '../../../pipeline/index.ts'
import { readOptions } from '../../../pipeline/index.ts'
import { type Models, modelsOf } from '../../manage/index.ts'
import { EnergyModel, type EnergyOptions } from '../estimate/energy.ts'
import { LinkEstimate } from '../estimate/link.ts'
import { learned, savedOf } from '../estimate/restore.ts'
import { InputCosts } from './input.ts'
import { type ChainLayer, Chains, kinds, type Layers, type ModelChain, OfferedCuts } from './layers.ts'

const settings = z.strictObject({
  /** What is least. Default `latency`. */
  goal: z.enum(['latency', 'energy']).default('latency'),
})

export interface MauiOptions extends z.input<typeof settings> {
  /** Default: the pipeline's. */
  readonly models?: Models
  /** Default: the catalogue's cuts. */
  readonly layers?: Layers
  /** The device, for the goal `energy`. Default: see `EnergyOptions`. */
  readonly energy?: EnergyOptions
}

const invocations = z.record(z.string(), z.number().min(0))
const saved = learned(
  'maui()',
  1,
  z.strictObject({ device: invocations, cloud: invocations, link: z.unknown(), input: z.unknown() }),
)

/**
 * Chooses the cut as MAUI would: a layer is a method, methods of one kind are one method, and each is predicted to take
 * what its last invocation took, whatever its size. Layers are put on the device or in the cloud by dynamic programming
 * over the chain; from the cloud nothing comes back before the answer. Decides for the first model on the menu, and closes it.
 * @throws BadConfiguration a bad option
 */
export function maui(options: MauiOptions = {}): Decider {
  return new Maui(options)
}

class Maui implements Decider {
  readonly name: string
  readonly #options: z.output<typeof settings>
  readonly #given: Models | undefined
  readonly #power: EnergyModel
  readonly #chains: Chains
  readonly #offered = new OfferedCuts()
  readonly #input = new InputCosts()
  readonly #link = new LinkEstimate()
  /** Milliseconds of the last invocation of each kind, NaN before the first. */
  readonly #last: Readonly<Record<Side, Float64Array>> = { device: unknown(), cloud: unknown() }
  #models: Models | undefined
  #asked: { readonly request: DecisionRequest; readonly menu: Menu; readonly cut: Cut } | undefined

  constructor({ models, layers, energy, ...options }: MauiOptions) {
    this.#given = models
    this.#models = models
    this.#options = readOptions(settings, options, 'maui()')
    this.#power = new EnergyModel(energy)
    this.#chains = new Chains(() => this.#known(), layers)
    this.name = `maui ${this.#options.goal}`
  }

  open({ models }: { readonly models: ModelSet | undefined }): void {
    this.#models = modelsOf(this.#given, models, 'maui')
  }

  decide(request: DecisionRequest, _world: unknown, menu: Menu): Menu {
    this.#asked = undefined
    const [model] = menu.models
    if (model === undefined || request.side === 'cloud') return menu
    const chain = this.#chains.of(model)
    const cut = this.#route(chain, request, menu)
    if (cut === undefined) return menu
    this.#asked = { request, menu, cut }
    return { ...menu, models: [model], cuts: [cut] }
  }

  observe(outcome: Outcome): void {
    const { kind, side, plan, timings, crossing, now } = outcome
    if (side !== 'device' || kind !== 'message') return
    this.#input.observe(outcome)
    if (crossing && timings.transfer !== undefined) {
      this.#link.observe(crossing.node, crossing.bytes, timings.transfer, now)
    }
    const { execute, load = 0, queue = 0 } = timings
    if (plan.model === undefined || execute === undefined || !this.#known().ids.includes(plan.model)) return
    const chain = this.#chains.of(plan.model)
    const before = crossing ? chain.before(crossing.at) : chain.layers.length
    if (before === undefined) return
    this.#invoked(chain, before, Math.max(0, execute - load - queue))
  }

  explain(): Explanation | undefined {
    if (!this.#asked) return undefined
    const { request, menu, cut: chosen } = this.#asked
    const model = menu.models[0] as string
    const chain = this.#chains.of(model)
    const offered = this.#offered.of(chain, menu.cuts, request.at)
    return {
      decider: this.name,
      weighed: offered.map(({ cut, before }) => {
        const cost = this.#cost(chain, cut, before, request)
        const told = this.#options.goal === 'latency' ? { ms: cost } : { energy: cost }
        return { choice: { model, cut }, ...told, utility: -cost, propensity: cut === chosen ? 1 : 0 }
      }),
      chosen: offered.findIndex(({ cut }) => cut === chosen),
    }
  }

  save(): unknown {
    const { device, cloud } = this.#last
    return saved.write({
      device: named(device),
      cloud: named(cloud),
      link: this.#link.save(),
      input: this.#input.save(),
    })
  }

  /** @throws BadConfiguration as the port says */
  restore(from: unknown): void {
    const { link, input, ...last } = saved.read(from, savedOf('maui()'))
    this.#link.restore(link)
    this.#input.restore(input)
    for (const side of ['device', 'cloud'] as const) {
      kinds.forEach((kind, i) => {
        this.#last[side][i] = last[side][kind] ?? Number.NaN
      })
    }
  }

  /**
   * Layer by layer, the least cost of having it run on the device, or in the cloud; the cloud's is reached from the
   * device's by crossing before that layer, where the menu offers it.
   */
  #route(chain: ModelChain, request: DecisionRequest, menu: Menu): Cut | undefined {
    const offered = this.#offered.of(chain, menu.cuts, request.at)
    let chosen: Cut | undefined
    let crossed = Number.POSITIVE_INFINITY
    let device = 0
    let at = 0
    for (let layer = 0; layer <= chain.layers.length; layer++) {
      for (; offered[at]?.before === layer; at++) {
        const cut = offered[at]?.cut as Cut
        const cost =
          cut === 'answered'
            ? device + this.#onDevice(this.#input.device(cut))
            : this.#crossing(chain, cut, layer, device, request)
        if (cost < crossed || chosen === undefined) [crossed, chosen] = [cost, cut]
      }
      const next = chain.layers[layer]
      if (!next) break
      device += this.#onDevice(this.#invocation('device', next))
      crossed += this.#inCloud(this.#invocation('cloud', next))
    }
    return chosen
  }

  /** What it costs to run a chain with the wire at a cut. */
  #cost(chain: ModelChain, cut: Cut, before: number, request: DecisionRequest): number {
    let device = 0
    let cloud = 0
    chain.layers.forEach((layer, i) => {
      if (i < before) device += this.#onDevice(this.#invocation('device', layer))
      else cloud += this.#inCloud(this.#invocation('cloud', layer))
    })
    if (cut === 'answered') return device + this.#onDevice(this.#input.device(cut))
    return this.#crossing(chain, cut, before, device, request) + cloud
  }

  /** The device's cost so far, the input's, and the wire's. */
  #crossing(chain: ModelChain, cut: Cut, before: number, device: number, request: DecisionRequest): number {
    const bytes = before === 0 ? this.#input.bytes(cut, request) : chain.bytes(before)
    return device + this.#onDevice(this.#input.device(cut)) + this.#wire(bytes)
  }

  #wire(bytes: number): number {
    const ms = this.#link.mean(bytes) ?? 0
    if (this.#options.goal === 'latency') return ms
    const { uplink } = this.#link
    if (uplink === undefined) return this.#power.wait(ms)
    return this.#power.upload(bytes, uplink) + this.#power.wait(Math.max(0, ms - (8000 * bytes) / uplink))
  }

  #onDevice(ms: number): number {
    return this.#options.goal === 'latency' ? ms : this.#power.compute(ms)
  }

  #inCloud(ms: number): number {
    return this.#options.goal === 'latency' ? ms : this.#power.wait(ms)
  }

  /** What the last layer of this kind took there; its own reference while there was none. */
  #invocation(side: Side, { kind, ms }: ChainLayer): number {
    const last = this.#last[side][kinds.indexOf(kind)] as number
    return Number.isNaN(last) ? ms : last
  }

  /** Parts the time of a run between its layers by their reference; the last of each kind is what is remembered. */
  #invoked(chain: ModelChain, before: number, ms: number): void {
    const whole = chain.reference(chain.layers.length)
    if (!(whole > 0)) return
    const sides = { device: chain.reference(before), cloud: whole - chain.reference(before) }
    const predicted = { device: 0, cloud: 0 }
    chain.layers.forEach((layer, i) => {
      predicted[i < before ? 'device' : 'cloud'] += this.#invocation(i < before ? 'device' : 'cloud', layer)
    })
    const total = predicted.device + predicted.cloud
    const scale = (side: Side) => (sides[side] > 0 && total > 0 ? (ms * predicted[side]) / total / sides[side] : 0)
    const by = { device: scale('device'), cloud: scale('cloud') }
    chain.layers.forEach(({ kind, ms: reference }, i) => {
      const side = i < before ? 'device' : 'cloud'
      this.#last[side][kinds.indexOf(kind)] = reference * by[side]
    })
  }

  #known(): Models {
    this.#models ??= modelsOf(this.#given, undefined, 'maui')
    return this.#models
  }
}

const unknown = () => new Float64Array(kinds.length).fill(Number.NaN)

function named(last: Float64Array): Record<string, number> {
  return Object.fromEntries(kinds.flatMap((kind, i) => (Number.isNaN(last[i]) ? [] : [[kind, last[i] as number]])))
}
