import type { ModelSource } from '../../manage/index.ts'
import { unattended } from './lease-refusal.ts'
import { LeaseRefused } from './refused.ts'
import type { CacheState } from './state.ts'

/** A model to be kept loaded for an owner. */
export interface Keeping {
  readonly owner: unknown
  /** Looked up at each use: the pin of an alias follows it. */
  readonly model: () => ModelSource
  readonly copies: number
  /** Longest wait for the copies, ms. */
  readonly within: number
}

/**
 * Pins a model, in place of the owner's pin before.
 *
 * @param turn starts what loads there are to be
 * @returns resolves when the copies are loaded
 * @throws LeaseRefused and the pin does not hold · ModelLoadFailed · DeadlineExceeded
 */
export function keep(state: CacheState, { owner, model, copies, within }: Keeping, turn: () => void): Promise<void> {
  const { pins, residents, wishes } = state
  if (state.givenUp !== undefined) return Promise.reject(unattended(state, model()))
  const before = pins.get(owner)
  pins.set(owner, { model, copies })
  const excess = pinnedTooMuch(state, model())
  if (excess !== undefined) {
    if (before === undefined) pins.release(owner)
    else pins.set(owner, before)
    state.emit({ type: 'refused', model: model().name, reason: excess.reason })
    return Promise.reject(excess)
  }
  const { key, name } = model()
  turn()
  return wishes.until(
    key,
    within,
    `"${name}" was not loaded ${copies} times within ${Math.round(within)} ms. Look at the executors and what else they load.`,
    () => {
      const executors = residents.holders.size
      return executors > 0 && state.readyCopies(key) >= Math.min(copies, executors)
    },
  )
}

function pinnedTooMuch({ pins, estimates, settings }: CacheState, { name }: ModelSource): LeaseRefused | undefined {
  let bytes = 0
  for (const { model, copies } of pins.wanted().values()) bytes += copies * estimates.bytes(model)
  if (bytes <= settings.budget) return undefined
  return new LeaseRefused(
    'pinned',
    `With "${name}" pinned models would take about ${(bytes / 1e6).toFixed(1)} MB of ${(settings.budget / 1e6).toFixed(1)}. Unpin some, or raise the budget.`,
  )
}
