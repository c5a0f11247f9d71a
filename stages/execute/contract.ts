import type { z } from 'zod'
import type { Cancellation, Clock, ExecutorLost, Tensor } from '../../pipeline/index.ts'
import type { ModelSource } from '../manage/index.ts'
import type { CacheHost, ModelCache } from './cache/index.ts'
import type { ColdFigures } from './cold-starts.ts'
import type { poolOptions } from './options.ts'
import type { Placement } from './placement.ts'
import type { ExecutorFactory, ExecutorOptions } from './ports.ts'
import type { PoolRefusal } from './refused.ts'
import type { PoolReport } from './report.ts'
import type { StepTimes } from './times.ts'

/** What happened in a pool, for whoever watches. */
export type PoolEvent =
  /** Its last executor was given up: it runs nothing until one of them, after a rest, has started. */
  | { readonly type: 'given-up'; readonly error: ExecutorLost }
  | { readonly type: 'executor-started'; readonly executor: string }
  /** `final`: its restart budget is spent, its place stays empty until it has rested. */
  | { readonly type: 'executor-lost'; readonly error: ExecutorLost; readonly final: boolean }
  | {
      readonly type: 'model-loaded'
      readonly executor: string
      readonly model: string
      readonly ms: number
      readonly residentBytes: number
    }
  | { readonly type: 'model-load-failed'; readonly executor: string; readonly model: string; readonly error: Error }
  | { readonly type: 'model-unloaded'; readonly executor: string; readonly model: string }
  /** Its process has `memory` bytes, `beyond` more than at its start and its models: another takes its place. */
  | { readonly type: 'executor-recycled'; readonly executor: string; readonly memory: number; readonly beyond: number }
  /** A run did not end in time. `killed` is false for threads, which cannot be. */
  | { readonly type: 'run-overdue'; readonly executor: string; readonly model: string; readonly killed: boolean }

/** Numbers with their defaults: `poolOptions`. */
export interface ExecutorPoolOptions extends z.input<typeof poolOptions>, Pick<ExecutorOptions, 'optimisation'> {
  readonly factory: ExecutorFactory
  /** Which idle executor a run goes to. Default `residencyFirst`. */
  readonly place?: Placement
  /**
   * Makes what decides which models are loaded where, within a budget. Without, an executor keeps every model that it
   * was asked to run.
   */
  readonly cache?: (host: CacheHost, clock: Clock) => ModelCache
  readonly clock?: Clock
  readonly events?: (event: PoolEvent) => void
}

export interface PoolRunOptions {
  /** Cancelled while the run waits, it leaves the queue at once; later, its result is dropped. */
  readonly cancellation?: Cancellation | undefined
  /** By when the result is wanted, on the pool's clock in milliseconds. */
  readonly expires?: number | undefined
  /** Whose it is, such as a device: owners get equal shares of the executors' time. Default: all without are one owner's. */
  readonly owner?: string | undefined
  /** Only these outputs; all without. */
  readonly outputs?: readonly string[] | undefined
}

/** One model, as a pool has seen it. */
export interface ModelStatistics {
  readonly model: string
  readonly waiting: number
  /** Since the start. */
  readonly runs: number
  /** Milliseconds of a run alone: expected, and what 99 of 100 do not exceed; undefined before the first. */
  readonly meanMs: number | undefined
  readonly p99Ms: number | undefined
  /** Of the last load. */
  readonly loadMs: number | undefined
}

/** Figures of a pool since its start; plain values, that can be sent as JSON. */
export interface PoolStatistics {
  readonly queued: number
  /** Executors that run or load now. */
  readonly busy: number
  /** Executors that live now. */
  readonly up: number
  /** Intra-op threads of each executor. */
  readonly threads: number
  /** Runs that were asked for and made, and in how many runs of executors, since the start. */
  readonly runs: number
  readonly batches: number
  readonly loads: number
  /** Executors started for dead ones, and for living ones that had grown. */
  readonly restarts: number
  readonly recycled: number
  /** Runs also given to a second executor. */
  readonly tied: number
  readonly refused: number
  readonly refusedBy: Readonly<Record<PoolRefusal, number>>
  /** Milliseconds of one executor that what waits and runs is expected to need. */
  readonly pendingMs: number
  /** Executors that would work off what is pending within `target` ms, at the measured rate; at least 1. */
  readonly desiredSize: number
  /** One for each place: its executor's id (undefined while there is none) and the names of the models it holds. */
  readonly executors: readonly { readonly id: string | undefined; readonly models: readonly string[] }[]
  readonly models: readonly ModelStatistics[]
  /** Where the time of the last runs went; undefined before the first. */
  readonly times: StepTimes | undefined
  /** By runs; the cache counts leases, of which all runs that wait for one model, or are made as one, share one. */
  readonly cold: ColdFigures
}

/** Places work on executors. */
export interface ExecutorPool {
  /**
   * Runs a model on an executor that holds it, or loads it on one. Owners get equal shares of the executors' time; of one
   * owner the most urgent waiting run goes first, and among equals the models take turns.
   *
   * @throws RunRefused too many wait, it cannot be in time, no executor is left for now, or the pool ends · LeaseRefused no memory for its model ·
   *   Cancelled · DeadlineExceeded · Quarantined it cost two executors · ModelLoadFailed ·
   *   WrongShape · ExecutionFailed
   */
  run(model: ModelSource, inputs: readonly Tensor[], options?: PoolRunOptions): Promise<PoolReport>
  /**
   * Loads models before they are needed, ahead of waiting runs: on every executor, and again on one that replaces a
   * dead one; with a cache, once each, as far as the budget goes. Resolves when they are loaded.
   * @throws ModelLoadFailed · RunRefused no executor is left for now · Cancelled the pool was closed
   */
  warm(models: readonly ModelSource[]): Promise<void>
  /** What decides about memory: for pins, aliases and its statistics. Undefined where none was given. */
  readonly cache: ModelCache | undefined
  statistics(): PoolStatistics
  /** Takes nothing new, finishes what waits and runs for at most `within` ms (default 10,000), then closes. */
  drain(within?: number): Promise<void>
  /** Cancels what waits, lets runs finish for at most `within` ms (default 5,000), ends the executors. Idempotent. */
  close(within?: number): Promise<void>
}
