import { gainPerMs } from './policies/index.ts'
import { LeaseRefused } from './refused.ts'
import type { CacheState } from './state.ts'
import type { Waiter } from './waiter.ts'
import type { Want } from './wants.ts'

/** All loads that are wanted now and neither done nor under way: by those who wait, by pins, ahead of requests. */
export function demand(state: CacheState, now: number): Want[] {
  const { waiters, background } = state
  const wants: Want[] = []
  for (const group of waiters.groups()) wants.push(...byWaiters(state, group, now))
  wants.push(...byPins(state, now))
  wants.push(...background.wants(now, (key) => state.coming(key) > 0))
  return wants
}

/** The load that those who wait for a model need, unless one that is under way will do for all of them. */
function* byWaiters(state: CacheState, waiters: ReadonlySet<Waiter>, now: number): Iterable<Want> {
  const { residents, estimates } = state
  let first: Waiter | undefined
  let inTime = false
  for (const waiter of waiters) {
    const loading = residents.of(waiter.model.key).filter((copy) => copy.state === 'loading')
    if (loading.some(({ executor }) => waiter.accepts(executor))) continue
    if (first === undefined || waiter.until < first.until) first = waiter
    inTime ||= waiter.expires === undefined || now + (estimates.ms(waiter.model) ?? 0) <= waiter.expires
  }
  if (first === undefined) return
  const { model, since, until, executors } = first
  yield {
    model,
    since,
    until,
    executors,
    ...(inTime ? {} : { gain: gainPerMs(state.useOf(model), now) }),
    declined: (error) => {
      for (const waiter of [...waiters]) {
        if (waiter.executors !== executors) continue
        const isRefusal = error instanceof LeaseRefused
        if (isRefusal) state.refused(model, error)
        waiter.reject(error, isRefusal ? 'refused' : 'failed')
      }
    },
  }
}

function* byPins(state: CacheState, now: number): Iterable<Want> {
  const { pins, residents, wishes } = state
  if (pins.size === 0) return
  for (const { model, copies } of pins.wanted().values()) {
    const missing = Math.min(copies, residents.holders.size) - state.coming(model.key)
    const declined = (error: Error) => wishes.fail(model.key, error)
    for (let each = 0; each < missing; each++) {
      yield { model, since: now, until: now, lasting: true, declined }
    }
  }
}
