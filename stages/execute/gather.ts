import type { ModelState } from './model-state.ts'
import type { BatchOptions } from './options.ts'
import { stackable } from './stack.ts'
import type { Work } from './work.ts'

/** Work that goes together, or until when it is better to wait for more. */
export type Gathered = { readonly works: readonly Work[]; readonly until?: number }

export interface GatherOptions {
  readonly batch: BatchOptions | undefined
  readonly now: number
  /** Milliseconds until the executor can begin. */
  readonly delay: number
  /** It would wait in an executor, behind a run. */
  readonly ahead: boolean
  /** Executors that could take a share of the model's waiting work now. */
  readonly sharers: number
}

/**
 * The work that is made together with the most urgent of a model: as much as waits and fits, bounded by the batch that
 * pays (`RunTimes.worthwhile`), by an even share among free executors, and by the tightest deadline, which is the first
 * one's: more urgent ones of other owners are taken along only where all of it is over in time for them. Where a batch is not full it waits for company, while every deadline
 * in it allows.
 */
export function gather(first: Work, waiting: Iterable<Work>, state: ModelState, options: GatherOptions): Gathered {
  const { batch, now, delay, sharers, ahead } = options
  if (batch === undefined || batch.size === 1 || state.batches !== true || first.rows === undefined || first.alone) {
    return { works: [first] }
  }
  const { times } = state
  const aim = times.worthwhile(batch.size)
  const inTime = largestInTime(aim, (n) => times.p99(n), (first.expires ?? Infinity) - now - delay)
  const share = Math.max(first.rows, Math.ceil(state.waiting / Math.max(1, sharers)))
  const limit = Math.min(inTime, share)
  const works = [first]
  let rows = first.rows
  for (const each of waiting) {
    if (rows >= limit) break
    if (each === first || each.alone) continue
    if (each.rows === undefined || rows + each.rows > limit || !together(first, each)) continue
    if ((times.p99(limit) ?? 0) > (each.expires ?? Infinity) - now - delay) continue
    works.push(each)
    rows += each.rows
  }
  // Whoever waits here can still grow, at no cost while the executor is busy; in the executor no longer.
  if (ahead && rows < inTime / 2) return { works, until: Infinity }
  if (batch.wait > 0 && rows < inTime) {
    const until = Math.min(oldest(works) + batch.wait, (first.expires ?? Infinity) - (times.p99(aim) ?? 0) - delay)
    if (until > now) return { works, until }
  }
  return { works }
}

/** The largest batch that 99 of 100 times is over within `left` ms; 1 where none is, or nothing is known. */
function largestInTime(most: number, takes: (n: number) => number | undefined, left: number): number {
  let n = most
  while (n > 1 && (takes(n) ?? 0) > left) n -= 1
  return n
}

function oldest(works: readonly Work[]): number {
  return works.reduce((earliest, { arrived }) => Math.min(earliest, arrived), Infinity)
}

function together(one: Work, other: Work): boolean {
  const [some, others] = [one.options.outputs, other.options.outputs]
  const same = some === others || (some?.length === others?.length && some?.every((name, at) => name === others?.[at]))
  return same === true && stackable(one.inputs, other.inputs)
}
