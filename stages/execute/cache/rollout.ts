import type { Clock } from '../../../pipeline/index.ts'
import type { ModelSource } from '../../manage/index.ts'
import type { Aliases } from './aliases.ts'
import type { Keeping } from './keep.ts'
import type { Pins } from './pins.ts'
import type { Wishes } from './wishes.ts'

export interface RollOut {
  readonly clock: Clock
  readonly aliases: Aliases
  readonly pins: Pins
  readonly wishes: Wishes
  /** Copies of a model that can be used. */
  copies(key: string): number
  /** Pins a model; resolves when it is loaded. */
  keep(keeping: Keeping): Promise<void>
  /** The name points to the new version. */
  moved(from: ModelSource | undefined): void
  /** Lets a version go that nothing points to. */
  retire(model: ModelSource): void
}

/** A name, and the version that it is to stand for. */
export interface Move {
  readonly name: string
  readonly model: ModelSource
  /** What the name stands for where it has never been moved. */
  readonly first: ModelSource | undefined
  /** Longest that the load, and then the end of what the old version does, may take together, ms. */
  readonly within: number
}

/** Moves a name to a version: loads it, points the name to it in one turn, waits for what the old one still does. */
export async function rollOut({ name, model, first, within }: Move, cache: RollOut): Promise<void> {
  const { clock, aliases, pins, wishes } = cache
  const started = clock.now()
  const from = aliases.get(name) ?? first
  if (from?.key === model.key) return
  const [incoming, outgoing] = [Symbol(`${name}: new version`), Symbol(`${name}: old version`)]
  const loaded = from === undefined ? 0 : cache.copies(from.key)
  try {
    // The old one answers until the name moves: it must not make room for its successor.
    if (from !== undefined && loaded > 0) pins.set(outgoing, { model: () => from, copies: loaded })
    await cache.keep({ owner: incoming, model: () => model, copies: Math.max(1, loaded), within })
    aliases.move(name, model)
    cache.moved(from)
  } finally {
    pins.release(incoming)
    pins.release(outgoing)
  }
  if (from === undefined) return
  let ended = false
  aliases.whenEnded(name, from.key, () => {
    ended = true
    wishes.look()
  })
  await wishes.until(
    from.key,
    Math.max(0, within - (clock.now() - started)),
    `"${name}" has moved to "${model.name}", but "${from.name}" is still in use after ${within} ms. Look at the runs that do not end.`,
    () => ended,
  )
  cache.retire(from)
}
