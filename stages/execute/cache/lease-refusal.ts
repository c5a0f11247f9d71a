import type { ModelSource } from '../../manage/index.ts'
import type { LeaseOptions } from './contract.ts'
import { LeaseRefused } from './refused.ts'
import type { CacheState } from './state.ts'

/** Why a request that no copy can serve now need not wait; undefined where it may. */
export function leaseRefusal(
  state: CacheState,
  model: ModelSource,
  { expires, executors }: LeaseOptions,
): LeaseRefused | undefined {
  const { name, key } = model
  const { residents, failures, waiters, settings, clock } = state
  if (state.closed) return new LeaseRefused('closed', 'The cache was closed. Give the work to another node.')
  if (state.givenUp !== undefined) return unattended(state, model)
  if (executors !== undefined && !state.anyUp(executors)) return nowhere(model)
  const now = clock.now()
  const ready = state.readyIn(model)
  if (waiters.size >= settings.waiting) {
    return new LeaseRefused('crowded', `${waiters.size} requests wait for loads already. Ask again later.`, {
      retryAfter: Math.ceil(ready ?? 1_000),
    })
  }
  const possible = (executors ?? [...residents.holders.keys()]).filter((id) => residents.holders.has(id))
  const failing = Math.min(...possible.map((id) => failures.wait(key, id, now)))
  if (possible.length > 0 && failing > 0) {
    return new LeaseRefused(
      'failing',
      `Loading "${name}" has failed on every executor. It is tried again in ${Math.ceil(failing)} ms; look at the cause.`,
      { cause: failures.error(key), retryAfter: Math.ceil(failing) },
    )
  }
  if (expires === undefined || ready === undefined || now + ready <= expires) return undefined
  return new LeaseRefused(
    'cold',
    `Model "${name}" is not loaded, and would be in ${Math.ceil(ready)} ms at best, too late. Allow more, pin it, or run elsewhere.`,
    { retryAfter: Math.ceil(ready) },
  )
}

/** None of the executors that would do is there. */
export function nowhere({ name }: ModelSource): LeaseRefused {
  return new LeaseRefused(
    'no-executor',
    `None of the executors that were asked for "${name}" is up. Ask without naming any, or when they are.`,
  )
}

/** The cache has given up loading for now. @param model the one that was asked for, if one was */
export function unattended({ givenUp }: CacheState, model?: ModelSource): LeaseRefused {
  const { cause } = givenUp ?? {}
  const reason = cause instanceof Error ? cause.message : String(cause)
  const what = model === undefined ? 'any model' : `"${model.name}"`
  return new LeaseRefused(
    'given-up',
    `The cache does not load ${what}: its policy or placement failed too often, the last time with "${reason}". Mend that; it is tried again after a rest.`,
    { cause },
  )
}
