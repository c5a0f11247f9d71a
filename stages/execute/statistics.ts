import type { PoolStatistics } from './contract.ts'
import type { ModelStates } from './model-state.ts'
import type { Performer } from './perform.ts'
import type { RunQueue } from './run-queue.ts'
import type { Slot } from './slot.ts'
import type { Work } from './work.ts'

export interface StatisticsSources {
  readonly queue: RunQueue<Work>
  readonly slots: readonly Slot[]
  readonly states: ModelStates
  readonly performer: Performer
  readonly tied: number
  readonly refusedBy: PoolStatistics['refusedBy']
  readonly threads: number
  /** Milliseconds within which pending work should be done. */
  readonly target: number
  readonly now: number
}

/** A pool as it is now, and what it has done. */
export function poolStatistics(sources: StatisticsSources): PoolStatistics {
  const { queue, slots, states, performer, refusedBy, target, now } = sources
  const ups = slots.flatMap(({ up }) => (up === undefined ? [] : [up]))
  const models = [...states.all()]
  let pendingMs = ups.reduce((sum, { lane }) => sum + lane.left(now), 0)
  for (const state of models) pendingMs += state.waiting * states.share(state)
  return {
    queued: queue.length,
    busy: ups.filter(({ lane }) => !lane.empty).length,
    up: ups.length,
    threads: sources.threads,
    runs: performer.runs,
    batches: performer.made,
    loads: performer.loads,
    restarts: slots.reduce((sum, slot) => sum + slot.restarts, 0),
    recycled: slots.reduce((sum, slot) => sum + slot.replaced, 0),
    tied: sources.tied,
    refused: Object.values(refusedBy).reduce((sum, count) => sum + count, 0),
    refusedBy,
    pendingMs,
    // One executor does `target` ms of work in `target` ms.
    desiredSize: Math.max(1, Math.ceil(pendingMs / target)),
    executors: slots.map(({ up }) => ({
      id: up?.executor.id,
      models: up?.residency.models().map(({ name }) => name) ?? [],
    })),
    models: models.map(({ model, waiting, runs, times, loadMs }) => ({
      model: model.name,
      waiting,
      runs,
      meanMs: times.mean(),
      p99Ms: times.p99(),
      loadMs,
    })),
    times: performer.times.summary(),
    cold: performer.cold.summary(performer.loads),
  }
}
