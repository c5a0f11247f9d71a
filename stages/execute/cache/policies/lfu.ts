import type { EvictionPolicy } from './policy.ts'

/** Least often asked for goes first, counted from the start; of equal ones the one asked for longer ago. */
export function lfu(): EvictionPolicy {
  // Below 1 for any time that fits a day in microseconds: it only breaks ties.
  return { name: 'lfu', worth: (use, now) => use.requests + 1 / (2 + Math.max(0, now - use.lastUsed)) }
}
