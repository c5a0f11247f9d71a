import type { DecisionRequest } from '../../../pipeline/index.ts'
import type { Debt } from '../estimate/debt.ts'
import type { EnergyModel } from '../estimate/energy.ts'
import type { Money } from '../estimate/money.ts'
import type { Columns } from '../pareto.ts'
import type { Forecast } from './forecast.ts'
import type { Knowledge } from './knowledge.ts'
import type { StandIn } from './learn.ts'
import type { limitNames, Settings } from './options.ts'
import { kind, type Paths } from './paths.ts'

/** What is to be weighed against what. */
export interface Objective {
  readonly settings: Settings
  readonly energy: EnergyModel
  readonly money: Money
  readonly debt: Debt
}

/** A backup starts so late that it is still done in time with this chance. */
const surely = 0.99
/** What is off by more, relative, is a guess. */
const guess = 0.4

/**
 * What every arm (a path with a backup) is worth, for one message: U = P·A + (1 − P)·P_b·A_b − λ·E − μ·money − κ·Σ Q·t. Arm
 * i is path ⌊i ÷ backups⌋ with backup i mod backups. Arrays beside those of the forecast, written anew for each message.
 */
export class Appraisal {
  /** By arm. Only paths that cross have arms with backups: the others' utility is −Infinity. */
  readonly utility: Float64Array
  /** By arm: the chance that an answer comes in time and is right. */
  readonly right: Float64Array
  /** By arm: whether all limits are kept. */
  readonly feasible: Uint8Array
  /** By arm: mJ, the backup's counted with the chance that it runs. */
  readonly energy: Float64Array
  /** By path: money per 1,000 requests. */
  readonly money: Float64Array
  // By backup: ms from capture at which it starts, its chance and accuracy if it is needed, and what it takes.
  readonly start: Float64Array
  readonly standChance: Float64Array
  readonly standAccuracy: Float64Array
  readonly #standTime: Float64Array
  readonly #standLog: Float64Array
  /** ln of the milliseconds from now in which it need not start. */
  readonly #grace: Float64Array
  /** 1 for backups that are any: a model's, or the last answer. */
  readonly #stands: Uint8Array
  readonly backups: number
  readonly count: number
  // By arm, for fronts alone.
  readonly #time: Float64Array
  readonly #bytes: Float64Array
  readonly #paths: Paths
  readonly #forecast: Forecast
  /** Feasible arms there are. */
  kept = 0

  constructor(paths: Paths, forecast: Forecast) {
    this.#paths = paths
    this.#forecast = forecast
    this.backups = paths.backups.length
    this.count = paths.count * this.backups
    this.utility = new Float64Array(this.count)
    this.right = new Float64Array(this.count)
    this.feasible = new Uint8Array(this.count)
    this.energy = new Float64Array(this.count)
    this.money = new Float64Array(paths.count)
    this.#time = new Float64Array(this.count)
    this.#bytes = new Float64Array(this.count)
    this.start = new Float64Array(this.backups)
    this.standChance = new Float64Array(this.backups)
    this.standAccuracy = new Float64Array(this.backups)
    this.#standTime = new Float64Array(this.backups)
    this.#standLog = new Float64Array(this.backups)
    this.#grace = new Float64Array(this.backups)
    this.#stands = Uint8Array.from(paths.backups, (backup) => (backup === 'none' ? 0 : 1))
  }

  /** Writes all arrays for a message. */
  make(request: DecisionRequest, knowledge: Knowledge, objective: Objective): void {
    this.#standIns(request, knowledge, objective.settings.margin)
    const { settings, energy, money, debt } = objective
    const { limits, weights } = settings
    const { time, device, uplink, cloud, bytes, chance, accuracy, byte: perBytes } = this.#forecast
    const { count, kind: kinds, target } = this.#paths
    const { backups, utility, feasible, right, energy: spendings, money: payments, standChance, standAccuracy } = this
    const { margin } = settings
    const ratios = knowledge.onTime.of('answered')
    const off = knowledge.off.values.run
    const standLog = this.#standLog
    const [stands, standTime, graces, forecast] = [this.#stands, this.#standTime, this.#grace, this.#forecast]
    const standIns = this.#paths.backupModels.some((model) => model >= 0)
    const debts = weights.debt / 1e6
    const timeless = request.remaining === Number.POSITIVE_INFINITY ? weights.time / 1000 : 0
    this.timeless = timeless
    const leastAccuracy = limits.accuracy ?? 0
    const mostEnergy = limits.energy ?? Number.POSITIVE_INFINITY
    const mostMoney = limits.money ?? Number.POSITIVE_INFINITY
    const mostBytes = limits.bytes ?? Number.POSITIVE_INFINITY
    // Whether it matters that a backup may not even have to start.
    const counted = weights.energy > 0 || limits.energy !== undefined || debt.device > 0
    const lambda = this.lambda
    const below = request.side === 'cloud'
    let kept = 0
    for (let p = 0; p < count; p++) {
      const at = kinds[p] as number
      const crosses = at >= kind.captured && at <= kind.after
      const here = device[p] as number
      const up = uplink[p] as number
      const there = cloud[p] as number
      const sent = bytes[p] as number
      let spent = (here * energy.computing) / 1000
      let paid = 0
      if (crosses && !below) {
        const perByte = perBytes[target[p] as number] as number
        spent += sent * ((8 * energy.radio.up) / 1e6 + (energy.radio.base * perByte) / 1000)
        spent += (energy.waiting * (up - sent * perByte + there)) / 1000
        paid = money.per1000(sent, there)
      }
      payments[p] = paid
      const p1 = chance[p] as number
      const a1 = accuracy[p] as number
      const owed = debts * (debt.device * here + debt.uplink * up + debt.cloud * there)
      const rest = weights.money * paid + owed + timeless * (time[p] as number)
      const first = p * backups
      // One picture at a time: what stands in waits for what is prepared for the other.
      const held = at >= kind.prepared ? here : 0
      const logHeld = held > 0 && standIns ? Math.log(Math.max(0, request.remaining - margin - held)) : 0
      const keeps = a1 >= leastAccuracy && paid <= mostMoney && sent <= mostBytes
      for (let b = 0; b < backups; b++) {
        const arm = first + b
        if (b > 0 && !crosses) {
          utility[arm] = Number.NEGATIVE_INFINITY
          feasible[arm] = 0
          continue
        }
        let mJ = spent
        let correct = p1 * a1
        let dues = rest
        let fits = keeps
        if (crosses && stands[b] === 1) {
          const a2 = standAccuracy[b] as number
          const takes = standTime[b] as number
          let p2 = standChance[b] as number
          if (takes > 0 && p2 > 0 && held > (this.start[b] as number) - request.elapsed)
            p2 = Math.min(p2, ratios.at((logHeld - (standLog[b] as number)) / off))
          correct += (1 - p1) * p2 * a2
          fits &&= a2 >= leastAccuracy
          if (counted && takes > 0) {
            const runs = 1 - forecast.within(p, graces[b] as number)
            mJ += (runs * takes * energy.computing) / 1000
            dues += debts * debt.device * runs * takes
          }
        }
        spendings[arm] = mJ
        right[arm] = correct
        utility[arm] = correct - dues - lambda * mJ
        if (fits && mJ <= mostEnergy) {
          feasible[arm] = 1
          kept++
        } else feasible[arm] = 0
      }
    }
    this.kept = kept
  }

  /** Leaves paths out, unless that would leave none, or none within the limits where there was one. */
  exclude(out: (path: number) => boolean): void {
    const leaves = Uint8Array.from({ length: this.#paths.count }, (_, path) => (out(path) ? 1 : 0))
    let [arms, kept] = [0, 0]
    for (let arm = 0; arm < this.count; arm++) {
      if (leaves[this.path(arm)] === 1 || this.utility[arm] === Number.NEGATIVE_INFINITY) continue
      arms++
      kept += this.feasible[arm] as number
    }
    if (arms === 0 || (kept === 0 && this.kept > 0)) return
    this.kept = kept
    for (let arm = 0; arm < this.count; arm++) {
      if (leaves[this.path(arm)] === 0) continue
      this.utility[arm] = Number.NEGATIVE_INFINITY
      this.feasible[arm] = 0
    }
  }

  /** Accuracy a millisecond is worth; 0 where there is a deadline. */
  timeless = 0

  /** λ of this message: accuracy a millijoule is worth, dearer the emptier the battery. */
  lambda = 0

  path(arm: number): number {
    return Math.floor(arm / this.backups)
  }

  backup(arm: number): number {
    return arm % this.backups
  }

  /** What a front is drawn of, by arm. */
  columns(): Columns {
    const { time, bytes } = this.#forecast
    for (let arm = 0; arm < this.count; arm++) {
      const path = this.path(arm)
      this.#time[arm] = time[path] as number
      this.#bytes[arm] = bytes[path] as number
    }
    return { time: this.#time, energy: this.energy, accuracy: this.right, bytes: this.#bytes }
  }

  /** Whether something stands in for an arm: only for one that crosses. */
  stands(arm: number): boolean {
    return this.#stands[this.backup(arm)] === 1 && this.#paths.crosses(this.path(arm))
  }

  /** Milliseconds from capture at which a model starts to stand in for an arm; undefined where none does. */
  startOf(arm: number): number | undefined {
    const model = this.#paths.backupModels[this.backup(arm)] as number
    return this.stands(arm) && model >= 0 ? (this.start[this.backup(arm)] as number) : undefined
  }

  /** What a model that stands in for an arm is expected to take; undefined where none does. */
  standIn(arm: number, elapsed: number, knowledge: Knowledge): StandIn | undefined {
    const backup = this.backup(arm)
    const model = this.#paths.backupModels[backup] as number
    if (!this.stands(arm) || model < 0) return undefined
    return {
      model: (this.#paths.models[model] as { readonly id: string }).id,
      ready: Math.max(0, (this.start[backup] as number) - elapsed),
      time: this.#forecast.here[model] as number,
      scale: knowledge.off.values.run,
      doubt: this.#forecast.standInDoubt(model, knowledge),
    }
  }

  /** The chance that an arm answers in time, by whatever of it. */
  onTime(arm: number): number {
    const first = this.#forecast.chance[this.path(arm)] as number
    return this.stands(arm) ? first + (1 - first) * (this.standChance[this.backup(arm)] as number) : first
  }

  /** By how much an arm breaks a limit, as a share of it; 0 where it is kept. */
  excess(arm: number, name: (typeof limitNames)[number], limits: Settings['limits']): number {
    const limit = limits[name]
    if (limit === undefined) return 0
    const path = this.path(arm)
    if (name === 'accuracy') {
      const b = this.backup(arm)
      const own = this.#forecast.accuracy[path] as number
      return Math.max(0, limit - (this.stands(arm) ? Math.min(own, this.standAccuracy[b] as number) : own))
    }
    const has = name === 'energy' ? this.energy[arm] : name === 'money' ? this.money[path] : this.#forecast.bytes[path]
    return Math.max(0, ((has as number) - limit) / Math.max(limit, 1e-9))
  }

  #standIns({ elapsed, remaining, source, now }: DecisionRequest, knowledge: Knowledge, margin: number): void {
    const { onTime, constancy } = knowledge
    const off = knowledge.off.values.run
    const { wait, first } = this.#forecast
    const ratios = onTime.of('answered')
    const { backups, backupModels } = this.#paths
    for (let b = 0; b < this.backups; b++) {
      const model = backupModels[b] as number
      if (model >= 0) {
        const takes = this.#forecast.here[model] as number
        // Where its time is a guess, all that it may be off counts; on a device that ran nothing yet it starts at once.
        const doubt = this.#forecast.standInDoubt(model, knowledge)
        const sure = ratios.within(takes, surely, off) * (doubt > guess ? Math.exp(doubt) : 1)
        const latest = first === undefined ? remaining - margin - sure : 0
        const start = Number.isFinite(latest) ? Math.max(0, latest) : 0
        this.start[b] = elapsed + start
        this.#standTime[b] = takes
        this.#grace[b] = Math.log(start)
        const known = first === undefined || first === model
        this.#standLog[b] = Math.log(takes)
        this.standChance[b] = known ? ratios.chance(takes, remaining - margin - Math.max(start, wait), off) : 0
        this.standAccuracy[b] = this.#paths.models[model]?.accuracy ?? 0
        continue
      }
      this.start[b] = 0
      this.#standTime[b] = 0
      const last = backups[b] === 'last'
      this.standChance[b] = last && remaining > 0 ? 1 : 0
      this.standAccuracy[b] = last ? constancy.accuracy(source, now - elapsed) : 0
    }
  }
}
