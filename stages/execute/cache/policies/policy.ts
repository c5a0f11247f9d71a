import type { ModelUse } from '../use.ts'

/**
 * Which model goes first when room is needed. Pure but for what it remembers between its own calls; time is passed in.
 * One instance belongs to one cache.
 */
export interface EvictionPolicy {
  readonly name: string
  /** Whether `worth` is an amount (ms of load saved for each ms and byte), so that victims' losses add up. Default: an order alone. */
  readonly additive?: boolean
  /** What keeping the model loaded is worth for each of its bytes; the lowest goes first. */
  worth(use: ModelUse, now: number): number
  /** Told of each request, after it was counted, whether it hit or not. */
  used?(use: ModelUse, now: number): void
  /** Told of each model that goes to make room. */
  evicted?(use: ModelUse, now: number): void
}
