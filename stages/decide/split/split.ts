import type { z } from 'zod'
import type {
  Cut,
  Decider,
  DecisionRequest,
  Explanation,
  Menu,
  ModelSet,
  Outcome,
  Plan,
  Target,
  Weighed,
  World,
} from '../../../pipeline/index.ts'
import { type Models, modelsOf } from '../../manage/index.ts'
import { cutCosts } from '../estimate/cuts.ts'
import { settled } from '../options.ts'
import { Knowledge } from './knowledge.ts'
import { type Settings, settings } from './options.ts'
import { type Candidate, copy, type Kind, nodeOf, none, Search, type Splittable } from './search.ts'

export interface SplitOptions extends z.input<typeof settings> {
  /** Default: the pipeline's. */
  readonly models?: Models
}

/** A decider of the cut, and with it of encoding and target. */
export type Split = Decider

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
  readonly #fastest = none()
  #known: Models | undefined
  #decisions = 0
  /** The decision that last ran layers on the device, and that last crossed, in all and to each named node. */
  #ranHere = 0
  #crossed = 0
  readonly #asked = new Map<string, number>()
  #last: { request: DecisionRequest; world: World; menu: Menu; model: Splittable } | undefined
  #why = ''

  constructor({ models, ...options }: SplitOptions) {
    this.#given = models
    this.#settings = settled(settings, options, 'split')
    this.#knowledge = new Knowledge(this.#settings)
    this.#search = new Search(this.#settings, this.#knowledge)
    const { goal, load } = this.#settings
    this.name = `split ${goal}${load === 'heavy' ? ' heavy' : ''}`
    if (models) this.#known = models
  }

  /** @throws BadConfiguration it has no models */
  open({ models }: { readonly models: ModelSet | undefined }): void {
    this.#known = modelsOf(this.#given, models, 'split')
  }

  decide(request: DecisionRequest, world: World, menu: Menu): Menu {
    this.#last = undefined
    if (request.side === 'cloud' || menu.cuts.length === 0) return menu
    const model = this.#first(menu)
    if (!model) return menu
    this.#knowledge.hear(world)
    const best = copy(this.#search.best(request, world, menu, model), this.#chosen)
    // Only layers that the model does not have were left: others may know more.
    if (best.cut < 0) return menu
    const knowsLink = this.#search.knowsLink
    this.#decisions++
    this.#why = 'best'
    this.#try(request, world, menu, model, knowsLink)
    this.#last = { request, world, menu, model }
    return this.#narrowed(menu, model, this.#chosen)
  }

  observe(outcome: Outcome, world: World): void {
    if (outcome.side !== 'device') return
    this.#knowledge.hear(world)
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
    this.#search.best(request, world, menu, model, 'all', undefined, (one) => {
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

  /** What was not used for long is tried again, where that costs little: nothing else tells that it has become better. */
  #try(request: DecisionRequest, world: World, menu: Menu, model: Splittable, knowsLink: boolean): void {
    const { tryEvery } = this.#settings
    const { runs } = this.#knowledge.runs
    const now = this.#decisions
    const best = copy(this.#chosen, this.#fastest)
    let kind: Kind | undefined
    let only: number | undefined
    if (!knowsLink || (runs.cloud === 0 && this.#crossed === 0)) kind = 'crosses'
    else if (runs.device === 0 && this.#ranHere === 0) kind = 'runs here'
    else if (now - this.#crossed >= tryEvery) kind = 'crosses'
    else if (now - this.#ranHere >= tryEvery) kind = 'runs here'
    else if (menu.targets.length > 1) {
      only = this.#longestUnasked(menu.targets)
      if (only !== undefined) kind = 'crosses'
    }
    if (kind !== undefined) {
      const other = this.#search.best(request, world, menu, model, kind, only)
      if (other.cut >= 0 && this.#affordable(other, best, request, knowsLink)) {
        const same = other.cut === best.cut && other.target === best.target && other.encoding === best.encoding
        if (!same) this.#why = knowsLink && runs.device > 0 ? 'probe' : 'warm-up'
        copy(other, this.#chosen)
      } else if (other.cut >= 0) {
        // Not now, but not at every message either.
        if (kind === 'crosses') this.#crossed = Math.max(this.#crossed, now - tryEvery + Math.min(10, tryEvery))
        else this.#ranHere = Math.max(this.#ranHere, now - tryEvery + Math.min(10, tryEvery))
      }
    }
    const { cut, target } = this.#chosen
    const { cuts } = model.costs
    if (cut > 1) this.#ranHere = now
    if (cut === cuts.length - 1) return
    this.#crossed = now
    const node = nodeOf(menu.targets[target])
    if (node === undefined) return
    if (this.#asked.size >= mostNodes && !this.#asked.has(node)) this.#asked.clear()
    this.#asked.set(node, now)
  }

  /** A target that was never asked, or not for long. */
  #longestUnasked(targets: readonly Target[]): number | undefined {
    for (let target = 0; target < targets.length; target++) {
      const node = nodeOf(targets[target])
      if (node === undefined) continue
      const at = this.#asked.get(node)
      if (at === undefined || this.#decisions - at >= this.#settings.tryEvery) return target
    }
    return undefined
  }

  #affordable(other: Candidate, best: Candidate, { remaining }: DecisionRequest, knowsLink: boolean): boolean {
    // Of a link that nobody has used nothing is known that could forbid it.
    if (!knowsLink) return true
    return other.ms <= remaining && other.ms <= this.#settings.tryWithin * best.ms
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
