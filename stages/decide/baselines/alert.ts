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
import { guessedRun } from '../estimate/guess.ts'
import { learned, savedOf } from '../estimate/restore.ts'
import { Samples } from '../estimate/samples.ts'
import { AlertSlowdown } from './alert-slowdown.ts'

const share = z.number().min(0).max(1)

const settings = z.strictObject({
  /** `accuracy` (default): the most, within the energy budget; `energy`: the least, at the accuracy goal or above. */
  goal: z.enum(['accuracy', 'energy']).default('accuracy'),
  /** The energy budget of one message, mJ. Default Infinity. */
  energyBudget: z.number().min(0).or(z.literal(Number.POSITIVE_INFINITY)).default(Number.POSITIVE_INFINITY),
  /** The accuracy goal, late answers counted as they are worth, 0…1. Default 0. */
  accuracyGoal: share.default(0),
  /** What an answer that is late is worth, 0…1. Default 0. */
  lateAccuracy: share.default(0),
})

export interface AlertOptions extends z.input<typeof settings> {
  /** Default: the pipeline's. */
  readonly models?: Models
  /** Milliseconds a run of each model takes when nothing slows it down. Default: the catalogue's `latencyMs`, else a guess. */
  readonly profile?: Readonly<Record<string, number>>
  /** The device. Default: see `EnergyOptions`. */
  readonly energy?: EnergyOptions
}

const saved = learned('alert()', 1, z.strictObject({ slowdown: z.unknown(), rest: z.unknown() }))

/** A model as it is weighed. `chance`, `quality` and `energy` are set anew for each decision. */
interface Arm {
  readonly model: string
  readonly only: readonly string[]
  readonly accuracy: number
  /** ms */
  readonly profiled: number
  /** P(on time), expected accuracy, expected mJ. */
  chance: number
  quality: number
  energy: number
}

const answered: readonly Cut[] = ['answered']
/** Samples kept of what happens besides the model. */
const keep = 64

/**
 * Chooses the model by ALERT: one slowdown ξ of everything, filtered from every run, gives each model's chance to be on
 * time; of the models the most accurate in expectation within an energy budget, or the least hungry that reaches an
 * accuracy. It knows of no network: on the device it answers there wherever the menu lets it.
 * @throws BadConfiguration a bad option
 */
export function alert(options: AlertOptions = {}): Decider {
  return new Alert(options)
}

class Alert implements Decider {
  readonly name: string
  readonly #options: z.output<typeof settings>
  readonly #given: Models | undefined
  readonly #profile: Readonly<Record<string, number>>
  readonly #power: EnergyModel
  readonly #slowdown = new AlertSlowdown()
  /** Milliseconds of a message besides its run. */
  readonly #rest = new Samples(keep)
  readonly #arms = new Map<string, Arm>()
  readonly #weighed: Arm[] = []
  #models: Models | undefined
  #chosen: Arm | undefined
  #why = ''

  constructor({ models, profile = {}, energy, ...options }: AlertOptions) {
    this.#given = models
    this.#models = models
    this.#profile = profile
    this.#power = new EnergyModel(energy)
    this.#options = readOptions(settings, options, 'alert()')
    this.name = `alert ${this.#options.goal}`
  }

  open({ models }: { readonly models: ModelSet | undefined }): void {
    this.#models = modelsOf(this.#given, models, 'alert')
  }

  decide(request: DecisionRequest, _world: unknown, menu: Menu): Menu {
    this.#chosen = undefined
    if (menu.models.length === 0) return menu
    const within = request.remaining - (this.#rest.quantile(0.5) ?? 0) - (request.way?.down ?? 0)
    this.#weighed.length = 0
    for (const model of menu.models) {
      const arm = this.#arm(model)
      this.#weigh(arm, within)
      this.#weighed.push(arm)
    }
    const chosen = this.#choose()
    this.#chosen = chosen
    const here = request.side === 'device' && menu.cuts.includes('answered')
    return { ...menu, models: chosen.only, cuts: here ? answered : menu.cuts }
  }

  observe({ kind, side, plan, timings, crossing }: Outcome): void {
    const { execute, load = 0, device = 0, transfer = 0, cloud = 0 } = timings
    if (kind !== 'message' || plan.model === undefined || execute === undefined) return
    if (!this.#known().ids.includes(plan.model)) return
    this.#slowdown.observe(this.#arm(plan.model).profiled, execute - load)
    this.#rest.add(besides(side, crossing !== undefined, device, transfer, cloud))
  }

  explain(): Explanation | undefined {
    const chosen = this.#chosen
    if (!chosen) return undefined
    return {
      decider: this.name,
      weighed: this.#weighed.map((arm) => ({
        choice: { model: arm.model },
        ms: this.#slowdown.mean * arm.profiled,
        onTime: arm.chance,
        accuracy: arm.accuracy,
        energy: arm.energy,
        utility: this.#options.goal === 'accuracy' ? arm.quality : -arm.energy,
        propensity: arm === chosen ? 1 : 0,
      })),
      chosen: this.#weighed.indexOf(chosen),
      why: this.#why,
    }
  }

  save(): unknown {
    return saved.write({ slowdown: this.#slowdown.save(), rest: this.#rest.save() })
  }

  /** @throws BadConfiguration as the port says */
  restore(from: unknown): void {
    const { slowdown, rest } = saved.read(from, savedOf('alert()'))
    this.#slowdown.restore(slowdown)
    this.#rest.restore(rest)
  }

  /** E = P_computing·μ·t + P_waiting·(what is left of the time); a device without deadline is not charged for waiting. */
  #weigh(arm: Arm, within: number): void {
    const { lateAccuracy } = this.#options
    const takes = this.#slowdown.mean * arm.profiled
    const left = Number.isFinite(within) ? Math.max(0, within - takes) : 0
    arm.chance = this.#slowdown.chance(arm.profiled, within)
    arm.quality = arm.chance * arm.accuracy + (1 - arm.chance) * lateAccuracy
    arm.energy = this.#power.compute(takes) + this.#power.wait(left)
  }

  /** Where a goal cannot be met, being on time and right comes before energy (ALERT's order). */
  #choose(): Arm {
    const { goal, energyBudget, accuracyGoal } = this.#options
    const meets = (arm: Arm) => (goal === 'accuracy' ? arm.energy <= energyBudget : arm.quality >= accuracyGoal)
    const first = goal === 'accuracy' ? betterThenCheaper : cheaperThenBetter
    const best = bestOf(this.#weighed, first, meets)
    this.#why = best ? `best ${goal} that meets the other goal` : 'no model meets the goal: the best accuracy'
    return best ?? (bestOf(this.#weighed, betterThenCheaper, () => true) as Arm)
  }

  #arm(model: string): Arm {
    let arm = this.#arms.get(model)
    if (!arm) {
      const entry = this.#known().entry(model)
      const profiled = this.#profile[model] ?? guessedRun(entry)
      arm = { model, only: [model], accuracy: entry.accuracy, profiled, chance: 0, quality: 0, energy: 0 }
      this.#arms.set(model, arm)
    }
    return arm
  }

  #known(): Models {
    this.#models ??= modelsOf(this.#given, undefined, 'alert')
    return this.#models
  }
}

function bestOf(
  arms: readonly Arm[],
  better: (one: Arm, other: Arm) => boolean,
  meets: (arm: Arm) => boolean,
): Arm | undefined {
  let best: Arm | undefined
  for (const arm of arms) if (meets(arm) && (best === undefined || better(arm, best))) best = arm
  return best
}

const betterThenCheaper = (one: Arm, other: Arm) =>
  one.quality > other.quality || (one.quality === other.quality && one.energy < other.energy)

const cheaperThenBetter = (one: Arm, other: Arm) =>
  one.energy < other.energy || (one.energy === other.energy && one.quality > other.quality)

function besides(side: Side, crossed: boolean, device: number, transfer: number, cloud: number): number {
  if (side === 'cloud') return cloud
  return crossed ? device + transfer + cloud : device
}
