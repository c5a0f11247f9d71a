import type {
  Backup,
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
import { keeps, type Models, modelsOf } from '../../manage/index.ts'
import { better, type Choice, Choices, sooner, wasTried } from './choice.ts'
import { Knowledge } from './knowledge.ts'
import type { Location } from './location.ts'
import { type OffloadOptions, type OffloadSettings, type OffloadStatistics, offloadSettings } from './options.ts'
import { Pending } from './pending.ts'

/** A decider of where a message runs and with which model, under one deadline. */
export interface Offload extends Decider {
  /** What was decided so far. */
  statistics(): OffloadStatistics
}

/** The backup is given a tenth more than it is expected to take (LayerCake). */
const reserve = 1.1
const alone = { answered: ['answered'], captured: ['captured'], prepared: ['prepared'] } as const
const noBackup: readonly Backup[] = ['none']

/**
 * Decides which model answers, and on this side or across the wire (LayerCake): of the endpoints, each a model in a
 * place, the most accurate whose expected time fits the budget, safety · (time left − margin); where none does, the
 * fastest on this side. A model that must be loaded first costs its load, on either side. Closes model, cut and target;
 * layer cuts are not its menu. All of it is learned from outcomes.
 * @throws BadConfiguration a bad option
 */
export function offload(options: OffloadOptions = {}): Offload {
  return new LayerCake(options)
}

class LayerCake implements Offload {
  readonly name = 'offload'
  readonly #options: OffloadSettings
  readonly #given: Models | undefined
  readonly #knowledge: Knowledge
  readonly #pending = new Pending()
  readonly #choices = new Choices()
  readonly #counts = { local: 0, remote: 0, redecided: 0, late: 0, loadsAvoided: 0 }
  #chosen: Choice | undefined
  #why = ''
  #models: Models | undefined
  #decisions = 0

  constructor({ models, ...options }: OffloadOptions) {
    this.#given = models
    this.#models = models
    this.#options = readOptions(offloadSettings, options, 'offload()')
    this.#knowledge = new Knowledge(this.#options)
  }

  open({ models }: { readonly models: ModelSet | undefined }): void {
    this.#models = modelsOf(this.#given, models, 'offload')
  }

  decide(request: DecisionRequest, world: World, menu: Menu): Menu {
    this.#chosen = undefined
    this.#pending.forget(request.id)
    this.#weigh(request, world, menu)
    if (this.#choices.count === 0) return menu
    const budget = this.#options.safety * (request.remaining - this.#options.margin)
    const chosen = this.#choose(request, budget)
    this.#chosen = chosen
    this.#count(chosen, budget, request)
    const { id, attempt, now, elapsed, remaining } = request
    const { endpoint, location, cut } = chosen
    endpoint.last = ++this.#decisions
    location.ask(now)
    this.#pending.add(id, { attempt, location, from: now, ends: now + chosen.ms, expires: now + remaining })
    return {
      ...menu,
      models: endpoint.only,
      cuts: cut === undefined ? menu.cuts : alone[cut as keyof typeof alone],
      targets: location.only ?? menu.targets,
      ...this.#backup(menu, chosen, budget, elapsed, world),
    }
  }

  observe(outcome: Outcome): void {
    this.#knowledge.observe(outcome, this.#pending.take(outcome.id, outcome.attempt), this.#known())
  }

  explain(): Explanation | undefined {
    const chosen = this.#chosen
    if (!chosen) return undefined
    const { name: decider } = this
    return { decider, weighed: this.#choices.weighed(chosen), chosen: this.#choices.indexOf(chosen), why: this.#why }
  }

  statistics(): OffloadStatistics {
    return { ...this.#counts }
  }

  save(): unknown {
    return this.#knowledge.save()
  }

  /** Models that are not in the catalogue any longer are forgotten. @throws BadConfiguration as the port says */
  restore(saved: unknown): void {
    this.#knowledge.restore(saved, this.#known())
  }

  /** Fills the list of choices: every model on this side, and at every target by the quicker of the cuts. */
  #weigh(request: DecisionRequest, world: World, { models, cuts, targets, encodings }: Menu): void {
    this.#choices.clear()
    const below = request.side === 'cloud'
    if (below || cuts.includes('answered')) this.#weighHere(models, request, world)
    const whole = !below && cuts.includes('captured')
    const small = !below && cuts.includes('prepared')
    if (!whole && !small) return
    for (const target of targets) {
      const location = this.#knowledge.at(target)
      const asIs = whole ? this.#crossing(location, 'captured', request, world) : Number.POSITIVE_INFINITY
      const prepared = small ? this.#crossing(location, 'prepared', request, world) : Number.POSITIVE_INFINITY
      const cut = asIs <= prepared ? 'captured' : 'prepared'
      // What is left open is written as JPEG.
      const encoding = encodings.length === 1 ? (encodings[0] as string) : 'jpeg'
      this.#weighThere(models, location, cut, Math.min(asIs, prepared), request, encoding)
    }
  }

  #weighHere(models: readonly string[], request: DecisionRequest, world: World): void {
    const { quantile, coldFor } = this.#options
    const { side, now, way, tried } = request
    const { here } = this.#knowledge
    const resident = world.value('resident')
    const besides = (side === 'device' ? this.#pending.busy(now) : (way?.down ?? 0)) + here.rest('answered', quantile)
    for (const model of models) {
      const endpoint = here.endpoint(model, this.#known())
      const choice = this.#choices.next(endpoint, here)
      choice.cut = side === 'device' ? 'answered' : undefined
      choice.bytes = 0
      choice.cold = here.unloaded(endpoint, now, resident)
      choice.loaded = besides + here.run(endpoint, quantile)
      choice.ms = choice.loaded + (choice.cold ? here.load(endpoint, quantile) : 0)
      choice.wait = wasTried(tried, model, undefined) ? Number.POSITIVE_INFINITY : here.wait(endpoint, now, coldFor)
    }
  }

  #weighThere(
    models: readonly string[],
    location: Location,
    cut: Cut,
    besides: number,
    request: DecisionRequest,
    encoding: string,
  ): void {
    const { quantile, coldFor } = this.#options
    const { now, tried } = request
    const bytes = this.#knowledge.bytes(cut, request)
    for (const model of models) {
      const endpoint = location.endpoint(model, this.#known())
      const choice = this.#choices.next(endpoint, location)
      const unloaded = location.unloaded(endpoint, now, undefined)
      choice.cut = cut
      if (cut === 'prepared') choice.accuracy *= keeps(this.#known().entry(model), cut, encoding)
      choice.bytes = bytes
      choice.cold = unloaded || endpoint.coldUntil > now
      choice.loaded = besides + location.run(endpoint, quantile)
      choice.ms = choice.loaded + (unloaded ? location.load(endpoint, quantile) : 0)
      choice.wait = wasTried(tried, model, location.target)
        ? Number.POSITIVE_INFINITY
        : location.wait(endpoint, now, coldFor)
    }
  }

  /** Milliseconds besides the model, by a cut. */
  #crossing(location: Location, cut: Cut, request: DecisionRequest, world: World): number {
    const wire = this.#knowledge.wire(location, this.#knowledge.bytes(cut, request), request.now, world)
    return location.rest(cut, this.#options.quantile) + wire
  }

  #choose({ tried, remaining }: DecisionRequest, budget: number): Choice {
    const { minAccuracy } = this.#options
    let best: Choice | undefined
    let again: Choice | undefined
    for (let i = 0; i < this.#choices.count; i++) {
      const choice = this.#choices.at(i)
      if (choice.wait > 0 || choice.accuracy < minAccuracy) continue
      if (choice.ms <= budget) {
        if (best === undefined || better(choice, best)) best = choice
      } else if (this.#isDue(choice, budget) && (again === undefined || better(choice, again))) again = choice
    }
    if (again && best && tried.length === 0 && again.accuracy > best.accuracy) {
      this.#why = 'tried again after a while'
      return again
    }
    if (best) {
      this.#why = tried.length > 0 ? 'decided again within what is left' : 'the most accurate within the budget'
      return best
    }
    this.#counts.late++
    this.#why = remaining > 0 ? 'none fits: the fastest' : 'no time is left: the fastest'
    return this.#fastest(minAccuracy) ?? (this.#fastest(0) as Choice)
  }

  /** A model that was slow may have become fast; only a run can tell. */
  #isDue({ endpoint, location, ms }: Choice, budget: number): boolean {
    const { tryEvery, quantile } = this.#options
    if (!endpoint.known || this.#decisions - endpoint.last < tryEvery) return false
    return ms - location.run(endpoint, quantile) + location.run(endpoint, 0.5) <= budget
  }

  #fastest(minAccuracy: number): Choice | undefined {
    let best: Choice | undefined
    for (let i = 0; i < this.#choices.count; i++) {
      const choice = this.#choices.at(i)
      if (choice.accuracy < minAccuracy) continue
      if (best === undefined || sooner(choice, best)) best = choice
    }
    return best
  }

  /** The fastest of the models that may stand in, where the message crosses the wire, and when it starts. */
  #backup(
    { backups }: Menu,
    { location }: Choice,
    budget: number,
    elapsed: number,
    world: World,
  ): Pick<Menu, 'backups' | 'backupAfter'> {
    const { backup, quantile } = this.#options
    if (backup === 'leave') return { backups }
    let fastest: Backup | undefined
    let takes = Number.POSITIVE_INFINITY
    if (backup !== 'never' && location.target !== undefined && Number.isFinite(budget)) {
      const { here } = this.#knowledge
      const resident = world.value('resident')
      for (const choice of backups) {
        if (!choice.startsWith('model:')) continue
        const endpoint = here.endpoint(choice.slice('model:'.length), this.#known())
        const unloaded = here.unloaded(endpoint, Number.NEGATIVE_INFINITY, resident)
        const ms = here.run(endpoint, quantile) + (unloaded ? here.load(endpoint, quantile) : 0)
        if (ms < takes) [fastest, takes] = [choice, ms]
      }
    }
    if (fastest === undefined) return { backups: backups.includes('none') ? noBackup : backups }
    const wait = backup === 'proactive' ? budget - reserve * takes : budget
    return { backups: [fastest], backupAfter: elapsed + Math.max(0, wait) }
  }

  #count(chosen: Choice, budget: number, { tried }: DecisionRequest): void {
    const here = chosen.location.target === undefined
    this.#counts[here ? 'local' : 'remote']++
    if (tried.length > 0) this.#counts.redecided++
    if (!here || chosen.ms > budget) return
    for (let i = 0; i < this.#choices.count; i++) {
      const { location, cold, loaded, accuracy } = this.#choices.at(i)
      if (location.target === undefined || !cold || loaded > budget) continue
      if (accuracy <= chosen.accuracy) continue
      this.#counts.loadsAvoided++
      return
    }
  }

  #known(): Models {
    this.#models ??= modelsOf(this.#given, undefined, 'offload')
    return this.#models
  }
}
