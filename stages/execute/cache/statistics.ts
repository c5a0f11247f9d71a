import type { RefusalReason } from './refused.ts'
import type { CopyState } from './residents.ts'

/** One copy of a model on an executor. */
export interface CopyStatistics {
  readonly model: string
  readonly key: string
  readonly executor: string
  readonly state: CopyState
  readonly bytes: number
  readonly leases: number
}

/** Figures of a cache since its start. Ratios are undefined before there is anything to divide. */
export interface CacheStatistics {
  /** Bytes that may be used, and are: loaded, being loaded (as predicted) or not yet unloaded. */
  readonly budget: number
  readonly usedBytes: number
  /** Bytes that executors need beside their models, as measured: so much less of the budget is for models. */
  readonly overheadBytes: number
  /** Requests whose lease has not come yet. */
  readonly waiting: number
  readonly copies: readonly CopyStatistics[]
  /** Lease requests = hits + cold + refused + failed + given up + waiting. */
  readonly requests: number
  readonly hits: number
  /** Leases that came after a load. */
  readonly cold: number
  readonly refused: Readonly<Partial<Record<RefusalReason, number>>>
  /** Requests whose load failed everywhere, or whose time was over. */
  readonly failed: number
  /** Requests taken back by their signal, or ended by `close`. */
  readonly givenUp: number
  readonly loads: number
  readonly loadFailures: number
  readonly evictions: number
  /** hits ÷ (hits + cold), by requests and by bytes of the models asked for. */
  readonly hitRatio: number | undefined
  readonly byteHitRatio: number | undefined
  /** Σ wait for loads ÷ Σ (that wait + time leased). */
  readonly coldLatencyShare: number | undefined
  /** Share of loads that bring back a model evicted at most 60 s before. */
  readonly reloadWithin60s: number | undefined
  /** Cold requests for each load. */
  readonly coalescing: number | undefined
  /** Mean of |predicted − measured| ÷ measured bytes. */
  readonly sizeError: number | undefined
  /** Milliseconds since its last use at which a copy went for room: median and 95th percentile of the last 256. */
  readonly ageAtEviction: { readonly p50: number; readonly p95: number } | undefined
  /** 10⁹ bytes held for a second. */
  readonly gigabyteSeconds: number
  /** By the prices given: memory held, and executor time spent on loading, for 1,000 leases. */
  readonly costPer1000: number | undefined
}
