import { BadMessage } from '../../../pipeline/index.ts'
import { assertAlike, type Models } from '../../manage/index.ts'
import type { Alias } from './announcement.ts'

/** A name that has been moved so often begins anew: a number that somebody made up must not be the last one for ever. */
export const mostRevision = 1_000_000

/** The revision of the next move of a name, after the latest that is known. */
export const nextRevision = (latest: number): number => (latest < mostRevision ? latest + 1 : 1)

/**
 * Checks a move that another node tells of as one that is ordered is checked.
 * @throws UnknownModel · BadConfiguration the two take unlike inputs · BadMessage nobody has moved a name so often
 */
export function assertMovable(models: Models, { name, to, revision }: Alias): void {
  if (revision > mostRevision) {
    throw new BadMessage(
      `"${name}" is said to have been moved ${revision} times; ${mostRevision} are allowed. Look which node says so; rollOut() says what the name stands for.`,
    )
  }
  assertAlike(models, name, to)
}

/** A message that runs under a name, from the moment the name was looked up. */
export interface NamedUse {
  /** The model that the name stood for. */
  readonly model: string
  /** Once. */
  end(): void
}

/**
 * Which model of the catalogue answers under which name, as all nodes of the pipeline have agreed. A name that was never
 * moved is the model of that id. Counts the messages under way, so that a move can wait for those that came before it.
 */
export class NodeAliases {
  readonly #moved = new Map<string, Alias>()
  /** Messages under way: by name and model. */
  readonly #uses = new Map<string, number>()
  readonly #waiting = new Map<string, (() => void)[]>()

  /** Where each name that was moved points. */
  get all(): readonly Alias[] {
    return [...this.#moved.values()]
  }

  /** The model that answers under a name now. */
  of(name: string): string {
    return this.#moved.get(name)?.to ?? name
  }

  revision(name: string): number {
    return this.#moved.get(name)?.revision ?? 0
  }

  /** Looks a name up for one message. */
  use(name: string): NamedUse {
    const model = this.of(name)
    const key = `${name} ${model}`
    this.#uses.set(key, (this.#uses.get(key) ?? 0) + 1)
    return { model, end: () => this.#end(key) }
  }

  /** Whether a move is later than the latest that is known of its name. */
  isNews({ name, to, revision }: Alias): boolean {
    const current = this.#moved.get(name)
    // Two who moved it at the same time: everybody keeps the same one.
    return current === undefined || revision > current.revision || (revision === current.revision && to > current.to)
  }

  /**
   * Moves a name, at once for every message that is looked up from now on. An older move than the latest is ignored, but for
   * one that a person has ordered to overrule it.
   * @param over the latest revision that is overruled, whatever the new one is
   * @returns whether it was moved
   */
  move(alias: Alias, over = 0): boolean {
    const { name, to, revision } = alias
    const current = this.#moved.get(name)
    if (current !== undefined && current.revision <= over && (current.to !== to || current.revision !== revision)) {
      this.#moved.set(name, alias)
      return true
    }
    if (!this.isNews(alias)) return false
    this.#moved.set(name, alias)
    return true
  }

  /** Resolves when no message that a name once gave to this model is under way. */
  ended(name: string, model: string): Promise<void> {
    const key = `${name} ${model}`
    if (!this.#uses.has(key)) return Promise.resolve()
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(key)
      if (waiting === undefined) this.#waiting.set(key, [resolve])
      else waiting.push(resolve)
    })
  }

  #end(key: string): void {
    const left = (this.#uses.get(key) ?? 0) - 1
    if (left > 0) {
      this.#uses.set(key, left)
      return
    }
    this.#uses.delete(key)
    for (const resolve of this.#waiting.get(key) ?? []) resolve()
    this.#waiting.delete(key)
  }
}
