/**
 * Intra-op threads of each executor: what was asked for, and no more than an even share of the cores, since sessions
 * whose threads exceed the cores together slow each other down (three sessions with a thread a core: half the rate).
 *
 * @param cores of the machine; undefined where that is not known
 */
export function partition(executors: number, threads = 1, cores = Number.POSITIVE_INFINITY): number {
  return Math.max(1, Math.min(threads, Math.floor(cores / executors)))
}
