import { type Clock, DeadlineExceeded, Refused, within } from '../../../pipeline/index.ts'
import { assertAlike, type Models } from '../../manage/index.ts'
import type { ModelCache } from '../cache/index.ts'
import type { NodeAliases } from './aliases.ts'
import type { Command, CommandReply } from './commands.ts'

export interface VersionsOptions {
  readonly models: Models
  readonly aliases: NodeAliases
  readonly cache: ModelCache
  readonly clock: Clock
  /** Names whose model never goes, whichever version that is. */
  readonly pinned: readonly string[]
  /** A name was moved. */
  readonly onMoved: () => void
}

/** One node's part in roll-outs: keeps both versions while the name moves, lets one go at the end. */
export class Versions {
  readonly #options: VersionsOptions
  /** Names being moved, with the version that was made ready for them. */
  readonly #moving = new Map<string, string>()

  constructor(options: VersionsOptions) {
    this.#options = options
  }

  /**
   * Carries out one step.
   * @throws UnknownModel · BadConfiguration the versions take unlike inputs · Refused another move of the name goes on ·
   *   LeaseRefused no room for both · ModelLoadFailed · DeadlineExceeded
   */
  async follow(command: Command): Promise<CommandReply> {
    const { aliases, models, onMoved } = this.#options
    const { name } = command
    switch (command.step) {
      case 'prepare':
        await this.#prepare(name, command.to, command.within)
        break
      case 'move':
        assertAlike(models, name, command.to)
        if (aliases.move({ name, to: command.to, revision: command.revision }, command.over)) onMoved()
        break
      case 'drain':
        await this.#drain(name, command.from, command.within)
        break
      case 'retire':
        await this.#letGo(name, command.from, command.to)
        break
      case 'abort':
        if (this.#moving.get(name) === command.to) await this.#letGo(name, command.to, aliases.of(name))
        break
    }
    return { model: aliases.of(name), revision: aliases.revision(name) }
  }

  async #prepare(name: string, to: string, ms: number): Promise<void> {
    const { models, aliases, cache, clock } = this.#options
    const from = aliases.of(name)
    const under = this.#moving.get(name)
    if (under !== undefined && under !== to) {
      throw new Refused(`"${name}" is being moved to "${under}". Wait for that, or abort it, before the next move.`)
    }
    assertAlike(models, from, to)
    const [old, next] = [models.source(from), models.source(to)]
    if (from === to || cache.holders(old).length === 0) return
    this.#moving.set(name, to)
    // The old one answers until the name moves: it must not make room for its successor.
    await cache.pin(old)
    if (await within(cache.pin(next), ms, clock)) return
    throw new DeadlineExceeded(`"${to}" was not loaded within ${ms} ms. Allow more, or look at the executors.`)
  }

  async #drain(name: string, from: string, ms: number): Promise<void> {
    const { aliases, clock } = this.#options
    if (await within(aliases.ended(name, from), ms, clock)) return
    throw new DeadlineExceeded(
      `"${name}" has moved, but "${from}" still answers what came before after ${ms} ms. Look at the runs that do not end.`,
    )
  }

  /** Lets one version go, unless another name or a pin holds it, and the other be as any model. */
  async #letGo(name: string, gone: string, kept: string): Promise<void> {
    const { models, aliases, cache, pinned } = this.#options
    this.#moving.delete(name)
    const stays = (model: string) => pinned.some((each) => aliases.of(each) === model)
    for (const model of new Set([gone, kept])) if (!stays(model)) cache.unpin(models.source(model))
    const wanted = aliases.of(gone) === gone || aliases.all.some(({ to }) => to === gone)
    if (!stays(gone) && !wanted) await cache.evict(models.source(gone))
  }
}
