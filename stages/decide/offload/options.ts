import { z } from 'zod'
import type { Models } from '../../manage/index.ts'

const ms = z.number().min(0)

/** The plain options of `offload()`, their defaults and bounds. */
export const offloadSettings = z.strictObject({
  /** The share of the time left that is planned with. Default 0.8. */
  safety: z.number().gt(0).max(1).default(0.8),
  /** Milliseconds kept back before that. Default 50. */
  margin: ms.default(50),
  /** The quantile of its observations that an endpoint is expected to take. Default 0.9. */
  quantile: z.number().gt(0).lt(1).default(0.9),
  /** Milliseconds for which a remote that failed or timed out is not asked again. Default 10,000. */
  coldFor: ms.default(10_000),
  /** The least accuracy of an answer, 0…1. Default 0. */
  minAccuracy: z.number().min(0).max(1).default(0),
  /**
   * A model on this side as backup of a remote one, of those on the menu. `proactive` (default): it starts so that it
   * just ends within the budget; `at-budget`: when the budget has passed; `never`; `leave`: another decider sees to it.
   */
  backup: z.enum(['proactive', 'at-budget', 'never', 'leave']).default('proactive'),
  /** How the network is estimated: `ours` (default), per edge by regression; `published`, RTT + bytes ÷ bandwidth. */
  network: z.enum(['ours', 'published']).default('ours'),
  /**
   * A more accurate endpoint that looks too slow is tried again after so many decisions without it, if half of its
   * runs would fit. Default 200; Infinity never.
   */
  tryEvery: z.number().min(1).or(z.literal(Number.POSITIVE_INFINITY)).default(200),
  link: z
    .strictObject({
      /** Milliseconds after which what is known of an edge is stale. Default 5000. */
      staleAfter: z.number().positive().default(5000),
      /** Edges remembered per target. Default 32. */
      remember: z.number().int().min(1).default(32),
    })
    .prefault({}),
})

export type OffloadSettings = z.output<typeof offloadSettings>

export interface OffloadOptions extends z.input<typeof offloadSettings> {
  /** Default: the pipeline's. */
  readonly models?: Models
}

/** What was decided so far. */
export interface OffloadStatistics {
  /** Attempts that run on this side, and that cross the wire. */
  readonly local: number
  readonly remote: number
  /** Those among them that decide about a message again, after another attempt of it failed. */
  readonly redecided: number
  /** Those that no endpoint was expected to answer within the budget. */
  readonly late: number
  /** Remote models that would have been chosen had they been loaded, and did not have to be. */
  readonly loadsAvoided: number
}
