import type { z } from 'zod'
import type {
  Cut,
  Decider,
  DeciderHalf,
  DecisionRequest,
  Explanation,
  Menu,
  Outcome,
  Plan,
  Target,
  Weighed,
  World,
} from '../../../pipeline/index.ts'
import { readOptions } from '../../../pipeline/index.ts'
import { type Models, modelsOf } from '../../manage/index.ts'
import { cutCosts } from '../estimate/cuts.ts'
import { Knowledge } from './knowledge.ts'
import { type Settings, settings } from './options.ts'
import { type Candidate, copy, type Filter, nodeOf, none, Search, type Splittable } from './search.ts'

export interface SplitOptions extends z.input<typeof settings> {
  /** Default: the pipeline's. */
  readonly models?: Models
}

/** A decider of the cut, and with it of encoding and target. */
export type Split = Decider

/** What is to be tried now and then: the decision that did so last, 0 for none, and the next that may. */
interface Turn {
  last: number
  due: number
}

const crossing: Filter = { kind: 'crosses' }
const running: Filter = { kind: 'runs here' }
/** Choices that an explanation lists. */
const listed = 16
/** Nodes whose turn is remembered. */
const mostNodes = 64

/**
 * Decides where the wire crosses a model: the cut, its encoding and its target with the least time, or the least energy of
 * the device (Neurosurgeon), or for a stream the shortest bottleneck (DADS, heavy load). It works for the most preferred
 * model of the menu; a layer cut and `answered` close the model with it, `captured` and `prepared` leave it open.
 * Everything it knows it learns from outcomes, and from the world's facts on the link and on the cloud's load.
 * @throws BadConfiguration a bad option
 */
export function split(options: SplitOptions = {}): Split {
  return new Splitter(options)
}

class Splitter implements Split {
  readonly name: string
  readonly #settings: Settings
  readonly #given: Models | undefined
  readonly #knowledge: Knowledge
  readonly #search: Search
  readonly #models = new Map<string, Splittable | undefined>()
  /** Arrays of one, as a menu wants them. */
  readonly #alone = new Map<string, readonly string[]>()
  readonly #chosen = none()
  readonly #compared = none()
  #known: Models | undefined
  #decisions = 0
  readonly #here: Turn = { last: 0, due: Number.POSITIVE_INFINITY }
  readonly #crossing: Turn = { last: 0, due: Number.POSITIVE_INFINITY }
  /** A crossing that carries much more or much less than the only one so far. */
  readonly #unlike: Turn = { last: 0, due: Number.POSITIVE_INFINITY }
  readonly #nodes = new Map<string, Turn>()
  #last: { request: DecisionRequest; world: World; menu: Menu; model: Splittable } | undefined
  #why = ''

  constructor({ models, ...options }: SplitOptions) {
    this.#given = models
    this.#settings = readOptions(settings, options, 'split()')
    this.#knowledge = new Knowledge(this.#settings)
    this.#search = new Search(this.#settings, this.#knowledge)
    const { goal, load } = this.#settings
    this.name = `split ${goal}${load === 'heavy' ? ' heavy' : ''}`
    if (models) this.#known = models
  }

  /** @throws BadConfiguration it has no models, or nothing here can pack in any of the ways that it was given */
  open({ models, platform }: Pick<DeciderHalf, 'models' | 'platform'>): void {
    this.#known = modelsOf(this.#given, models, 'split')
    if (platform) this.#search.writeOn(platform)
  }

  decide(request: DecisionRequest, world: World, menu: Menu): Menu {
    this.#last = undefined
    if (request.side === 'cloud' || menu.cuts.length === 0) return menu
    const model = this.#first(menu)
    if (!model) return menu
    this.#knowledge.hear(world, request.now)
    copy(this.#search.best(request, world, menu, model), this.#chosen)
    // Only layers that the model does not have were left: others may know more.
    if (this.#chosen.cut < 0) return menu
    const knowsLink = this.#search.knowsLink
    this.#decisions++
    this.#why = 'best'
    this.#try(request, world, menu, model, knowsLink)
    this.#last = { request, world, menu, model }
    return this.#narrowed(menu, model, this.#chosen)
  }

  observe(outcome: Outcome, world: World): void {
    if (outcome.side !== 'device') return
    this.#knowledge.hear(world, outcome.now)
    const { model } = outcome.plan
    const known = model === undefined ? undefined : this.#model(model)
    if (known) this.#knowledge.observe(outcome, world, known.costs, known.pixels)
  }

  explain(): Explanation | undefined {
    if (!this.#last) return undefined
    const { request, world, menu, model } = this.#last
    const all: { value: number; weighed: Weighed }[] = []
    const chosen = copy(this.#chosen, none())
    let taken: Weighed | undefined
    this.#search.best(request, world, menu, model, {}, (one) => {
      const is = one.cut === chosen.cut && one.encoding === chosen.encoding && one.target === chosen.target
      const weighed: Weighed = {
        choice: choice(menu, model, one),
        ms: one.ms,
        bytes: one.bytes,
        ...(this.#settings.goal === 'energy' ? { energy: one.value } : {}),
        utility: -one.value,
        propensity: is ? 1 : 0,
      }
      if (is) taken = weighed
      else all.push({ value: one.value, weighed })
    })
    all.sort((a, b) => a.value - b.value)
    const others = all.slice(0, listed - 1).map(({ weighed }) => weighed)
    return { decider: this.name, weighed: taken ? [taken, ...others] : others, chosen: 0, why: this.#why }
  }

  save(): unknown {
    return this.#knowledge.save()
  }

  /** @throws BadConfiguration as the port says */
  restore(from: unknown): void {
    this.#knowledge.restore(from)
  }

  /**
   * What was not used for long is tried again: nothing else tells that it has become better. The more it seems to cost,
   * the more seldom, so that what trying wastes stays below one message in `tryEvery` each way.
   */
  #try(request: DecisionRequest, world: World, menu: Menu, model: Splittable, knowsLink: boolean): void {
    const { runs } = this.#knowledge.runs
    const now = this.#decisions
    const best = copy(this.#chosen, this.#compared)
    let turn: Turn | undefined
    let filter: Filter = crossing
    if ((!knowsLink || runs.cloud === 0) && this.#crossing.last === 0) turn = this.#crossing
    else if (runs.device === 0 && this.#here.last === 0) turn = this.#here
    else if (this.#knowledge.lonely !== undefined && this.#unlike.last < this.#crossing.last) {
      turn = this.#unlike
      filter = { kind: 'crosses', unlike: this.#knowledge.lonely }
    } else if (now >= this.#crossing.due) turn = this.#crossing
    else if (now >= this.#here.due) turn = this.#here
    else if (menu.targets.length > 1) {
      const target = this.#dueTarget(menu.targets)
      if (target !== undefined) {
        turn = this.#turnOf(nodeOf(menu.targets[target]) as string)
        filter = { kind: 'crosses', target }
      }
    }
    if (turn) {
      const other = this.#search.best(request, world, menu, model, turn === this.#here ? running : filter)
      if (other.cut >= 0 && this.#isTurn(turn, other, best, request)) {
        this.#why = turn.last === 0 ? 'warm-up' : 'probe'
        copy(other, this.#chosen)
      }
      if (turn === this.#unlike) turn.last = now
    }
    this.#took(menu, model, this.#chosen)
  }

  #isTurn(turn: Turn, other: Candidate, best: Candidate, { remaining }: DecisionRequest): boolean {
    const { tryEvery, tryWithin } = this.#settings
    const now = this.#decisions
    // Of a link that nobody has used nothing is known that could forbid it.
    if (turn === this.#unlike || (turn.last === 0 && turn !== this.#here))
      return other.ms <= remaining || turn !== this.#unlike
    const ratio = best.value > 0 ? other.value / best.value : 1
    if (ratio > tryWithin || other.ms > remaining) {
      turn.due = now + Math.max(1, tryEvery / 10)
      return false
    }
    turn.due = turn.last + tryEvery * Math.max(1, ratio)
    return turn.last === 0 || now >= turn.due
  }

  #took(menu: Menu, { costs }: Splittable, { cut, target }: Candidate): void {
    const { tryEvery } = this.#settings
    const now = this.#decisions
    const used = (turn: Turn) => {
      turn.last = now
      turn.due = now + tryEvery
    }
    if (cut > 1) used(this.#here)
    if (cut === costs.cuts.length - 1) return
    used(this.#crossing)
    const node = nodeOf(menu.targets[target])
    if (node !== undefined) used(this.#turnOf(node))
  }

  /** A target that was never asked, or not for long. */
  #dueTarget(targets: readonly Target[]): number | undefined {
    for (let target = 0; target < targets.length; target++) {
      const node = nodeOf(targets[target])
      if (node !== undefined && this.#decisions >= (this.#nodes.get(node)?.due ?? 0)) return target
    }
    return undefined
  }

  #turnOf(node: string): Turn {
    let turn = this.#nodes.get(node)
    if (!turn) {
      if (this.#nodes.size >= mostNodes) this.#nodes.clear()
      turn = { last: 0, due: 0 }
      this.#nodes.set(node, turn)
    }
    return turn
  }

  #narrowed(menu: Menu, model: Splittable, { cut, encoding, target }: Candidate): Menu {
    const name = model.costs.cuts[cut] as Cut
    return {
      ...menu,
      models: cut > 1 && menu.models.length > 1 ? this.#only(model.id) : menu.models,
      cuts: this.#only(name) as readonly Cut[],
      encodings: encoding === undefined ? menu.encodings : this.#only(encoding),
      targets:
        menu.targets.length > 1 ? (this.#only(menu.targets[target] as string) as readonly Target[]) : menu.targets,
    }
  }

  #only(choice: string): readonly string[] {
    let alone = this.#alone.get(choice)
    if (!alone) {
      if (this.#alone.size >= 4096) this.#alone.clear()
      alone = [choice]
      this.#alone.set(choice, alone)
    }
    return alone
  }

  #first({ models }: Menu): Splittable | undefined {
    for (let i = 0; i < models.length; i++) {
      const model = this.#model(models[i] as string)
      if (model) return model
    }
    return undefined
  }

  #model(id: string): Splittable | undefined {
    const found = this.#models.get(id)
    if (found) return found
    this.#known ??= modelsOf(this.#given, undefined, 'split')
    if (!this.#known.ids.includes(id)) return undefined
    const entry = this.#known.entry(id)
    const costs = cutCosts(entry)
    const isLayer = (j: number) => j > 1 && j < costs.cuts.length - 1
    const made: Splittable = {
      id,
      costs,
      layers: [...costs.cuts.keys()].filter(isLayer),
      front: costs.undominated(1, 1).filter(isLayer),
      pixels: entry.input.width * entry.input.height,
    }
    this.#models.set(id, made)
    return made
  }
}

function choice(menu: Menu, { id, costs }: Splittable, { cut, encoding, target }: Readonly<Candidate>): Plan {
  const to = menu.targets.length > 1 ? menu.targets[target] : undefined
  return {
    cut: costs.cuts[cut] as Cut,
    ...(cut > 1 ? { model: id } : {}),
    ...(encoding === undefined ? {} : { encoding }),
    ...(to === undefined ? {} : { target: to }),
  }
}
