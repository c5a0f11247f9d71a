import type { ModelSource } from '../manage/index.ts'

/** An executor that is idle now, as a placement sees it. */
export interface Candidate {
  readonly id: string
  /** Whether it holds the model with this key. */
  holds(key: string): boolean
  /** How many models it holds, and the bytes they added to it. */
  readonly models: number
  readonly bytes: number
  /** Milliseconds it has worked of late, smoothed over the last minute or so. */
  readonly work: number
}

/**
 * Chooses an executor for a run among those that are idle now (at least one). Undefined leaves the run in the queue
 * until another executor is idle; work behind it may go first.
 */
export type Placement = (model: ModelSource, idle: readonly Candidate[]) => Candidate | undefined

/** One that holds the model; else the one that holds the fewest, which then loads it. */
export const residencyFirst: Placement = (model, idle) =>
  idle.find((candidate) => candidate.holds(model.key)) ?? least(idle, ({ models }) => models)

/** One that holds the model; else the one with the most room: whose models take the fewest bytes. */
export const mostRoom: Placement = (model, idle) =>
  idle.find((candidate) => candidate.holds(model.key)) ?? least(idle, ({ bytes }) => bytes)

/** The one that has worked the least of late; of equal ones, one that holds the model. */
export const leastLoaded: Placement = (model, idle) =>
  least(idle, (candidate) => candidate.work + (candidate.holds(model.key) ? 0 : Number.EPSILON))

/**
 * The better of two drawn at random among those that hold the model, or among all where none does: near to the least
 * loaded, without sending everything to the one that looks best (Mitzenmacher, "The Power of Two Choices", TPDS 2001).
 *
 * @param random in [0, 1)
 */
export function powerOfTwo(random: () => number = Math.random): Placement {
  return (model, idle) => {
    const holders = idle.filter((candidate) => candidate.holds(model.key))
    const among = holders.length > 0 ? holders : idle
    const first = Math.floor(random() * among.length)
    const second = (first + 1 + Math.floor(random() * (among.length - 1))) % among.length
    return least([among[first] as Candidate, among[second] as Candidate], ({ work }) => work)
  }
}

function least(candidates: readonly Candidate[], of: (candidate: Candidate) => number): Candidate | undefined {
  let best = candidates[0]
  for (const each of candidates) if (best === undefined || of(each) < of(best)) best = each
  return best
}
