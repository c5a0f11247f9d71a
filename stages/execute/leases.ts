import { ExecutorLost } from '../../pipeline/index.ts'
import type { ModelSource } from '../manage/index.ts'
import type { CacheHost, Lease, ModelCache } from './cache/index.ts'
import type { Performer } from './perform.ts'
import type { Slot, Up } from './slot.ts'

export interface LeasesOptions {
  /** A copy came; whoever waits for it may go. */
  readonly onReady: (model: ModelSource, loadMs: number) => void
  /** Copies have come or gone of the cache's own accord. */
  readonly onChanged: () => void
  /** No copy can be had by `expires` (Infinity: at all). */
  readonly onFailed: (model: ModelSource, expires: number, error: Error) => void
}

/**
 * The copies of models that waiting runs need, in a memory that many models share: asks the cache for what is missing,
 * once for each model, and keeps what came from being evicted until a run takes it up.
 */
export class Leases {
  readonly cache: ModelCache
  readonly #options: LeasesOptions
  readonly #asked = new Map<string, number>()
  readonly #kept = new Map<string, Lease>()

  constructor(cache: ModelCache, options: LeasesOptions) {
    this.cache = cache
    this.#options = options
    let told = false
    cache.watch(({ type }) => {
      if (told || (type !== 'loaded' && type !== 'load-failed' && type !== 'evicted' && type !== 'unload-failed'))
        return
      told = true
      // Not within the cache's own turn.
      queueMicrotask(() => {
        told = false
        options.onChanged()
      })
    })
  }

  /** Milliseconds until a copy that is on its way can be used; undefined when none is, or that is not known. */
  readyIn(model: ModelSource): number | undefined {
    return this.#asked.has(model.key) ? this.cache.readyIn(model) : undefined
  }

  /** Asks for a copy by a time; once while such a request is open. */
  want(model: ModelSource, expires = Infinity): void {
    const { key } = model
    if ((this.#asked.get(key) ?? Number.NEGATIVE_INFINITY) >= expires || this.#kept.has(key)) return
    this.#asked.set(key, expires)
    const over = () => {
      if (this.#asked.get(key) === expires) this.#asked.delete(key)
    }
    this.cache.lease(model, expires < Infinity ? { expires } : {}).then(
      (lease) => {
        over()
        this.#kept.get(key)?.release()
        this.#kept.set(key, lease)
        this.#options.onReady(model, lease.loadMs)
      },
      (error) => {
        over()
        this.#options.onFailed(model, expires, error as Error)
      },
    )
  }

  /** A lease for a run that begins on this executor now; undefined where it holds no usable copy. */
  take(model: ModelSource, executor: string): Lease | undefined {
    const kept = this.#kept.get(model.key)
    if (kept?.executor === executor) {
      // The run it was asked for: a second lease would count the same request twice.
      this.#kept.delete(model.key)
      return kept
    }
    const lease = this.cache.tryLease(model, { executors: [executor] })
    if (lease !== undefined) this.drop(model.key)
    return lease
  }

  /** Nothing waits for this model any more. */
  drop(key: string): void {
    this.#kept.get(key)?.release()
    this.#kept.delete(key)
  }

  /** An executor is gone, and its copies with it. */
  down(executor: string): void {
    for (const [key, lease] of this.#kept) if (lease.executor === executor) this.#kept.delete(key)
    this.cache.down(executor)
  }
}

/** Loads and unloads for a cache on the executors of some places. */
export function cacheHost(
  slots: readonly Slot[],
  performer: Performer,
  unloaded: (executor: string, model: string) => void,
): CacheHost {
  const find = (executor: string): { slot: Slot; up: Up } => {
    for (const slot of slots) if (slot.up?.executor.id === executor) return { slot, up: slot.up }
    throw new ExecutorLost(`Executor ${executor} is gone. Its models may be loaded on another one.`)
  }
  return {
    async load(executor, model) {
      const { slot, up } = find(executor)
      const report = await up.lane.load(() => performer.load(model, slot, up))
      const { baseline } = up.executor
      if (report.memory === undefined || baseline === undefined) return report
      return { ...report, executorBytes: report.memory - baseline }
    },
    async unload(executor, key) {
      const { up } = find(executor)
      const model = up.residency.models().find((each) => each.key === key)
      await up.residency.unload(key)
      unloaded(executor, model?.name ?? key)
    },
  }
}
