import {
  type Backup,
  type Cut,
  lastAnswer,
  layerOf,
  type Menu,
  type Plan,
  type Target,
} from '../../../pipeline/index.ts'
import { type CatalogueEntry, keeps, type Models, measuredPixel } from '../../manage/index.ts'
import { isActivationEncoding, isPictureEncoding } from '../../transfer/index.ts'
import { type CutCosts, cutCosts } from '../estimate/cuts.ts'
import { guessedRun } from '../estimate/guess.ts'
import { shrinkage } from '../estimate/paths.ts'
import type { Leaves } from './options.ts'
import { layersThatMayLeave, mayLeave } from './privacy.ts'

/** Where a path has its wire, as a number: paths are kept in typed arrays. */
export const kind = { last: 0, captured: 1, prepared: 2, after: 3, answered: 4 } as const
export type Kind = (typeof kind)[keyof typeof kind]
export const kindNames = ['last', 'captured', 'prepared', 'after', 'answered'] as const

/** Slot of what crosses as it was captured; other encodings follow. */
export const asCaptured = 0

/** One way from here to an answer, before it stands in the arrays. */
interface Path {
  readonly kind: Kind
  readonly cut: Cut
  readonly model: number
  readonly target: number
  /** What is written, as a position in `slots`. */
  readonly slot: number
  /** What `unit` of the slot is to be multiplied with to get bytes: 1, pixels, or bytes of the activation. */
  readonly bulk: number
  /** The share of the model that runs on the device, 0…1. */
  readonly share: number
  readonly accuracy: number
}

/** Activations as the model computes them. */
const plain = 'float32'

/** What the arms of a menu depend on besides the menu. */
export interface PathsContext {
  readonly models: Models
  readonly cutsOf: (model: string) => CutCosts
  readonly below: boolean
  readonly leaves: Leaves
  readonly fidelity: Readonly<Record<string, number>>
}

/**
 * Everything a menu offers, as struct of arrays: paths (model × cut × encoding × target), and the backups that each of
 * those that cross may have. Made once per menu; what depends on the message is forecast into arrays beside it.
 */
export class Paths {
  readonly models: readonly CatalogueEntry[]
  /** Position of the quickest model of all, on the menu or not, by the catalogue; −1 where it is not among these. */
  readonly quickest: number
  readonly targets: readonly Target[]
  /** Encodings that occur: the first is "as captured". */
  readonly slots: readonly string[]
  /** Bytes per pixel of each that writes pictures, where the catalogue has measured them. */
  readonly pixels: readonly (number | undefined)[]
  /** `none` first, where it is on the menu. */
  readonly backups: readonly Backup[]
  /** Position in `models` of each backup; −1 for `none` and `last`. */
  readonly backupModels: Int16Array
  readonly count: number
  readonly kind: Uint8Array
  readonly model: Int16Array
  readonly target: Int16Array
  readonly slot: Int16Array
  readonly bulk: Float64Array
  readonly share: Float64Array
  readonly accuracy: Float64Array
  /** Of each model, its paths on which nothing crosses. */
  readonly answered: readonly (readonly number[])[]
  readonly #choices: readonly Omit<Menu, 'backups'>[]
  readonly #backups: readonly (readonly Backup[])[]

  constructor(menu: Menu, context: PathsContext) {
    const { models, below } = context
    const backups = ordered(menu.backups)
    const standIns = backups.flatMap((backup) => (backup.startsWith('model:') ? [backup.slice('model:'.length)] : []))
    const ids = [...new Set([...menu.models, ...standIns])].filter((id) => models.ids.includes(id))
    this.models = ids.map((id) => models.entry(id))
    this.quickest = ids.indexOf(quickestOf(models))
    this.targets = menu.targets.length > 0 ? menu.targets : ['any']
    this.backups = backups.filter((backup) => !backup.startsWith('model:') || ids.includes(backup.slice(6)))
    this.backupModels = Int16Array.from(this.backups, (backup) => ids.indexOf(backup.slice('model:'.length)))
    const slots = ['captured', ...prepared(menu), plain, ...menu.encodings.filter(isActivationEncoding)]
    this.slots = [...new Set(slots)]
    this.pixels = this.slots.map((slot) => measuredPixel(this.models, slot))
    const paths = [...this.#paths(menu, context)]
    this.count = paths.length
    this.kind = Uint8Array.from(paths, (path) => path.kind)
    this.model = Int16Array.from(paths, (path) => path.model)
    this.target = Int16Array.from(paths, (path) => path.target)
    this.slot = Int16Array.from(paths, (path) => path.slot)
    this.bulk = Float64Array.from(paths, (path) => path.bulk)
    this.share = Float64Array.from(paths, (path) => path.share)
    this.accuracy = Float64Array.from(paths, (path) => path.accuracy)
    this.answered = this.models.map((_, model) =>
      paths.flatMap((path, p) => (path.kind === kind.answered && path.model === model ? [p] : [])),
    )
    this.#choices = paths.map((path) => this.#choice(path, menu, below))
    this.#backups = this.backups.map((backup) => [backup])
  }

  /** Whether a path crosses the wire: only then may something stand in for it. */
  crosses(path: number): boolean {
    const at = this.kind[path] as number
    return at >= kind.captured && at <= kind.after
  }

  /** The menu with this path and this backup alone. The lists are shared, never to be changed. */
  menuOf(path: number, backup: number, backupAfter: number | undefined, accept: number | undefined, menu: Menu): Menu {
    const choice = this.#choices[path] as Omit<Menu, 'backups'>
    return {
      models: choice.models,
      cuts: choice.cuts,
      encodings: choice.encodings,
      targets: choice.targets,
      backups: menu.backups.length === 0 ? menu.backups : (this.#backups[backup] as readonly Backup[]),
      ...(menu.lastAge === undefined ? {} : { lastAge: menu.lastAge }),
      ...(backupAfter === undefined ? {} : { backupAfter }),
      ...(accept === undefined ? {} : { accept }),
    }
  }

  /** A path as a plan. */
  planOf(path: number): Plan {
    const { models, cuts, encodings, targets } = this.#choices[path] as Omit<Menu, 'backups'>
    const [model, cut, encoding, target] = [only(models), only(cuts), only(encodings), only(targets)]
    return {
      ...(model === undefined ? {} : { model }),
      ...(cut === undefined ? {} : { cut }),
      ...(encoding === undefined ? {} : { encoding }),
      ...(target === undefined ? {} : { target }),
    }
  }

  *#paths(menu: Menu, context: PathsContext): Generator<Path> {
    const { below, leaves } = context
    const every = this.targets.map((_, target) => target)
    const anyTarget = below ? [0] : every
    for (const [model, entry] of this.models.entries()) {
      if (!menu.models.includes(entry.id)) continue
      const { accuracy } = entry
      const common = { model, target: 0, slot: asCaptured, bulk: 0, share: 0, accuracy }
      for (const cut of menu.cuts) {
        if (!below && !mayLeave(cut, leaves)) continue
        if (cut === 'answered') yield { ...common, kind: kind.answered, cut, share: 1 }
        if (cut === 'captured')
          for (const target of anyTarget) yield { ...common, kind: kind.captured, cut, target, bulk: 1 }
        if (cut !== 'prepared') continue
        for (const encoding of prepared(menu)) {
          const bulk =
            entry.input.width * entry.input.height * (encoding === 'tensor' && entry.input.type === 'uint8' ? 0.25 : 1)
          const faithful = accuracy * (context.fidelity[encoding] ?? keeps(entry, cut, encoding))
          const slot = this.slots.indexOf(encoding)
          for (const target of anyTarget)
            yield { ...common, kind: kind.prepared, cut, target, slot, bulk, accuracy: faithful }
        }
      }
      yield* this.#layers(model, entry, menu, context, anyTarget)
    }
    if (!below && menu.lastAge !== undefined && menu.cuts.includes('answered'))
      yield { kind: kind.last, cut: 'answered', model: -1, target: 0, slot: asCaptured, bulk: 0, share: 0, accuracy: 0 }
  }

  *#layers(
    model: number,
    entry: CatalogueEntry,
    menu: Menu,
    { cutsOf, below, leaves, fidelity }: PathsContext,
    targets: readonly number[],
  ): Generator<Path> {
    if (!menu.cuts.some((cut) => layerOf(cut) !== undefined)) return
    const costs = cutsOf(entry.id)
    const encodings = activations(menu)
    for (const at of below ? offered(costs, menu) : layersThatMayLeave(costs, menu, leaves)) {
      const [bytes, floats] = [costs.bytes[at] as number, costs.floats[at] as number]
      for (const encoding of encodings) {
        const slot = this.slots.indexOf(encoding)
        // What is not float32 crosses as it is: as if it had been larger before it shrank.
        const bulk = floats + (bytes - floats) / shrinkage(encoding)
        const cut = costs.cuts[at] as Cut
        const kept = fidelity[encoding] ?? fidelity[encoding.split('+')[0] as string] ?? keeps(entry, cut, encoding)
        const common = {
          kind: kind.after,
          cut,
          model,
          slot,
          bulk,
          share: costs.share(at),
          accuracy: entry.accuracy * kept,
        }
        for (const target of targets) yield { ...common, target }
      }
    }
  }

  #choice({ kind: at, cut, model, target, slot }: Path, menu: Menu, below: boolean): Omit<Menu, 'backups'> {
    const crosses = at >= kind.captured && at <= kind.after
    return {
      models: at === kind.last ? [lastAnswer] : [(this.models[model] as CatalogueEntry).id],
      cuts: below ? menu.cuts : [cut],
      encodings: writing(this.slots[slot] as string, at, menu),
      targets: crosses && menu.targets.length > 0 ? [this.targets[target] as Target] : menu.targets,
    }
  }
}

/** Positions of the layers of a menu. */
function offered(costs: CutCosts, { cuts }: Menu): number[] {
  return cuts.flatMap((cut) => (layerOf(cut) === undefined ? [] : (costs.indexOf(cut) ?? [])))
}

function quickestOf(models: Models): string {
  const time = (id: string) => guessedRun(models.entry(id))
  const { ids } = models
  return ids.reduce((quickest, id) => (time(id) < time(quickest) ? id : quickest), ids[0] as string)
}

function ordered(backups: readonly Backup[]): readonly Backup[] {
  if (backups.length === 0) return ['none']
  return backups.includes('none') ? ['none', ...backups.filter((backup) => backup !== 'none')] : backups
}

function prepared({ encodings }: Menu): readonly string[] {
  const open = encodings.filter(isPictureEncoding)
  // A menu without any leaves it to the stage that prepares, which writes JPEG.
  return open.length > 0 ? open : ['jpeg']
}

/** How activations may be written: plainly, too, where the menu has an encoding that is none of theirs. */
function activations({ encodings }: Menu): readonly string[] {
  const open = encodings.filter(isActivationEncoding)
  const named = open.includes(plain) || (open.length > 0 && open.length === encodings.length)
  return named ? open : [plain, ...open]
}

/** What a menu's encodings come down to when a path writes so. */
function writing(encoding: string, at: Kind, { encodings }: Menu): readonly string[] {
  if (at === kind.captured) return encodings.includes('original') ? ['original'] : encodings
  if (at !== kind.prepared && at !== kind.after) return encodings
  if (encodings.includes(encoding)) return [encoding]
  if (encodings.includes('tensor')) return ['tensor']
  const others = encodings.filter((other) => !isActivationEncoding(other))
  return others.length > 0 ? others : encodings
}

function only<T>(list: readonly T[]): T | undefined {
  return list.length === 1 ? list[0] : undefined
}

/** Cut figures, made once per model. */
export function cutFigures(models: Models): (model: string) => CutCosts {
  const known = new Map<string, CutCosts>()
  return (model) => {
    let costs = known.get(model)
    if (!costs) {
      costs = cutCosts(models.entry(model))
      known.set(model, costs)
    }
    return costs
  }
}
