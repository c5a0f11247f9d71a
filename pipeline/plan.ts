import type { Cut } from './payload.ts'

/**
 * How what crosses the wire is written. Pictures: `original` (the captured bytes as they are), `jpeg`, `webp`, `raw`
 * (RGB bytes). Tensors, the model's input as well as activations: `tensor` (as the model takes them), or an activation
 * encoding such as `float16`.
 */
export type Encoding = 'original' | 'jpeg' | 'webp' | 'raw' | 'tensor' | (string & {})

/**
 * Which answer stands in when the planned one is late or fails: none, the last answer of the same source, or that of a
 * model which the device holds and runs beside the wire.
 */
export type Backup = 'none' | 'last' | `model:${string}`

/**
 * As a plan's model, with the cut `answered`: no model runs, the last answer of the same source is given again. It is
 * never among a menu's models; where it is possible the menu says how old that answer is (`lastAge`).
 */
export const lastAnswer = '@last'

/** On a menu's cuts: behind any layer of the model, as `ModelSet.cuts` lists them. A plan names the layer. */
export const anyLayer = 'after:*' satisfies Cut

/** Where the cloud's share runs: any node of the pipeline's group, or a named node. */
export type Target = 'any' | `node:${string}`

/** What was decided for one message. A field that is absent is still open. */
export interface Plan {
  readonly model?: string
  readonly cut?: Cut
  readonly encoding?: Encoding
  readonly target?: Target
  readonly backup?: Backup
  /** Milliseconds from capture after which the backup starts; 0, the default: at once. */
  readonly backupAfter?: number
  /** An answer whose score is below this is not accepted while another attempt is possible (a cascade). 0…1, default 0. */
  readonly accept?: number
}

/** The plan with these fields decided; itself where they are so already. */
export function refined(plan: Plan, fields: Plan): Plan {
  for (const field in fields) {
    if (plan[field as keyof Plan] !== fields[field as keyof Plan]) return { ...plan, ...fields }
  }
  return plan
}

/** The choices that are still open, most preferred first. A decider narrows it; an empty list is never left behind. */
export interface Menu {
  readonly models: readonly string[]
  readonly cuts: readonly Cut[]
  readonly encodings: readonly Encoding[]
  readonly targets: readonly Target[]
  readonly backups: readonly Backup[]
  /** Milliseconds from capture after which a backup starts; what the last decider sets is the plan's. */
  readonly backupAfter?: number
  /** The score below which another attempt is made; what the last decider sets is the plan's. */
  readonly accept?: number
  /** Milliseconds since the last answer of this source; absent where there is none to give again. */
  readonly lastAge?: number
}

/** A restriction of a menu, as a message carries it, most preferred first: absent means "whatever there is". */
export type Restriction = Partial<Pick<Menu, 'models' | 'cuts' | 'encodings' | 'targets' | 'backups'>>

const order = { captured: 0, prepared: 1, after: 2, answered: 3 } as const

/** Rank along the chain: captured 0, prepared 1, any layer 2, answered 3. Layers need their model to be compared. */
export function rank(cut: Cut): number {
  return cut.startsWith('after:') ? order.after : order[cut as 'captured' | 'prepared' | 'answered']
}

/** The name of the layer behind which a cut lies, or undefined for the other cuts. */
export function layerOf(cut: Cut): string | undefined {
  return cut.startsWith('after:') ? cut.slice('after:'.length) : undefined
}

/** Keeps of each list what the restriction allows, in the restriction's order. */
export function restrict(menu: Menu, to: Restriction): Menu {
  const { models, cuts, encodings, targets, backups } = to
  if (!(models ?? cuts ?? encodings ?? targets ?? backups)) return menu
  return {
    ...menu,
    models: keep(menu.models, models),
    cuts: cuts === undefined ? menu.cuts : cuts.filter((cut) => offers(menu.cuts, cut)),
    encodings: keep(menu.encodings, encodings),
    targets: keep(menu.targets, targets),
    backups: keep(menu.backups, backups),
  }
}

function keep<T>(list: readonly T[], allowed: readonly T[] | undefined): readonly T[] {
  return allowed === undefined ? list : allowed.filter((choice) => list.includes(choice))
}

/** Whether a cut is among these; any layer stands for every one. */
export function offers(cuts: readonly Cut[], cut: Cut): boolean {
  return cuts.includes(cut) || (cut.startsWith('after:') && cuts.includes(anyLayer))
}
