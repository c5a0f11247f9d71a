import type { z } from 'zod'
import {
  BadConfiguration,
  type Decider,
  type DecisionRequest,
  type Explanation,
  type Menu,
  type ModelSet,
  type Outcome,
  type Probe,
  readOptions,
  type World,
} from '../../../pipeline/index.ts'
import { type Models, modelsOf } from '../../manage/index.ts'
import type { CutCosts } from '../estimate/cuts.ts'
import { Debt } from '../estimate/debt.ts'
import { EnergyModel, type EnergyOptions } from '../estimate/energy.ts'
import { Money, type MoneyOptions } from '../estimate/money.ts'
import { Appraisal, type Objective } from './appraisal.ts'
import { bestCascade, type Cascade } from './cascade.ts'
import { explained } from './explain.ts'
import { besideOf, Forecast } from './forecast.ts'
import { type FrontPoint, frontOf, type Table } from './front.ts'
import { wanted } from './goal.ts'
import { Learner } from './learn.ts'
import { type Settings, settings } from './options.ts'
import { cutFigures, kindNames, Paths } from './paths.ts'
import { Tables } from './tables.ts'
import { Tries, type Try } from './tries.ts'

export interface PlannerOptions extends z.input<typeof settings> {
  /** Default: the pipeline's. */
  readonly models?: Models
  /** Powers of the device and its radio. */
  readonly energy?: EnergyOptions
  /** Prices of the cloud. Default: free. */
  readonly money?: MoneyOptions
  /** Draws the lots of tries: 0 ≤ x < 1. Default Math.random. */
  readonly random?: () => number
}

/** The joint decider. */
export interface Planner extends Decider {
  /**
   * The plans that no other beats in time, energy, accuracy and bytes, by ascending time: of a given decision, or of the last.
   * Asking about one teaches nothing and books nothing.
   */
  pareto(of?: { readonly request: DecisionRequest; readonly world: World; readonly menu: Menu }): readonly FrontPoint[]
}

/** What one decision was about, for whoever asks how it came about. */
interface Last {
  readonly table: Table
  readonly request: DecisionRequest
  readonly best: number
  readonly chosen: number
  readonly tried: Try | undefined | 'unknown'
  readonly ceiling: number
  readonly cascade: Cascade | undefined
}

/** While something may be unseen, every other message is looked at for a try. */
const curious = 0.5
/** Energy is worth no more than on a battery of this charge. */
const emptiest = 0.05
/** Milliseconds after which that is looked at again, seen or not. */
const again = 5000

/**
 * Chooses model, cut, encoding, target and backup at once: the arm of the largest U (or another goal) within the limits.
 * @throws BadConfiguration a bad option
 */
export function plan(options: PlannerOptions = {}): Planner {
  return new JointPlanner(options)
}

class JointPlanner implements Planner {
  readonly name = 'plan'
  readonly #settings: Settings
  readonly #objective: Objective
  readonly #random: () => number
  readonly #given: Models | undefined
  readonly #knows: Learner
  readonly #tries: Tries
  #models: Models | undefined
  #cutsOf: (model: string) => CutCosts = () => {
    throw new BadConfiguration('plan() was asked before it had models. Give it models, or open it first.')
  }
  readonly #tables = new Tables<Table>()
  #ceiling = curious
  #looked = Number.NEGATIVE_INFINITY
  #edge: string | undefined
  #last: Last | undefined

  constructor({ models, energy, money, random = Math.random, ...plain }: PlannerOptions) {
    this.#settings = readOptions(settings, plain, 'plan()')
    const debt = new Debt(this.#settings.servers)
    this.#objective = { settings: this.#settings, energy: new EnergyModel(energy), money: new Money(money), debt }
    this.#random = random
    this.#given = models
    this.#knows = new Learner(this.#settings.link)
    this.#tries = new Tries(this.#settings.tries)
    if (models) this.#use(models)
  }

  open({ models }: { readonly models: ModelSet | undefined }): void {
    this.#use(modelsOf(this.#given, models, 'plan'))
  }

  decide(request: DecisionRequest, world: World, menu: Menu): Menu {
    if (menu.models.length === 0) return menu
    this.#knows.hear(world)
    this.#objective.debt.pass(request.now)
    const table = this.#forecast(request, world, this.#table(request, menu))
    const { paths, forecast, appraisal } = table
    const best = wanted(appraisal, this.#settings)
    if (best < 0) throw new BadConfiguration(this.#nothing(menu))
    const escalates = this.#mayEscalate(request, appraisal)
    const cascade = escalates
      ? bestCascade(paths, forecast, appraisal, request.remaining, appraisal.utility[best] as number, (model) =>
          this.#knows.calibration(model),
        )
      : undefined
    const tried = this.#try(table, cascade?.arm ?? best, request)
    const lot = tried !== 'unknown' && tried !== undefined && this.#lot < Math.min(tried.chance, this.#ceilingThen)
    const chosen = lot ? tried.arm : (cascade?.arm ?? best)
    this.#last = { table, request, best, chosen, tried, ceiling: this.#ceilingThen, cascade }
    this.#book(table, chosen, request, world, lot)
    const backup = appraisal.backup(chosen)
    return paths.menuOf(
      appraisal.path(chosen),
      backup,
      appraisal.startOf(chosen),
      lot ? undefined : cascade?.accept,
      menu,
    )
  }

  observe(outcome: Outcome, world: World): void {
    this.#knows.observe(outcome, world, this.#known(), this.#cutsOf)
  }

  probed(probe: Probe): void {
    this.#knows.probed(probe)
  }

  explain(): Explanation | undefined {
    const last = this.#last
    if (!last) return undefined
    const { table, request, best, chosen, ceiling, cascade } = last
    const main = cascade?.arm ?? best
    const tried = last.tried === 'unknown' ? this.#find(table, main, request) : last.tried
    const chance = tried ? Math.min(tried.chance, ceiling) : 0
    return explained({ ...table, main, tried: tried?.arm, chance, chosen, accept: cascade?.accept })
  }

  pareto(of?: {
    readonly request: DecisionRequest
    readonly world: World
    readonly menu: Menu
  }): readonly FrontPoint[] {
    // The arrays of the last decision stay as they are, for whoever asks about it.
    const table = of ? this.#forecast(of.request, of.world, this.#make(of.request, of.menu)) : this.#last?.table
    if (!table) return []
    return frontOf(table)
  }

  save(): unknown {
    return this.#knows.save()
  }

  restore(from: unknown): void {
    this.#knows.restore(from, this.#known())
  }
  #lot = 1
  #ceilingThen = 0

  #use(models: Models): void {
    this.#models = models
    this.#cutsOf = cutFigures(models)
    this.#tables.clear()
  }

  #known(): Models {
    this.#models ??= modelsOf(this.#given, undefined, 'plan')
    return this.#models
  }

  #forecast(request: DecisionRequest, world: World, table: Table): Table {
    const { paths, forecast, appraisal } = table
    forecast.make(request, world, this.#knows)
    const charge = world.value('battery')
    appraisal.lambda = this.#settings.weights.energy / Math.max(emptiest, charge ?? 1)
    appraisal.make(request, this.#knows, this.#objective)
    if (request.tried.length > 0) appraisal.exclude((path) => useless(paths, path, request))
    return table
  }

  #table(request: DecisionRequest, menu: Menu): Table {
    return this.#tables.of(menu, request.side === 'cloud' ? request.at : '', () => this.#make(request, menu))
  }

  #make({ side, at }: DecisionRequest, menu: Menu): Table {
    const below = side === 'cloud'
    const { leaves, fidelity } = this.#settings
    // What reached the cloud goes on from where it stands.
    const here = below ? { ...menu, cuts: [at], targets: ['any' as const] } : menu
    const paths = new Paths(here, { models: this.#known(), cutsOf: this.#cutsOf, below, leaves, fidelity })
    const forecast = new Forecast(paths)
    return { paths, forecast, appraisal: new Appraisal(paths, forecast) }
  }

  /** A low score can only be followed up on the device, and where another decision is possible. */
  #mayEscalate({ side, at }: DecisionRequest, { kept }: Appraisal): boolean {
    return (
      this.#settings.cascade && this.#settings.goal === 'utility' && side === 'device' && at === 'captured' && kept > 1
    )
  }

  /** Draws the lot, and looks for something to try only where the lot may allow it. */
  #try(table: Table, best: number, request: DecisionRequest): Try | undefined | 'unknown' {
    const edge = this.#knows.times.lines.current
    if (edge !== this.#edge || request.now - this.#looked > again) {
      this.#edge = edge
      this.#ceiling = curious
    }
    this.#lot = this.#random()
    const lost = this.#knows.times.lines.overdue > 0
    this.#ceilingThen = request.side !== 'device' || request.attempt > 1 ? 0 : lost ? 1 : this.#ceiling
    if (this.#lot >= this.#ceilingThen) return 'unknown'
    const tried = this.#find(table, best, request)
    if (lost) return tried
    this.#looked = request.now
    const { every } = this.#settings.tries
    this.#ceiling = tried && tried.chance >= curious ? curious : Math.min(curious, 1 / every)
    return tried
  }

  #find({ paths, forecast, appraisal }: Table, best: number, request: DecisionRequest): Try | undefined {
    if (appraisal.kept === 0 || request.side === 'cloud' || request.attempt > 1) return undefined
    return this.#tries.find(paths, forecast, appraisal, best, request, this.#knows)
  }

  /** Notes what was decided, and what is expected of it. */
  #book(
    { paths, forecast, appraisal }: Table,
    arm: number,
    request: DecisionRequest,
    world: World,
    lot: boolean,
  ): void {
    const path = appraisal.path(arm)
    const { id, attempt, source, now, bytes } = request
    const crosses = paths.crosses(path) && request.side === 'device'
    const [device, uplink, cloud] = [forecast.device[path], forecast.uplink[path], forecast.cloud[path]] as [
      number,
      number,
      number,
    ]
    this.#tries.count(request.at === 'captured' ? bytes : 0, lot ? (forecast.bytes[path] as number) : 0)
    if (crosses) this.#tries.crossed(now)
    this.#objective.debt.add(device, uplink, cloud)
    this.#knows.expect(id, {
      attempt,
      source,
      at: now,
      pool: forecast.pool(path),
      kind: kindNames[paths.kind[path] as 0],
      edge: forecast.edge(paths.target[path] as number),
      crosses,
      time: forecast.time[path] as number,
      scale: forecast.scale(path),
      device,
      uplink,
      cloud,
      bytes: forecast.bytes[path] as number,
      bulk: paths.bulk[path] as number,
      share: paths.share[path] as number,
      beside: besideOf(world),
      model: request.side === 'device' ? paths.planOf(path).model : undefined,
      prepare: forecast.preparing(path),
      doubt: forecast.doubt(path, this.#knows),
      standIn: appraisal.standIn(arm, request.elapsed, this.#knows),
    })
  }

  #nothing({ cuts }: Menu): string {
    const { leaves } = this.#settings
    const may = typeof leaves === 'string' ? leaves : `what lies behind "${leaves.after}"`
    return `plan() may let ${may} leave the device, and the menu offers ${cuts.join(', ') || 'no cut at all'}. Let the device answer (an execute() above transfer()), give the models cuts behind layers, or let more leave.`
  }
}

/** An answer that was not accepted would be the same again, and what failed may fail again. */
function useless(paths: Paths, path: number, { tried }: DecisionRequest): boolean {
  const choice = paths.planOf(path)
  return tried.some(({ plan, score }) =>
    score !== undefined
      ? plan.model === choice.model
      : plan.model === choice.model && plan.cut === choice.cut && (plan.target ?? 'any') === (choice.target ?? 'any'),
  )
}
