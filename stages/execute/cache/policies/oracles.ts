import type { ModelUse } from '../use.ts'
import type { EvictionPolicy } from './policy.ts'

/** When a model is asked for next, ms; Infinity for never. Known to replays alone. */
export type Future = (key: string, now: number) => number

/** Belady: what is asked for latest goes first. The optimum where models are equal in size and cost. */
export function belady(next: Future): EvictionPolicy {
  return { name: 'belady', worth: (use, now) => -next(use.key, now) }
}

/** Belady for unlike models: C/S ÷ time until the next request. A feasible oracle, not a bound: that is NP-hard. */
export function costBelady(next: Future): EvictionPolicy {
  const worth = (use: ModelUse, now: number) => use.loadMs / use.bytes / Math.max(next(use.key, now) - now, 1e-9)
  return { name: 'cost-belady', worth }
}
