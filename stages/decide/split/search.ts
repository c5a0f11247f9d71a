import {
  anyLayer,
  BadConfiguration,
  type Cut,
  type DecisionRequest,
  type Menu,
  type Platform,
  type World,
} from '../../../pipeline/index.ts'
import { type ActivationEncoding, canPack, isActivationEncoding } from '../../transfer/index.ts'
import type { CutCosts } from '../estimate/cuts.ts'
import { EnergyModel } from '../estimate/energy.ts'
import type { Knowledge } from './knowledge.ts'
import {
  bottleneck,
  type Conditions,
  type Cost,
  costAt,
  energy,
  latency,
  type Objective,
  plain,
  type Writing,
} from './objective.ts'
import type { Settings } from './options.ts'

/** A model as the search needs it. Made once per model. */
export interface Splittable {
  readonly id: string
  readonly costs: CutCosts
  /** Positions of all layer cuts, and of those that can be best where the cloud is the faster side. */
  readonly layers: readonly number[]
  readonly front: readonly number[]
  /** Pixels of its input. */
  readonly pixels: number
}

/** A choice, its costs, and whether the deadline allows it. Mutable: one object serves all decisions. */
export interface Candidate {
  /** Position of the cut; −1 before any was found. */
  cut: number
  /** Undefined where the cut leaves it to others. */
  encoding: string | undefined
  target: number
  value: number
  ms: number
  bytes: number
  fits: boolean
}

/** Which choices are looked at; absent: all. */
export interface Filter {
  /** Those that need the link, or those that run layers on the device. */
  readonly kind?: 'crosses' | 'runs here'
  /** Those to this position of the menu's targets. */
  readonly target?: number | undefined
  /** Those that carry less than a third of so many bytes, or more than three times as many. */
  readonly unlike?: number | undefined
}

/** How activations may be written, for these encodings of a menu; undefined: as the model computes them. */
interface Ways {
  readonly of: Menu['encodings'] | undefined
  readonly encodings: readonly (ActivationEncoding | undefined)[]
  readonly writings: readonly Writing[]
}

export type Visit = (candidate: Readonly<Candidate>, cost: Readonly<Cost>) => void

const all: Filter = {}
const pictureEncodings: ReadonlySet<string> = new Set(['jpeg', 'webp', 'raw', 'tensor'])

/** Goes through cuts × encodings × targets of one message; nothing is allocated. */
export class Search {
  readonly #settings: Settings
  readonly #knowledge: Knowledge
  readonly #conditions: Conditions = { device: 1, cloud: 1, perByte: 0, perCrossing: 0, downlink: 1e6 }
  readonly #cost: Cost = { device: 0, transfer: 0, cloud: 0, bytes: 0 }
  readonly #objective: Objective
  readonly #saves: boolean
  /** What the machine can write, where it is known; and of that, what is written where the menu names no such encoding. */
  #can: (encoding: ActivationEncoding) => boolean = () => true
  #usual: readonly ActivationEncoding[]
  #written: Ways = { of: undefined, encodings: [], writings: [] }
  readonly #considered: Candidate = none()
  readonly #best: Candidate = none()
  #target = 0
  #visit: Visit | undefined
  #unlike: number | undefined

  constructor(settings: Settings, knowledge: Knowledge) {
    this.#settings = settings
    this.#knowledge = knowledge
    this.#usual = settings.encodings
    const { goal, load, answerBytes } = settings
    this.#saves = goal === 'energy'
    this.#objective =
      goal === 'energy'
        ? energy(new EnergyModel(settings.energy), this.#conditions, answerBytes)
        : load === 'heavy'
          ? bottleneck
          : latency
  }

  /** From now on activations are written as this machine can. @throws BadConfiguration it can in none of the ways given */
  writeOn(platform: Platform): void {
    const { encodings } = this.#settings
    this.#can = (encoding) => canPack(platform, encoding)
    this.#usual = encodings.filter(this.#can)
    this.#written = { of: undefined, encodings: [], writings: [] }
    if (this.#usual.length > 0) return
    throw new BadConfiguration(
      `This side (${platform.name}) cannot pack activations as ${encodings.join(', ')}. Give split() an encoding that it has, e.g. uint8.`,
    )
  }

  /** Whether anything is known of the way to a target of the menu; set by the last `best`. */
  knowsLink = false

  /**
   * The best choice of the menu, in an object that the next call overwrites; its cut is −1 where the menu has none that
   * passes the filter.
   */
  best(
    request: DecisionRequest,
    world: World,
    menu: Menu,
    model: Splittable,
    filter: Filter = all,
    visit?: Visit,
  ): Candidate {
    const best = this.#best
    best.cut = -1
    best.value = Number.POSITIVE_INFINITY
    best.fits = false
    this.#visit = visit
    this.#unlike = filter.unlike
    this.knowsLink = false
    const targets = Math.max(1, menu.targets.length)
    for (let target = 0; target < targets; target++) {
      if (filter.target !== undefined && target !== filter.target) continue
      const node = nodeOf(menu.targets[target])
      if (this.#knowledge.conditions(this.#conditions, world, request.now, model.id, node)) this.knowsLink = true
      this.#target = target
      this.#towards(request, menu, model, filter.kind)
    }
    return best
  }

  #towards(request: DecisionRequest, menu: Menu, model: Splittable, kind: Filter['kind']): void {
    const { cuts } = menu
    const { bytes, width, height, at } = request
    const knowledge = this.#knowledge
    const { costs } = model
    const here = at === 'captured' ? knowledge.preparesHere(bytes, width, height) : 0
    for (let i = 0; i < cuts.length; i++) {
      const cut = cuts[i] as Cut
      if (cut === 'captured') {
        if (kind === 'runs here' || at !== 'captured') continue
        costAt(costs, 0, this.#conditions, plain, this.#cost, bytes)
        this.#cost.cloud += knowledge.preparesThere(bytes, width, height)
        this.#consider(0, undefined, request)
      } else if (cut === 'prepared') {
        if (kind !== 'runs here') this.#prepared(request, menu, model, here)
      } else if (cut === 'answered') {
        if (kind === 'crosses') continue
        const last = costs.cuts.length - 1
        costAt(costs, last, this.#conditions, plain, this.#cost)
        this.#cost.device += here
        this.#consider(last, undefined, request)
      } else if (cut === anyLayer) {
        const { device, cloud } = this.#weights()
        // Of a stream the longest resource counts: a cut that carries less may still hold the cloud up longer.
        const layers = this.#settings.load === 'light' && device >= cloud ? model.front : model.layers
        for (let l = 0; l < layers.length; l++) this.#layer(layers[l] as number, request, menu, model, here)
      } else {
        const j = costs.indexOf(cut)
        if (j !== undefined) this.#layer(j, request, menu, model, here)
      }
    }
  }

  /** What a reference millisecond costs on either side. */
  #weights(): { readonly device: number; readonly cloud: number } {
    const { device, cloud } = this.#conditions
    if (this.#settings.goal !== 'energy') return this.#conditions
    const { computing = 3249, waiting = 1081 } = this.#settings.energy
    return { device: device * computing, cloud: cloud * waiting }
  }

  #prepared(request: DecisionRequest, { encodings }: Menu, model: Splittable, here: number): void {
    if (request.at !== 'captured') {
      this.#preparedAs(undefined, request.bytes, request, model, here)
      return
    }
    let found = false
    for (let e = 0; e < encodings.length; e++) {
      const encoding = encodings[e] as string
      if (!pictureEncodings.has(encoding)) continue
      found = true
      this.#preparedAs(encoding, this.#knowledge.preparedBytes(encoding, model.pixels), request, model, here)
    }
    if (!found) this.#preparedAs(undefined, this.#knowledge.preparedBytes('jpeg', model.pixels), request, model, here)
  }

  #preparedAs(
    encoding: string | undefined,
    bytes: number,
    request: DecisionRequest,
    { costs }: Splittable,
    here: number,
  ): void {
    costAt(costs, costs.indexOf('prepared') as number, this.#conditions, plain, this.#cost, bytes)
    this.#cost.device += here
    this.#cost.cloud += this.#knowledge.unpacksThere(bytes)
    this.#consider(1, encoding, request)
  }

  #layer(j: number, request: DecisionRequest, menu: Menu, { costs }: Splittable, here: number): void {
    const { encodings, writings } = this.#ways(menu)
    for (let w = 0; w < writings.length; w++) {
      costAt(costs, j, this.#conditions, writings[w] as Writing, this.#cost)
      this.#cost.device += here
      this.#consider(j, encodings[w], request)
    }
  }

  /** How activations may be written: worked out when the menu's encodings are others than before. */
  #ways({ encodings }: Menu): Ways {
    if (this.#written.of === encodings) return this.#written
    let may: readonly (ActivationEncoding | undefined)[] = encodings.filter(isWritable).filter(this.#can)
    // Somebody has decided that nothing is to be written otherwise than the model computes it.
    if (may.length === 0) may = encodings.length === 1 ? [undefined] : this.#usual
    const writings = may.map((one) => (one === undefined ? undefined : this.#knowledge.writings.of(one)) ?? plain)
    this.#written = { of: encodings, encodings: may, writings }
    return this.#written
  }

  /** The first of equals stays; what is late gives way to anything in time. */
  #consider(cut: number, encoding: string | undefined, { remaining }: DecisionRequest): void {
    const cost = this.#cost
    if (this.#unlike !== undefined && cost.bytes < 3 * this.#unlike && 3 * cost.bytes > this.#unlike) return
    const value = this.#objective(cost)
    const ms = cost.device + cost.transfer + cost.cloud
    // Time is its own measure; energy is saved only within the time there is.
    const fits = !this.#saves || ms <= remaining
    const best = this.#best
    const better = best.cut < 0 || (fits === best.fits ? (fits ? value < best.value : ms < best.ms) : fits)
    if (better) write(best, cut, encoding, this.#target, value, ms, cost.bytes, fits)
    if (!this.#visit) return
    write(this.#considered, cut, encoding, this.#target, value, ms, cost.bytes, fits)
    this.#visit(this.#considered, cost)
  }
}

/** The node a target names; undefined for any. */
export function nodeOf(target: string | undefined): string | undefined {
  return target?.startsWith('node:') ? target.slice('node:'.length) : undefined
}

export function none(): Candidate {
  return { cut: -1, encoding: undefined, target: 0, value: 0, ms: 0, bytes: 0, fits: false }
}

export function copy(from: Readonly<Candidate>, to: Candidate): Candidate {
  write(to, from.cut, from.encoding, from.target, from.value, from.ms, from.bytes, from.fits)
  return to
}

function write(
  to: Candidate,
  cut: number,
  encoding: string | undefined,
  target: number,
  value: number,
  ms: number,
  bytes: number,
  fits: boolean,
): void {
  to.cut = cut
  to.encoding = encoding
  to.target = target
  to.value = value
  to.ms = ms
  to.bytes = bytes
  to.fits = fits
}

const isWritable = (encoding: string): encoding is ActivationEncoding => isActivationEncoding(encoding)
