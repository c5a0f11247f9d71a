import type { EvictionPolicy } from './policy.ts'

/**
 * GreedyDual-Size-Frequency: H = L + F·C/S with F the requests since it came into memory, C the load time, S the bytes, and L the
 * H of the last model that went. H is set at each request; what is not asked for falls behind as L rises.
 *
 * Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching Policy", HPL-98-69.
 */
export function gdsf(): EvictionPolicy {
  const heights = new Map<string, number>()
  let clock = 0
  return {
    name: 'gdsf',
    worth: (use) => heights.get(use.key) ?? clock,
    used(use) {
      heights.set(use.key, clock + (Math.max(1, use.requestsSinceEviction) * use.loadMs) / use.bytes)
    },
    evicted(use) {
      clock = Math.max(clock, heights.get(use.key) ?? clock)
      heights.delete(use.key)
    },
  }
}
