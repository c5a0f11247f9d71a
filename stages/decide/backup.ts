import { z } from 'zod'
import type {
  Backup,
  Cut,
  Decider,
  DecisionRequest,
  Explanation,
  Menu,
  ModelSet,
  Outcome,
  Probe,
  Weighed,
} from '../../pipeline/index.ts'
import { BadConfiguration, readOptions } from '../../pipeline/index.ts'
import { type Models, modelsOf } from '../manage/index.ts'
import { CloudTime } from './estimate/cloud-time.ts'
import { EnergyModel, type EnergyOptions } from './estimate/energy.ts'
import { guessedRun } from './estimate/guess.ts'
import { OnTime } from './estimate/ontime.ts'
import { Profile } from './estimate/profile.ts'
import { learned, savedOf } from './estimate/restore.ts'

const settings = z.strictObject({
  /**
   * `pays` (default): only when the chance that it is needed is worth its energy, and no sooner than it must. `always`: at
   * once with every message that crosses the wire, as MDInference publishes it.
   */
  when: z.enum(['pays', 'always']).default('pays'),
  /** Which model stands in. Default: the one that is worth most (`pays`), the most accurate that is in time (`always`). */
  model: z.string().optional(),
  /** It starts early enough to be done in time with this chance, as far as `pays` decides. Default 0.95. */
  quantile: z.number().gt(0).lt(1).default(0.95),
  /** Milliseconds by which it is to be done before the deadline, as far as `pays` decides: showing it takes time. Default 10. */
  margin: z.number().min(0).default(10),
  /** What a joule of the device is worth, in accuracy (0…1). Default 0.01. */
  price: z.number().min(0).default(0.01),
})

export interface BackupOptions extends z.input<typeof settings> {
  /** Default: the pipeline's. */
  readonly models?: Models
  /** What computing costs the device. Default: a Nexus 5. */
  readonly energy?: EnergyOptions
}

const saved = learned(
  'backup()',
  1,
  z.strictObject({ onTime: z.unknown(), cloud: z.unknown(), device: z.record(z.string(), z.unknown()) }),
)

const none: readonly Backup[] = ['none']
const device = 'device'
/** What was ended counts as so much longer than it was let run. */
const longer = 1.25

interface Arm {
  readonly id: string
  readonly only: readonly Backup[]
  readonly accuracy: number
  /** ms from capture to its answer, everything on the device. */
  readonly profile: Profile
  /** Set anew for each decision: when it starts (ms from capture), the chance that it is in time then, and its worth. */
  start: number
  inTime: number
  needed: number
  joules: number
  gain: number
}

/**
 * Decides whether a model of the device stands in for the cloud, which one, and when it starts. `pays`: with the model that
 * maximises P(T > D) · P(t < D − S) · A − λ · E · P(T > S), if that is above 0; it starts at S = D − margin − Q_q(t), and while t is
 * but a guess no later than Q_q(T). T is the cloud's whole time, D what is left of the deadline, t the model's time on the
 * device, A its accuracy, E its energy.
 * `always`: MDInference, sec. on request duplication. Leaves messages alone that the device answers anyway.
 * @throws BadConfiguration a bad option
 */
export function backup(options: BackupOptions = {}): Decider {
  return new BackupDecider(options)
}

class BackupDecider implements Decider {
  readonly name: string
  readonly #options: z.output<typeof settings>
  readonly #energy: EnergyModel
  readonly #given: Models | undefined
  readonly #onTime = new OnTime({ keep: 64 })
  readonly #cloud = new CloudTime()
  readonly #arms = new Map<string, Arm>()
  readonly #weighed: Arm[] = []
  #models: Models | undefined
  #chosen: Arm | undefined
  #late = 1
  /** The menu does not say that none may stand in. */
  #must = false

  constructor({ models, energy, ...options }: BackupOptions) {
    this.#energy = new EnergyModel(energy)
    this.#given = models
    this.#models = models
    this.#options = readOptions(settings, options, 'backup()')
    this.name = `backup ${this.#options.when}`
  }

  open({ models }: { readonly models: ModelSet | undefined }): void {
    this.#models = modelsOf(this.#given, models, 'backup')
    const { model } = this.#options
    if (model !== undefined && !this.#models.ids.includes(model)) {
      throw new BadConfiguration(`backup() has no model "${model}". Use one of: ${this.#models.ids.join(', ')}.`)
    }
  }

  decide(request: DecisionRequest, _world: unknown, menu: Menu): Menu {
    this.#chosen = undefined
    this.#weighed.length = 0
    if (request.side !== 'device' || menu.backups.length < 2) return menu
    // Where one must stand in, it is not to be said that none does.
    const must = !menu.backups.includes('none')
    this.#must = must
    if (menu.cuts.every((cut) => cut === 'answered')) return must ? menu : { ...menu, backups: none }
    this.#late = 1 - this.#inTime(request, menu, request.deadline - request.elapsed)
    for (const choice of menu.backups) {
      const arm = this.#armOf(choice)
      if (arm) this.#weigh(arm, request, menu)
    }
    const always = this.#options.when === 'always'
    const chosen = always ? this.#mostAccurate() : this.#bestPaying(must ? Number.NEGATIVE_INFINITY : 0)
    if (!chosen) return must ? menu : { ...menu, backups: none }
    this.#chosen = chosen
    return { ...menu, backups: chosen.only, backupAfter: always ? 0 : chosen.start }
  }

  observe(outcome: Outcome): void {
    if (outcome.side !== 'device') return
    const { kind, crossing, plan, latency, began = 0, timings } = outcome
    if (plan.cut === 'answered' && !crossing) {
      const arm = plan.model === undefined ? undefined : this.#arm(plan.model)
      const ms = latency - began - (timings.load ?? 0)
      if (!arm) return
      if (kind === 'message') {
        // A guess is no prediction: how far it was off says nothing of how far the next will be.
        if (arm.profile.count > 0) this.#onTime.observe(device, arm.profile.mean, ms)
        arm.profile.observe(ms)
      } else if (outcome.error === 'deadline-exceeded' || outcome.error === 'cancelled') this.#observeAtLeast(arm, ms)
      return
    }
    if (!outcome.backup) this.#cloud.observe(outcome, this.#onTime)
  }

  probed(probe: Probe): void {
    this.#cloud.probed(probe)
  }

  explain(): Explanation | undefined {
    if (this.#weighed.length === 0) return undefined
    const weighed = this.#weighed.map(
      (arm): Weighed => ({
        choice:
          arm === this.#chosen
            ? { backup: arm.only[0] as Backup, backupAfter: arm.start }
            : { backup: arm.only[0] as Backup },
        ms: arm.profile.mean,
        accuracy: arm.accuracy,
        onTime: arm.inTime,
        energy: arm.joules * 1000,
        utility: arm.gain,
        propensity: arm === this.#chosen ? 1 : 0,
      }),
    )
    if (!this.#must) weighed.unshift({ choice: { backup: 'none' }, utility: 0, propensity: this.#chosen ? 0 : 1 })
    return {
      decider: this.name,
      weighed,
      chosen: weighed.findIndex(({ propensity }) => propensity === 1),
      why: `the cloud is late with a chance of ${this.#late.toFixed(3)}`,
    }
  }

  save(): unknown {
    const measured = [...this.#arms.values()].filter(({ profile }) => profile.count > 0)
    return saved.write({
      onTime: this.#onTime.save(),
      cloud: this.#cloud.save(),
      device: Object.fromEntries(measured.map(({ id, profile }) => [id, profile.save()])),
    })
  }

  /** Models that are not in the catalogue any longer are forgotten. @throws BadConfiguration as the port says */
  restore(from: unknown): void {
    const { onTime, cloud, device: profiles } = saved.read(from, savedOf('backup()'))
    this.#onTime.restore(onTime)
    this.#cloud.restore(cloud)
    for (const [id, profile] of Object.entries(profiles)) this.#arm(id)?.profile.restore(profile)
  }

  /**
   * A run that was ended would have taken longer. Were only those counted that are done in time, what they take would seem
   * less and less, and they would be begun later and later.
   */
  #observeAtLeast(arm: Arm, ms: number): void {
    const expected = this.#onTime.within(device, arm.profile.mean, this.#options.quantile)
    if (ms < 0.9 * expected) return
    const atLeast = longer * Math.max(ms, expected)
    if (arm.profile.count > 0) this.#onTime.observe(device, arm.profile.mean, atLeast)
    else arm.profile.observe(atLeast)
  }

  /** The chance that the cloud answers within so many ms from now; of the cuts that are open the least. */
  #inTime(request: DecisionRequest, { cuts }: Menu, left: number): number {
    let least = 1
    for (const cut of cuts) {
      if (cut !== 'answered') least = Math.min(least, this.#chance(cut, request, left))
    }
    return least
  }

  /** Milliseconds from now within which the cloud answers with the chance `quantile`; 0 where that is not known. */
  #within({ bytes }: DecisionRequest, { cuts }: Menu): number {
    let longest = 0
    for (const cut of cuts) {
      if (cut === 'answered') continue
      const predicted = this.#cloud.mean(cut, bytes)
      if (predicted === undefined) return 0
      longest = Math.max(longest, this.#onTime.within(this.#cloud.pathOf(cut), predicted, this.#options.quantile))
    }
    return longest
  }

  /** A way of which nothing is known is none to rely on. */
  #chance(cut: Cut, { bytes }: DecisionRequest, left: number): number {
    const predicted = this.#cloud.mean(cut, bytes)
    return predicted === undefined ? 0 : this.#onTime.chance(this.#cloud.pathOf(cut), predicted, left)
  }

  #weigh(arm: Arm, request: DecisionRequest, menu: Menu): void {
    const { quantile, margin, price } = this.#options
    const took = this.#onTime.within(device, arm.profile.mean, quantile)
    const latest = Math.max(request.elapsed, request.deadline - margin - took)
    // Measuring it is paid for but once: it counts as needed no more often than if it could wait.
    arm.start = arm.profile.count > 0 ? latest : Math.min(latest, request.elapsed + this.#within(request, menu))
    const allowed = request.deadline - margin - arm.start
    arm.inTime = this.#onTime.chance(device, arm.profile.mean, allowed)
    arm.needed = 1 - this.#inTime(request, menu, latest - request.elapsed)
    arm.joules = (this.#energy.compute(arm.profile.mean) - this.#energy.wait(arm.profile.mean)) / 1000
    arm.gain = this.#late * arm.inTime * arm.accuracy - price * arm.joules * arm.needed
    this.#weighed.push(arm)
  }

  #bestPaying(above: number): Arm | undefined {
    let best: Arm | undefined
    for (const arm of this.#weighed) if (arm.gain > (best?.gain ?? above)) best = arm
    return best
  }

  /** The most accurate that is rather in time than not; where none is, the one that is most surely. */
  #mostAccurate(): Arm | undefined {
    let best: Arm | undefined
    for (const arm of this.#weighed) {
      if (arm.inTime >= 0.5 && (best === undefined || arm.accuracy > best.accuracy)) best = arm
    }
    if (best) return best
    for (const arm of this.#weighed) if (best === undefined || arm.inTime > best.inTime) best = arm
    return best
  }

  #armOf(choice: Backup): Arm | undefined {
    const { model } = this.#options
    if (!choice.startsWith('model:')) return undefined
    const id = choice.slice('model:'.length)
    return model === undefined || model === id ? this.#arm(id) : undefined
  }

  /** Undefined for what the catalogue does not hold. */
  #arm(id: string): Arm | undefined {
    const known = this.#arms.get(id)
    if (known) return known
    this.#models ??= modelsOf(this.#given, undefined, 'backup')
    if (!this.#models.ids.includes(id)) return undefined
    const entry = this.#models.entry(id)
    const arm: Arm = {
      id,
      only: [`model:${id}`],
      accuracy: entry.accuracy,
      profile: new Profile({ alpha: 0.2, guess: guessedRun(entry) }),
      start: 0,
      inTime: 0,
      needed: 1,
      joules: 0,
      gain: 0,
    }
    this.#arms.set(id, arm)
    return arm
  }
}
