import type { Clock, ExecutorLost, Tensor } from '../../pipeline/index.ts'
import type { ModelSource } from '../manage/index.ts'
import type { Placement } from './placement.ts'
import type { ExecutorFactory, ExecutorOptions } from './ports.ts'
import type { RestartOptions } from './slot.ts'

/** What happened in a pool, for whoever watches. */
export type PoolEvent =
  | { readonly type: 'executor-started'; readonly executor: string }
  /** `final`: its restart budget is spent, its place stays empty. */
  | { readonly type: 'executor-lost'; readonly error: ExecutorLost; readonly final: boolean }
  | {
      readonly type: 'model-loaded'
      readonly executor: string
      readonly model: string
      readonly ms: number
      readonly residentBytes: number
    }
  | { readonly type: 'model-load-failed'; readonly executor: string; readonly model: string; readonly error: Error }
  /** A run did not end in time. `killed` is false for threads, which cannot be. */
  | { readonly type: 'run-overdue'; readonly executor: string; readonly model: string; readonly killed: boolean }

export interface ExecutorPoolOptions extends ExecutorOptions {
  readonly factory: ExecutorFactory
  /** How many executors. `size × threads` should not exceed the cores. */
  readonly size: number
  /** Runs that may wait. Default 256; more are refused. */
  readonly queue?: number
  /** Milliseconds past its `expires` after which a run that still goes on is taken for hung. Default 2,000. */
  readonly grace?: number
  /** Longest run and longest load that is not taken for hung, in milliseconds. Default 60,000 and 120,000. */
  readonly longestRun?: number
  readonly longestLoad?: number
  /** Default: 5 times within 60,000 ms, first after 100 ms. */
  readonly restarts?: Partial<RestartOptions>
  /** Which idle executor a run goes to. Default `residencyFirst`. */
  readonly place?: Placement
  readonly clock?: Clock
  readonly events?: (event: PoolEvent) => void
}

export interface PoolRunOptions {
  /** Aborted while the run waits, it leaves the queue at once; later, its result is dropped. */
  readonly signal?: AbortSignal | undefined
  /** By when the result is wanted, on the pool's clock in milliseconds. */
  readonly expires?: number | undefined
  /** Only these outputs; all without. */
  readonly outputs?: readonly string[] | undefined
}

export interface PoolReport {
  readonly outputs: readonly Tensor[]
  /** Milliseconds from the call until an executor took it up (the last one, when it was tried again). */
  readonly queueMs: number
  /** Milliseconds it waited for its model to be loaded; 0 when it was. */
  readonly loadMs: number
  /** Milliseconds the runtime computed. */
  readonly runMs: number
  /** Which executor ran it. */
  readonly executor: string
}

export interface PoolStatistics {
  readonly queued: number
  /** Executors that run or load now. */
  readonly busy: number
  /** Executors that live now. */
  readonly up: number
  /** Since the start. */
  readonly runs: number
  readonly loads: number
  readonly restarts: number
  readonly refused: number
  /** One for each place: its executor's id (undefined while there is none) and the names of the models it holds. */
  readonly executors: readonly { readonly id: string | undefined; readonly models: readonly string[] }[]
}

/** Places work on executors. */
export interface ExecutorPool {
  /**
   * Runs a model on an executor that holds it, or loads it on one. The most urgent waiting run goes first.
   *
   * @throws Refused the queue is full, or the pool ends · Cancelled · DeadlineExceeded · ExecutorLost twice, or no
   *   executor can be started any more · ModelLoadFailed · WrongShape · ExecutionFailed
   */
  run(model: ModelSource, inputs: readonly Tensor[], options?: PoolRunOptions): Promise<PoolReport>
  /**
   * Loads models on every executor before they are needed, ahead of waiting runs, and again on one that replaces a
   * dead one. Resolves when all hold them.
   * @throws ModelLoadFailed · ExecutorLost no executor can be started any more · Cancelled the pool was closed
   */
  warm(models: readonly ModelSource[]): Promise<void>
  statistics(): PoolStatistics
  /** Takes nothing new, finishes what waits and runs for at most `within` ms (default 10,000), then closes. */
  drain(within?: number): Promise<void>
  /** Cancels what waits, lets runs finish for at most `within` ms (default 5,000), ends the executors. Idempotent. */
  close(within?: number): Promise<void>
}
