import { z } from 'zod'
import type {
  Cut,
  Decider,
  DecisionRequest,
  Explanation,
  Menu,
  ModelSet,
  Outcome,
  World,
} from '../../../pipeline/index.ts'
import { readOptions } from '../../../pipeline/index.ts'
import { type Models, modelsOf } from '../../manage/index.ts'
import { learned, savedOf } from '../estimate/restore.ts'
import { Slowdown } from '../estimate/slowdown.ts'
import { LinearBandit } from './bandit.ts'
import { ForcedSampling } from './forced.ts'
import { InputCosts } from './input.ts'
import { Chains, kinds, type Layers, type ModelChain, type Offered, OfferedCuts } from './layers.ts'

const weight = z.number().min(0).lt(1)

const settings = z.strictObject({
  /** α: how much what is not known attracts, as a multiple of the model's time on the device. Default 2. */
  alpha: z.number().min(0).default(2),
  /** µ: a sample is forced every ⌈T^µ⌉ messages. Default 0.25. */
  mu: z.number().gt(0).lt(1).default(0.25),
  /** T of the first phase; it doubles from phase to phase. Default 16. */
  horizon: z.number().int().min(1).default(16),
  /** L of key frames and of others: how much a good answer counts against a new insight, 0…1. Default 0.8 and 0.2. */
  keyWeight: weight.default(0.8),
  otherWeight: weight.default(0.2),
})

export interface AnsOptions extends z.input<typeof settings> {
  /** Default: the pipeline's. */
  readonly models?: Models
  /** Default: the catalogue's cuts. */
  readonly layers?: Layers
  /** Whether a message is a key frame, about which nothing is to be risked. Default: none is. */
  readonly isKey?: (request: DecisionRequest) => boolean
}

const saved = learned(
  'ans()',
  1,
  z.strictObject({
    bandits: z.record(z.string(), z.unknown()),
    forced: z.unknown(),
    input: z.unknown(),
    device: z.unknown(),
  }),
)

/** Counts and work by kind, and bytes. */
const features = 2 * kinds.length + 1

/**
 * Chooses the cut by Autodidactic Neurosurgeon (ANS): argmin of the known front delay + θᵀx − α·√((1 − L)·xᵀA⁻¹x), θ
 * learned from the cloud's part of messages that crossed, with a crossing forced now and then. x counts what lies behind
 * the cut. Decides for the first model on the menu, and closes it.
 * @throws BadConfiguration a bad option
 */
export function ans(options: AnsOptions = {}): Decider {
  return new Autodidactic(options)
}

class Autodidactic implements Decider {
  readonly name = 'ans'
  readonly #options: z.output<typeof settings>
  readonly #given: Models | undefined
  readonly #isKey: ((request: DecisionRequest) => boolean) | undefined
  readonly #chains: Chains
  readonly #bandits = new Map<string, LinearBandit>()
  readonly #forced: ForcedSampling
  readonly #input = new InputCosts()
  /** How far off the reference times are on this device. */
  readonly #device = new Slowdown()
  readonly #offered = new OfferedCuts()
  readonly #x = new Float64Array(features)
  readonly #described = new Map<ModelChain, Float64Array[]>()
  #models: Models | undefined
  #last: { readonly request: DecisionRequest; readonly menu: Menu; readonly cut: Cut; readonly why: string } | undefined

  constructor({ models, layers, isKey, ...options }: AnsOptions) {
    this.#given = models
    this.#models = models
    this.#isKey = isKey
    this.#options = readOptions(settings, options, 'ans()')
    this.#forced = new ForcedSampling(this.#options)
    this.#chains = new Chains(() => this.#known(), layers)
  }

  open({ models }: { readonly models: ModelSet | undefined }): void {
    this.#models = modelsOf(this.#given, models, 'ans')
  }

  decide(request: DecisionRequest, _world: World, menu: Menu): Menu {
    this.#last = undefined
    const [model] = menu.models
    if (model === undefined || request.side === 'cloud') return menu
    const chain = this.#chains.of(model)
    const offered = this.#offered.of(chain, menu.cuts, request.at)
    if (offered.length === 0) return menu
    const forced = this.#forced.next() && offered.some(({ cut }) => cut !== 'answered')
    const bandit = this.#bandit(model)
    const device = this.#device.factor
    const attraction = this.#attraction(request, chain)
    let best: Cut | undefined
    let least = Number.POSITIVE_INFINITY
    for (const one of offered) {
      if (forced && one.cut === 'answered') continue
      const score = this.#mean(bandit, chain, one, device, request) - this.#width(bandit, one, attraction)
      if (best === undefined || score < least) [best, least] = [one.cut, score]
    }
    const cut = best as Cut
    this.#last = { request, menu, cut, why: forced ? 'a forced sample' : 'the least by its lower bound' }
    return { ...menu, models: [model], cuts: [cut] }
  }

  /** Learns from what crossed. One that ran out of time would have taken longer: it counts as having taken so long. */
  observe(outcome: Outcome): void {
    const { side, kind, plan, timings, crossing, error, latency } = outcome
    const { model } = plan
    if (side !== 'device' || model === undefined || !this.#known().ids.includes(model)) return
    if (kind === 'message') this.#input.observe(outcome)
    const chain = this.#chains.of(model)
    const { capture = 0, device = 0, transfer = 0, cloud = 0, execute = 0, load = 0, queue = 0 } = timings
    if (kind === 'message' && crossing) {
      const before = chain.before(crossing.at)
      if (before === undefined) return
      this.#describe(chain, before, crossing.bytes)
      this.#bandit(model).observe(this.#x, transfer + cloud + Math.max(0, execute - this.#front(chain, before)))
    } else if (kind === 'message' && timings.execute !== undefined) {
      this.#device.observe(chain.reference(chain.layers.length), execute - load - queue)
    } else if (
      kind === 'failure' &&
      error === 'deadline-exceeded' &&
      plan.cut !== undefined &&
      plan.cut !== 'answered'
    ) {
      const before = chain.before(plan.cut)
      if (before === undefined) return
      const bytes =
        before === 0 ? this.#input.bytes(plan.cut, { bytes: outcome.bytes, at: 'captured' }) : chain.bytes(before)
      this.#describe(chain, before, bytes)
      const took = latency - capture - device - this.#front(chain, before)
      const bandit = this.#bandit(model)
      if (took > bandit.mean(this.#x)) bandit.observe(this.#x, took)
    }
  }

  explain(): Explanation | undefined {
    if (!this.#last) return undefined
    const { request, menu, cut: chosen, why } = this.#last
    const model = menu.models[0] as string
    const chain = this.#chains.of(model)
    const offered = this.#offered.of(chain, menu.cuts, request.at)
    const bandit = this.#bandit(model)
    const attraction = this.#attraction(request, chain)
    return {
      decider: this.name,
      weighed: offered.map((one) => {
        const ms = this.#mean(bandit, chain, one, this.#device.factor, request)
        const utility = this.#width(bandit, one, attraction) - ms
        return { choice: { model, cut: one.cut }, ms, utility, propensity: one.cut === chosen ? 1 : 0 }
      }),
      chosen: offered.findIndex(({ cut }) => cut === chosen),
      why,
    }
  }

  save(): unknown {
    return saved.write({
      bandits: Object.fromEntries([...this.#bandits].map(([model, bandit]) => [model, bandit.save()])),
      forced: this.#forced.save(),
      input: this.#input.save(),
      device: this.#device.save(),
    })
  }

  /** Models that are not in the catalogue any longer are forgotten. @throws BadConfiguration as the port says */
  restore(from: unknown): void {
    const { bandits, forced, input, device } = saved.read(from, savedOf('ans()'))
    this.#bandits.clear()
    for (const [model, values] of Object.entries(bandits)) {
      if (this.#known().ids.includes(model)) this.#bandit(model).restore(values)
    }
    this.#forced.restore(forced)
    this.#input.restore(input)
    this.#device.restore(device)
  }

  /** Milliseconds expected: the front, known, and the cloud's part, learned. Leaves what it describes in x. */
  #mean(
    bandit: LinearBandit,
    chain: ModelChain,
    { cut, before }: Offered,
    device: number,
    request: DecisionRequest,
  ): number {
    const front = this.#input.device(cut) + chain.reference(before) * device
    if (cut === 'answered') return front
    this.#describe(chain, before, before === 0 ? this.#input.bytes(cut, request) : chain.bytes(before))
    return front + bandit.mean(this.#x)
  }

  /** Milliseconds by which what is not known of a cut, described in x, makes it attractive. */
  #width(bandit: LinearBandit, { cut }: Offered, attraction: number): number {
    return cut === 'answered' ? 0 : attraction * bandit.width(this.#x)
  }

  /** α·√(1 − L), ms: with less than the delays at stake a cut that was bad once is never tried again. */
  #attraction(request: DecisionRequest, chain: ModelChain): number {
    const { alpha, keyWeight, otherWeight } = this.#options
    return (
      alpha *
      this.#front(chain, chain.layers.length) *
      Math.sqrt(1 - (this.#isKey?.(request) ? keyWeight : otherWeight))
    )
  }

  /** Milliseconds of the layers on the device. */
  #front(chain: ModelChain, before: number): number {
    return chain.reference(before) * this.#device.factor
  }

  /** x of a cut: what lies behind it, and megabytes. */
  #describe(chain: ModelChain, before: number, bytes: number): void {
    let described = this.#described.get(chain)
    if (!described) {
      described = chain.cuts.map((_, cut) => behind(chain, cut))
      this.#described.set(chain, described)
    }
    this.#x.set(described[before] as Float64Array)
    this.#x[features - 1] = bytes / 1e6
  }

  #bandit(model: string): LinearBandit {
    let bandit = this.#bandits.get(model)
    if (!bandit) {
      bandit = new LinearBandit(features)
      this.#bandits.set(model, bandit)
    }
    return bandit
  }

  #known(): Models {
    this.#models ??= modelsOf(this.#given, undefined, 'ans')
    return this.#models
  }
}

/** The number of layers and their work behind a cut, by kind, each as a share of the whole model's. */
function behind({ layers }: ModelChain, before: number): Float64Array {
  const x = new Float64Array(features)
  const work = layers.reduce((sum, { macs }) => sum + macs, 0) || 1
  for (const { kind, macs } of layers.slice(before)) {
    const at = kinds.indexOf(kind)
    x[at] = (x[at] as number) + 1 / layers.length
    x[kinds.length + at] = (x[kinds.length + at] as number) + macs / work
  }
  return x
}
