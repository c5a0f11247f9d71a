import { z } from 'zod'
import { made, readOptions, restartPolicy, restPolicy } from '../../pipeline/index.ts'
import type { ExecutorFactory } from './ports.ts'

const count = z.number().int().min(0)
const ms = z.number().min(0)

/** How runs of one model are made as one. */
export const batchOptions = z.strictObject({
  /** Largest batch, in pictures. How many there really are is learned from what they take. */
  size: z.number().int().min(1).default(32),
  /** How long a run waits for company when an executor would be free for it, ms; never past its deadline. */
  wait: ms.default(0),
})

/** The numbers of a pool. */
export const poolOptions = z.strictObject({
  /** How many executors. */
  size: z.number().int().min(1, 'give a whole number of executors, at least 1'),
  /** Intra-op threads of each executor, at most. */
  threads: z.number().int().min(1, 'give a whole number of threads, at least 1').optional(),
  /** Runs of one model that may wait; more are refused. */
  queue: count.default(256),
  /** Runs of all models that may wait. */
  backlog: count.default(1_024),
  /**
   * A run is taken for hung that goes on for so many ms more than ten times what 99 of 100 like it took; where none was
   * measured yet, after `longestRun`. That its caller's time is over is no sign of it.
   */
  grace: ms.default(2_000),
  /** Longest run and longest load that is not taken for hung, ms, whatever was measured. */
  longestRun: ms.default(60_000),
  longestLoad: ms.default(120_000),
  /**
   * A run waits in an executor (where it takes more than one) behind one of at most so many ms: there a round trip
   * would cost more than what the most urgent one loses by it. 0: never.
   */
  ahead: ms.default(20),
  /** Share of the runs that may be made twice, because what they wait behind takes longer than 99 of 100 do. */
  tied: z.number().min(0).max(1).default(0.02),
  /** Whether runs that cannot meet their deadline, by what runs took before, are refused at once. */
  admission: z.boolean().default(true),
  /** `desiredSize` is for working off what is pending within so many ms. */
  target: z.number().positive().default(1_000),
  /** How an executor that died is replaced: at first after 100 ms. When its restarts are used up its place stays empty … */
  restart: restartPolicy.extend({ first: ms.default(100) }).prefault({}),
  /** … until it has rested: then one is tried again. */
  rest: restPolicy.prefault({}),
  /** When an executor is replaced because its process grew by more than its models. */
  recycle: z
    .strictObject({
      /** Bytes beyond its start and its models that it may have. Runs need some, too. */
      slack: z
        .number()
        .positive()
        .default(2 ** 28),
      /** Least time between two replacements in one place, ms. */
      every: ms.default(60_000),
    })
    .prefault({}),
  batch: batchOptions.optional(),
})

export type BatchOptions = z.output<typeof batchOptions>
export type PoolSettings = z.output<typeof poolOptions>

const others = {
  factory: made<ExecutorFactory>('what starts executors, such as processExecutors()'),
  threads: z.number().int().min(1).optional(),
  optimisation: z.enum(['disabled', 'basic', 'extended', 'all']).optional(),
  place: made<object>('a placement, such as residencyFirst').optional(),
  cache: made<object>('a function that makes a cache').optional(),
  clock: made<object>('a clock').optional(),
  events: made<object>('a function').optional(),
}
const allOptions = poolOptions.extend(others)

/** @throws BadConfiguration naming the option that is wrong, or that there is not */
export function poolSettings(options: z.input<typeof poolOptions>): PoolSettings {
  return readOptions(allOptions, options, 'executorPool()')
}
