import type { EvictionPolicy } from './policy.ts'

/** Least recently used goes first. */
export function lru(): EvictionPolicy {
  return { name: 'lru', worth: (use) => use.lastUsed }
}
