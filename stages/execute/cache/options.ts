import { z } from 'zod'
import { backoffPolicy, readOptions, restartPolicy, restPolicy } from '../../../pipeline/index.ts'

const ms = z.number().min(0)

/** What memory and loading cost. */
export const cachePrice = z.strictObject({
  /** 10⁹ bytes held for a second. */
  gigabyteSecond: z.number().min(0),
  /** A second of an executor that loads. Default 0. */
  loadSecond: z.number().min(0).default(0),
})

const settings = z.strictObject({
  /** Bytes that loaded models may use, on all executors together. */
  budget: z.number().positive(),
  /** Longest a request waits for its copy, in ms, also where its own deadline is later. Default 30,000. */
  longestWait: ms.positive().default(30_000),
  /** Milliseconds after which a load or an unload is reported overdue. Default 120,000 and 30,000. */
  longestLoad: ms.positive().default(120_000),
  longestUnload: ms.positive().default(30_000),
  /** Requests that may wait for loads; more are refused. Default 4,096. */
  waiting: z.number().int().min(1).default(4_096),
  /**
   * Churn guard: a copy stays for so many times the time that its load took, so that loading never takes more than
   * 1 ÷ (1 + guard) of the time. Default 1; 0 turns it off.
   */
  guard: z.number().min(0).default(1),
  /**
   * Milliseconds that a request waits for leases to end by themselves; then copies in use take no new ones, until there
   * is room. Default 100.
   */
  patience: ms.default(100),
  /** A model gets a further copy when its copies compute for more than this share of the time. Default 0.75. */
  busy: z.number().positive().default(0.75),
  /** How it goes on after its policy or its placement threw; when the restarts are used up it loads nothing … */
  restart: restartPolicy.prefault({}),
  /** … until it has rested. */
  rest: restPolicy.prefault({}),
  /** How long a load that failed is not tried again on that executor: at first 1,000 ms, at most 60,000. */
  backoff: backoffPolicy
    .extend({ first: ms.positive().default(1_000), longest: ms.positive().default(60_000) })
    .prefault({}),
  /** Bytes in memory for each byte of a file, until files of unlike sizes were measured. Default 1.25. */
  bytesPerFileByte: z.number().positive().default(1.25),
  /** Loads models shortly before they are expected to be asked for again. Default: off. */
  prefetch: z
    .strictObject({
      /** Width of a bin of the inter-arrival histogram, in ms. Default 60,000. */
      bin: ms.positive().default(60_000),
      /** Number of bins; longer times are out of range. Default 240. */
      bins: z.number().int().min(2).default(240),
    })
    .optional(),
  /**
   * Bytes that a load needs while it goes on, beside what it keeps, for each byte of the file. Loads are made at the same time
   * only where there is room for that, too. Default 0; 1 for onnxruntime, which reads a file whole before it copies it.
   */
  loadBytesPerFileByte: z.number().min(0).default(0),
  /** What memory and loading cost, in any currency, for `costPer1000`. */
  price: cachePrice.optional(),
})

/** A cache's plain-value options, and what it uses where they are left out. */
export type CacheSettings = z.input<typeof settings>
export type SettledSettings = z.output<typeof settings>

/** @throws BadConfiguration naming the option that is wrong */
export function settle(options: CacheSettings): SettledSettings {
  return readOptions(settings, options, 'modelCache()')
}
