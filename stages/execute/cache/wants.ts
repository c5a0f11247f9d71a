import type { ModelSource } from '../../manage/index.ts'

/** A load that somebody wants. */
export interface Want {
  readonly model: ModelSource
  /** Since when, and by when it is wanted: the most urgent goes first. On the cache's clock. */
  readonly since: number
  readonly until: number
  /** Where it will do; anywhere without. */
  readonly executors?: ReadonlySet<string> | undefined
  /**
   * What it would save, in ms of load for each ms. Where it is given, only what saves less goes for it, and it comes
   * after all that are without.
   */
  readonly gain?: number
  /** It is kept on as a wish although it cannot be met now. */
  readonly lasting?: boolean
  /** It cannot be met. */
  declined(error: Error): void
}

/** What comes first: those somebody waits for, the most urgent first; then what gains most. */
export function byUrgency(a: Want, b: Want): number {
  if (a.gain === undefined || b.gain === undefined) {
    if (a.gain !== b.gain) return a.gain === undefined ? -1 : 1
    return a.until - b.until
  }
  return b.gain - a.gain
}
