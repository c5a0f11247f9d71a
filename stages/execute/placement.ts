import type { ModelSource } from '../manage/index.ts'

/** An executor that is idle now, as a placement sees it. */
export interface Candidate {
  readonly id: string
  /** Whether it holds the model with this key. */
  holds(key: string): boolean
  /** How many models it holds. */
  readonly models: number
}

/**
 * Chooses an executor for a run among those that are idle now (at least one). Undefined leaves the run in the queue
 * until another executor is idle; work behind it may go first.
 */
export type Placement = (model: ModelSource, idle: readonly Candidate[]) => Candidate | undefined

/** One that holds the model; else the one that holds the fewest, which then loads it. */
export const residencyFirst: Placement = (model, idle) =>
  idle.find((candidate) => candidate.holds(model.key)) ??
  idle.reduce((fewest, candidate) => (candidate.models < fewest.models ? candidate : fewest))
