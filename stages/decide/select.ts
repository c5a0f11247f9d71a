import { z } from 'zod'
import type { Decider, DecisionRequest, Explanation, Menu, ModelSet, Outcome, Side } from '../../pipeline/index.ts'
import { readOptions } from '../../pipeline/index.ts'
import { type Models, modelsOf } from '../manage/index.ts'
import { guessedRun } from './estimate/guess.ts'
import { Profile } from './estimate/profile.ts'
import { learned, savedOf } from './estimate/restore.ts'
import { Samples } from './estimate/samples.ts'
import { Slowdown } from './estimate/slowdown.ts'
import { type Arm, propensities, type RuleContext, type SelectRule, selectRules } from './rules.ts'

const share = z.number().gt(0).max(1)

const settings = z.strictObject({
  /**
   * How a model is chosen within the budget. Default `mdinference`: the most accurate with μ + γσ below it. `modipick`
   * chooses at random near that one. The others are the baselines of both papers.
   */
  rule: z.enum(Object.keys(selectRules) as [SelectRule, ...SelectRule[]]).default('mdinference'),
  /**
   * `ours` (default): deadline − elapsed − what is still to come besides the model (the way down as the device knows it, Q.95
   * of the rest); profiles share their resource's slowdown. `published`: deadline − 2 · the way up, and profiles as
   * MDInference has them.
   */
  budget: z.enum(['ours', 'published']).default('ours'),
  /** Standard deviations of safety. Default 1. */
  gamma: z.number().min(0).default(1),
  /** Weight of the newest sample in a model's profile. Default 0.5. */
  alpha: share.default(0.5),
  /** ModiPick: milliseconds by which the model chosen first must undercut the budget. Default 0. */
  threshold: z.number().min(0).default(0),
  /** ModiPick: how far from the first choice's time others may be, as a share of it. Default 0.5. */
  band: z.number().min(0).default(0.5),
  /**
   * With our budget: a more accurate model that looks too slow is tried again after so many decisions without it, if its
   * better times would fit. Default 200; Infinity never.
   */
  tryEvery: z.number().min(1).or(z.literal(Number.POSITIVE_INFINITY)).default(200),
})

export interface SelectOptions extends z.input<typeof settings> {
  /** Default: the pipeline's. */
  readonly models?: Models
  /** For the rules that draw lots: 0 ≤ x < 1. Default Math.random. */
  readonly random?: () => number
}

/** What is expected of a model in one place. */
export interface Expected {
  /** Milliseconds, mean and deviation. */
  readonly mean: number
  readonly deviation: number
  /** Times it was observed. */
  readonly count: number
}

/** A decider of the model, on either side of the wire. */
export interface Select extends Decider {
  /** What running a model on a side is expected to take. @throws UnknownModel */
  expected(model: string, side: Side): Expected
}

const savedSide = z.strictObject({
  slowdown: z.unknown(),
  rest: z.record(z.string(), z.unknown()),
  up: z.record(z.string(), z.unknown()),
  profiles: z.record(z.string(), z.unknown()),
})
const saved = learned('select()', 1, z.strictObject({ down: z.unknown(), device: savedSide, cloud: savedSide }))

/** Variance of ln(guess ÷ truth): a first guess is half as much, or twice. */
const doubtOfGuess = 0.25
/** Samples kept of what happens besides the model; so many in a row unlike them are how things are now. */
const keep = 64
const change = 5
const cautious = 0.95

/**
 * Chooses the model: the most accurate one that is expected to answer within the budget (MDInference); where none is,
 * the fastest. Accuracies and first guesses of times come from the catalogue, the rest from outcomes.
 * @throws BadConfiguration a bad option
 */
export function select(options: SelectOptions = {}): Select {
  return new Selector(options)
}

/** What runs on one side, as far as it was observed. */
class Knowledge {
  readonly arms = new Map<string, Arm>()
  readonly slowdown = new Slowdown()
  /** Per cut: milliseconds besides the model's, from the decision on; and on the way up alone. */
  readonly rest = new Map<string, Samples>()
  readonly up = new Map<string, Samples>()
}

class Selector implements Select {
  readonly name: string
  readonly #options: z.output<typeof settings>
  readonly #random: () => number
  readonly #given: Models | undefined
  readonly #places: Readonly<Record<Side, Knowledge>> = { device: new Knowledge(), cloud: new Knowledge() }
  /** Ways down as the cloud expects them, ms. */
  readonly #down = new Samples(keep, change)
  readonly #eligible: Arm[] = []
  #models: Models | undefined
  #decisions = 0
  /** The last decision: by what, which model, and whether it was a try. */
  #context: RuleContext | undefined
  #chosen: Arm | undefined
  #tried = false
  /** Milliseconds still to come besides the model, at the last decision. */
  #beside = 0

  constructor({ models, random = Math.random, ...options }: SelectOptions) {
    this.#given = models
    this.#random = random
    this.#options = readOptions(settings, options, 'select()')
    this.name = `select ${this.#options.rule}`
    if (models) this.#models = models
  }

  open({ models }: { readonly models: ModelSet | undefined }): void {
    this.#models = modelsOf(this.#given, models, 'select')
  }

  decide(request: DecisionRequest, _world: unknown, menu: Menu): Menu {
    this.#context = undefined
    if (menu.models.length < 2) return menu
    const side = this.#runsOn(request, menu)
    const { slowdown } = this.#places[side]
    const ours = this.#options.budget === 'ours'
    const factor = ours ? slowdown.factor : 1
    const doubt = ours ? slowdown.deviation : 0
    const arms = this.#eligible
    arms.length = 0
    for (const id of menu.models) {
      const arm = this.#arm(id, side)
      const { profile } = arm
      arm.mean = profile.mean * factor
      // What is but a guess is as uncertain as the slowdown; what was measured carries its own spread.
      const spread = profile.count === 0 ? arm.mean * doubt : profile.deviation * factor
      arm.late = arm.mean + this.#options.gamma * spread
      arms.push(arm)
    }
    const budget = this.#budget(request, menu, side)
    const { rule, threshold, band } = this.#options
    const context = { budget, deadline: request.deadline, threshold, band, random: this.#random }
    const again = this.#again(arms, budget, factor)
    const chosen = again ?? selectRules[rule](arms, context)
    chosen.last = ++this.#decisions
    this.#context = context
    this.#chosen = chosen
    this.#tried = again !== undefined
    return { ...menu, models: chosen.only }
  }

  explain(): Explanation | undefined {
    const [context, chosen, arms] = [this.#context, this.#chosen, this.#eligible]
    if (!context || !chosen) return undefined
    const chances = this.#tried
      ? arms.map((arm) => (arm === chosen ? 1 : 0))
      : propensities(this.#options.rule, arms, context, chosen)
    return {
      decider: this.name,
      weighed: arms.map((arm, i) => ({
        choice: { model: arm.only[0] as string },
        ms: arm.mean + this.#beside,
        accuracy: arm.accuracy,
        propensity: chances[i] as number,
      })),
      chosen: arms.indexOf(chosen),
      why: this.#tried ? 'try' : chosen.late < context.budget ? 'within budget' : 'none fits',
    }
  }

  expected(model: string, side: Side): Expected {
    const { profile } = this.#arm(model, side)
    const { factor, deviation } = this.#places[side].slowdown
    const by = this.#options.budget === 'ours' ? factor : 1
    const mean = profile.mean * by
    return { mean, deviation: profile.count === 0 ? mean * deviation : profile.deviation * by, count: profile.count }
  }

  observe(outcome: Outcome): void {
    const { kind, side, crossing, timings, plan, way } = outcome
    if (outcome.backup) return
    if (way) this.#down.add(way.down)
    if (kind === 'failure') return this.#observeFailure(outcome)
    const { execute } = timings
    if (kind !== 'message' || plan.model === undefined || execute === undefined) return
    const ran = side === 'device' && !crossing ? 'device' : 'cloud'
    this.#observeRun(plan.model, ran, Math.max(0, execute - (timings.load ?? 0)))
    const { device = 0, transfer = 0, cloud = 0 } = timings
    const cut = side === 'cloud' ? 'cloud' : (crossing?.at ?? 'answered')
    add(this.#places[side].rest, cut, side === 'cloud' ? cloud : device + transfer + cloud)
    if (side === 'device') add(this.#places.device.up, cut, transfer)
  }

  save(): unknown {
    const side = ({ arms, slowdown, rest, up }: Knowledge): z.infer<typeof savedSide> => ({
      slowdown: slowdown.save(),
      rest: Object.fromEntries([...rest].map(([cut, samples]) => [cut, samples.save()])),
      up: Object.fromEntries([...up].map(([cut, samples]) => [cut, samples.save()])),
      profiles: Object.fromEntries(
        [...arms].flatMap(([id, { profile }]) => (profile.count === 0 ? [] : [[id, profile.save()]])),
      ),
    })
    return saved.write({ down: this.#down.save(), device: side(this.#places.device), cloud: side(this.#places.cloud) })
  }

  /** Models that are not in the catalogue any longer are forgotten. @throws BadConfiguration as the port says */
  restore(from: unknown): void {
    const whole = saved.read(from, savedOf('select()'))
    this.#down.restore(whole.down)
    for (const side of ['device', 'cloud'] as const) {
      const { slowdown, rest, up, profiles } = whole[side]
      const place = this.#places[side]
      place.slowdown.restore(slowdown)
      for (const [kept, values] of [
        [place.rest, rest],
        [place.up, up],
      ] as const) {
        kept.clear()
        for (const [cut, samples] of Object.entries(values)) {
          const fresh = new Samples(keep, change)
          fresh.restore(samples)
          kept.set(cut, fresh)
        }
      }
      for (const [id, profile] of Object.entries(profiles)) {
        if (this.#known().ids.includes(id)) this.#arm(id, side).profile.restore(profile)
      }
    }
  }

  /** Milliseconds the model may take. */
  #budget({ side, deadline, elapsed, way }: DecisionRequest, menu: Menu, runs: Side): number {
    const published = this.#options.budget === 'published'
    if (side === 'cloud') {
      if (published) {
        this.#beside = way?.up ?? 0
        return deadline - 2 * this.#beside
      }
      const rest = this.#places.cloud.rest.get('cloud')?.quantile(cautious) ?? 0
      // Devices are unlike: what others' ways take counts only for one that has not said what its own does.
      this.#beside = rest + (way?.down ?? this.#down.quantile(cautious) ?? 0)
      return deadline - elapsed - this.#beside
    }
    const { rest, up } = this.#places.device
    if (published) {
      this.#beside = runs === 'device' ? 0 : 2 * worst(up, menu, 0.5)
      return deadline - this.#beside
    }
    this.#beside = worst(rest, menu, cautious)
    return deadline - elapsed - this.#beside
  }

  /** Below the wire here; above it there, unless nothing may cross any more. */
  #runsOn({ side }: DecisionRequest, { cuts }: Menu): Side {
    return side === 'device' && cuts.every((cut) => cut === 'answered') ? 'device' : 'cloud'
  }

  /** A model that was slow once may have become fast; only a run can tell. */
  #again(arms: readonly Arm[], budget: number, factor: number): Arm | undefined {
    const { tryEvery, rule, budget: kind } = this.#options
    if (kind === 'published' || rule !== 'mdinference') return undefined
    let found: Arm | undefined
    for (const arm of arms) {
      if (arm.late < budget) continue
      // Once it was fast again it is tried more often, until its profile agrees.
      const pause = arm.profile.latest * factor < budget ? tryEvery / 10 : tryEvery
      if (this.#decisions - arm.last < pause) continue
      // A slowdown that this model alone has shown may be its own, and be over.
      if (arm.profile.quantile(0.1) * Math.min(1, factor) >= budget) continue
      if (found === undefined || arm.accuracy > found.accuracy) found = arm
    }
    return found
  }

  #observeRun(model: string, side: Side, ms: number): void {
    if (!this.#known().ids.includes(model)) return
    const { profile } = this.#arm(model, side)
    if (this.#options.budget === 'published') {
      profile.observe(ms)
      return
    }
    const { slowdown } = this.#places[side]
    slowdown.observe(profile.mean, ms, doubtOfGuess / (profile.count + 1) ** 2)
    profile.observe(ms / slowdown.factor)
  }

  /** A model that ran out of time took at least what was left for it. */
  #observeFailure({ side, error, plan, latency, began = 0, timings, way }: Outcome): void {
    // A stage through which it only passed has booked 0.
    if (error !== 'deadline-exceeded' || plan.model === undefined || timings.execute) return
    if (!this.#known().ids.includes(plan.model)) return
    const { capture = 0, device = 0, cloud = 0 } = timings
    if (side === 'device' && plan.cut !== undefined && plan.cut !== 'answered') {
      // Above the wire it cannot be told what was slow. Models are far steadier than networks.
      const rest = latency - began - capture - this.expected(plan.model, 'cloud').mean
      if (rest > (this.#places.device.rest.get(plan.cut)?.quantile(cautious) ?? 0))
        add(this.#places.device.rest, plan.cut, rest)
      return
    }
    const ms = latency - began - capture - device - cloud - (way?.up ?? 0)
    if (ms > this.expected(plan.model, side).mean) this.#observeRun(plan.model, side, ms)
  }

  #arm(id: string, side: Side): Arm {
    const { arms } = this.#places[side]
    const known = arms.get(id)
    if (known) return known
    const entry = this.#known().entry(id)
    const profile = new Profile({ alpha: this.#options.alpha, guess: guessedRun(entry) })
    const arm: Arm = { only: [id], accuracy: entry.accuracy, profile, mean: 0, late: 0, last: 0 }
    arms.set(id, arm)
    return arm
  }

  #known(): Models {
    this.#models ??= modelsOf(this.#given, undefined, 'select')
    return this.#models
  }
}

function add(to: Map<string, Samples>, cut: string, ms: number): void {
  let samples = to.get(cut)
  if (!samples) {
    samples = new Samples(keep, change)
    to.set(cut, samples)
  }
  samples.add(ms)
}

/** The largest quantile over the cuts that are still open; 0 where nothing was observed. */
function worst(of: ReadonlyMap<string, Samples>, { cuts }: Menu, q: number): number {
  let most = 0
  for (const cut of cuts) most = Math.max(most, of.get(cut)?.quantile(q) ?? 0)
  return most
}
