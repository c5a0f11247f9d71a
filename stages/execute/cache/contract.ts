import type { ModelSource } from '../../manage/index.ts'
import type { CacheEvent } from './events.ts'
import type { CacheStatistics } from './statistics.ts'

/** What a load took and how much memory it turned out to need. */
export interface LoadCost {
  /** Milliseconds from request to ready. */
  readonly ms: number
  /** Bytes the executor grew by, measured. */
  readonly residentBytes: number
  /**
   * Bytes that the executor's process holds now beyond its idle start, where it has memory of its own. What that is
   * more than its models is taken off the budget.
   */
  readonly executorBytes?: number | undefined
}

/**
 * What the cache asks of whoever owns the executors. It never asks one executor for two loads at once, nor for an
 * unload of a model that it leases. A call that is still open when the executor goes `down` may settle any time later,
 * or never.
 */
export interface CacheHost {
  /** @throws ModelLoadFailed it is tried on another executor · ExecutorLost the executor died under it */
  load(executor: string, model: ModelSource): Promise<LoadCost>
  /** Resolves when the memory is free again. @throws ExecutorLost */
  unload(executor: string, key: string): Promise<void>
}

/** A model, or the name of an alias. */
export type Wanted = ModelSource | string

export interface LeaseOptions {
  /** By when the work has to be done, on the cache's clock in ms. A model that cannot be loaded by then is refused. */
  readonly expires?: number | undefined
  /** Gives the request up; a load that has begun goes on. */
  readonly signal?: AbortSignal | undefined
  /** Only a copy on one of these executors will do. Default: any. */
  readonly executors?: readonly string[] | undefined
}

/** The right to use one copy of a model. The copy stays where it is until the lease is released. */
export interface Lease {
  readonly model: ModelSource
  /** Where it is loaded. */
  readonly executor: string
  /** Whether its holder had to wait for a load. */
  readonly cold: boolean
  /** Milliseconds its holder waited for the copy: for room, for the load, or for one already going on; 0 when warm. */
  readonly loadMs: number
  /**
   * Ends the lease, once; later calls do nothing.
   * @param runMs milliseconds the runtime computed, where a run was made: what `cost-increase` weighs a load against
   */
  release(runMs?: number): void
}

export interface PinOptions {
  /** Copies to be kept at least, one to an executor. Default 1. */
  readonly copies?: number
}

/** A request made by name, from the moment the name was looked up. */
export interface NamedUse {
  /** The version that the name stood for then. */
  readonly model: ModelSource
  /** The request is over. Once; later calls do nothing. */
  end(): void
}

export interface AliasOptions {
  /** Longest wait for the new version's copies, and then for the old one's last lease, in ms. Default: `longestWait`. */
  readonly within?: number
  /** The version that the name stands for where it has never been moved. Default: none, and nothing is drained. */
  readonly from?: ModelSource
}

/**
 * Decides which models are loaded on which executor, within a budget of bytes. Everything happens in turns on the
 * thread that calls; loads and unloads run in the executors. Closed by whoever made it; the executors are not its own.
 */
export interface ModelCache {
  /**
   * Waits for a copy that may be used: at once when there is one, else after a load that all who ask for it share.
   *
   * @throws LeaseRefused with its `reason` and, where it is known, `retryAfter` · ModelLoadFailed on every executor ·
   *   DeadlineExceeded the copy was not there at `expires`, or after `longestWait` · Cancelled by `signal` or `close` ·
   *   UnknownModel no such alias
   */
  lease(model: Wanted, options?: LeaseOptions): Promise<Lease>
  /** The same without waiting: a lease when a copy is loaded and usable, else undefined. Counts only when it succeeds. */
  tryLease(model: Wanted, options?: Pick<LeaseOptions, 'executors'>): Lease | undefined
  /** Executors that hold a usable copy. */
  holders(model: Wanted): readonly string[]
  /** Milliseconds until a request that comes now would have its copy: 0 when warm; undefined when nothing is known yet. */
  readyIn(model: Wanted): number | undefined
  /**
   * Loads a model ahead of requests, into free room or in place of models worth less than it.
   * @returns whether it is loaded afterwards
   */
  prefetch(model: Wanted): Promise<boolean>
  /**
   * Keeps a model loaded: at least so many copies, now, and again after an executor went down; never evicted. Pinned
   * models may take all of the budget.
   *
   * @returns resolves when the copies are loaded; the pin holds from the call on
   * @throws LeaseRefused pins would exceed the budget (and the pin does not hold) · ModelLoadFailed and
   *   DeadlineExceeded not within `longestWait` (and the pin holds: it is tried on)
   */
  pin(model: Wanted, options?: PinOptions): Promise<void>
  unpin(model: Wanted): void
  /**
   * Points a name to a version of a model. The new version is loaded first, in as many copies as the old one has; then
   * the name moves, at once, for all requests that do not have their lease yet; then the old version's leases end, and
   * it is unloaded unless another alias or a pin holds it. Moves of one name follow one another.
   *
   * @returns resolves when the old version has ended: nothing asked for by this name uses it any more
   * @throws LeaseRefused · ModelLoadFailed · DeadlineExceeded the new version could not be loaded (the name has not
   *   moved), or the old one's leases did not end in time (it has moved)
   */
  alias(name: string, model: ModelSource, options?: AliasOptions): Promise<void>
  /**
   * Looks a name up for one request, which may take several leases: a move of the name waits until it is over.
   * @param otherwise what the name stands for where it has never been moved
   */
  use(name: string, otherwise: ModelSource): NamedUse
  /** Unloads the copies of a model that nobody uses or has pinned. @returns resolves when they are gone */
  evict(model: Wanted): Promise<void>
  /** An executor can take models from now on; it holds none. */
  up(executor: string): void
  /** An executor is gone, and with it what it held. Its leases are void; those who wait for a load there are served elsewhere. */
  down(executor: string): void
  statistics(): CacheStatistics
  /** Adds a listener. @returns takes it away */
  watch(listener: (event: CacheEvent) => void): () => void
  /** Refuses everything from now on, rejects those who wait with `Cancelled`. Leases may still be released. Idempotent. */
  close(): void
}
