import { expectedWait, type ModelUse } from '../use.ts'
import type { EvictionPolicy } from './policy.ts'

/**
 * Load time saved for each byte and millisecond, (C/S) ÷ max(smoothed time between requests, age). Unlike
 * counts it forgets, and unlike recency it knows cost, size and how often a model is asked for.
 */
export function ageing(): EvictionPolicy {
  return { name: 'ageing', worth: (use, now) => savedPerMs(use, now) / use.bytes }
}

/** Milliseconds of load that keeping the model is expected to save in each millisecond. */
export function savedPerMs(use: ModelUse, now: number): number {
  return use.loadMs / expectedWait(use, now)
}

/** The same of a model that is not loaded: one that was asked for once is not expected again. */
export function gainPerMs(use: ModelUse, now: number): number {
  return use.interArrival === undefined ? 0 : savedPerMs(use, now)
}
