import type { StageContext } from './context.ts'
import { BadConfiguration } from './errors.ts'
import type { Message } from './message.ts'
import type { Cut } from './payload.ts'
import { anyLayer, type Backup, type Encoding, layerOf, type Menu, rank, restrict, type Target } from './plan.ts'

const encodings: readonly Encoding[] = ['jpeg', 'webp', 'raw', 'tensor']
const anyNode: readonly Target[] = ['any']
const noBackup: readonly Backup[] = ['none']

/** Everything there is to choose from on one half of a pipeline. Its lists are made once, and again when nodes change. */
export class BaseMenu {
  readonly #context: StageContext
  readonly #repeats: boolean
  readonly #withLast: readonly Backup[]
  readonly #layers = new Map<string, ReadonlySet<Cut>>()
  #menu: Menu

  constructor(context: StageContext) {
    const { route, models, attempts } = context
    const runs = route.prepares && route.executes
    const ids = models?.ids ?? []
    const cuts: Cut[] = []
    if (route.wire) cuts.push('captured')
    if (route.wire && route.prepares) cuts.push('prepared')
    if (route.wire && runs && ids.some((id) => (models?.cuts?.(id).length ?? 0) > 0)) cuts.push(anyLayer)
    if (runs) cuts.push('answered')
    const races = attempts !== undefined && route.wire
    const backups: readonly Backup[] =
      races && runs && ids.length > 0 ? [...noBackup, ...ids.map((id): Backup => `model:${id}`)] : noBackup
    this.#context = context
    this.#repeats = attempts !== undefined && route.executes
    this.#withLast = races ? [...backups, 'last'] : backups
    const offered = route.wire && models?.encodings ? ids.flatMap((id) => models.encodings?.(id) ?? []) : []
    const written = offered.length > 0 ? [...new Set([...encodings, ...offered])] : encodings
    this.#menu = { models: ids, cuts, encodings: written, targets: anyNode, backups }
  }

  /** What there is for a source at local time `now`. */
  of(source: string, now: number): Menu {
    const { world, attempts } = this.#context
    const targets = world.value('targets') ?? anyNode
    if (targets !== this.#menu.targets) this.#menu = { ...this.#menu, targets }
    const last = this.#repeats ? attempts?.last(source) : undefined
    if (!last) return this.#menu
    const { models, cuts, encodings, targets: nodes } = this.#menu
    return { models, cuts, encodings, targets: nodes, backups: this.#withLast, lastAge: now - last.at }
  }

  /** The same less what is decided, what was excluded, and the cuts that lie behind the payload already. */
  available({ plan, payload, open, accuracy }: Message, whole: Menu): Menu {
    const left = restrict(whole, open)
    const at = rank(payload.at)
    const { models, cuts, encodings, targets, backups, lastAge } = left
    const menu: { -readonly [K in keyof Menu]: Menu[K] } = {
      models:
        plan.model !== undefined ? [plan.model] : accuracy === undefined ? models : this.#reaching(accuracy, models),
      cuts: plan.cut === undefined ? (at === 0 ? cuts : cuts.filter((cut) => rank(cut) >= at)) : [plan.cut],
      encodings: plan.encoding === undefined ? encodings : [plan.encoding],
      targets: plan.target === undefined ? targets : [plan.target],
      backups: plan.backup === undefined ? backups : [plan.backup],
    }
    if (plan.backupAfter !== undefined) menu.backupAfter = plan.backupAfter
    if (plan.accept !== undefined) menu.accept = plan.accept
    // Nobody knows how accurate the last answer was for this frame.
    if (lastAge !== undefined && accuracy === undefined) menu.lastAge = lastAge
    return menu
  }

  /** Those that are not known to be less accurate than is wished; where none reaches it, the most accurate. */
  #reaching(wished: number, ids: readonly string[]): readonly string[] {
    const of = (id: string) => this.#context.models?.accuracy?.(id)
    const known = ids.flatMap((id) => of(id) ?? [])
    if (known.length === 0) return ids
    const least = Math.min(wished, Math.max(...known))
    return ids.filter((id) => (of(id) ?? 0) >= least)
  }

  /** @throws BadConfiguration where the model's layers are known, and this is none behind which it can be cut */
  assertLayer(model: string | undefined, cut: Cut): void {
    if (model === undefined || layerOf(cut) === undefined) return
    let known = this.#layers.get(model)
    if (!known) {
      const { models } = this.#context
      known = new Set(models?.ids.includes(model) ? models.cuts?.(model) : [])
      this.#layers.set(model, known)
    }
    if (known.size === 0 || known.has(cut)) return
    const some = [...known].slice(0, 5).join(', ')
    throw new BadConfiguration(
      `"${model}" cannot be cut at "${cut}". Use one of its ${known.size} cuts: ${some}${known.size > 5 ? ', …' : ''}.`,
    )
  }
}
