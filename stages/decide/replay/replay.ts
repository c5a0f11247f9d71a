import type { Decider, Plan } from '../../../pipeline/index.ts'
import type { Models } from '../../manage/index.ts'
import type { LogEntry, LoggedDecision, LoggedOutcome } from '../log/index.ts'
import { chosenIn } from './chance.ts'
import { Replayed, type ReplayedPolicy } from './policy.ts'
import { ReplayedWorld } from './world.ts'

export interface ReplayOptions {
  /** Whose decisions are replayed, where several deciders wrote the log: the `by` of its entries. */
  readonly by?: string
  /**
   * What policies that choose models need; gives the accuracies, too. Without, an answer's score stands for its accuracy;
   * where there is no score either, accuracy is unknown.
   */
  readonly models?: Models
  /** Draws the resamples of the intervals. Default Math.random. */
  readonly random?: () => number
}

/** What a replay found. */
export interface ReplayReport {
  readonly by: string | undefined
  /** Decisions replayed; those whose outcome is not in the log; outcomes whose decision is not. */
  readonly decisions: number
  readonly unanswered: number
  /** Backups, which nobody decides about, are not among these. */
  readonly undecided: number
  readonly policies: readonly ReplayedPolicy[]
}

/** Messages that may wait for their outcomes: as many as a pipeline can have under way. */
const mostWaiting = 65_536

/**
 * Replays a decision log, in the order of time, to policies that were not asked then: each is asked about every
 * decision, and hears every outcome there was; never what would have come of its own choice. Takes entries one by one;
 * memory does not grow with the log.
 */
export class Replay {
  readonly #policies: readonly Replayed[]
  readonly #options: ReplayOptions
  readonly #world = new ReplayedWorld()
  /** By id, in the order of their attempts. */
  readonly #waiting = new Map<string, Waiting[]>()
  #by: string | undefined
  #decisions = 0
  #unanswered = 0
  #undecided = 0

  constructor(policies: readonly Decider[], options: ReplayOptions = {}) {
    this.#options = options
    this.#by = options.by
    this.#policies = policies.map((decider) => new Replayed(decider))
  }

  /** Takes the next entry. @throws BadConfiguration a policy cannot work with what there is */
  take(entry: LogEntry): void {
    if (entry.type === 'lost') return
    this.#by ??= entry.by
    if (entry.by !== this.#by) return
    if (entry.type === 'decision') this.#decide(entry)
    else this.#observe(entry)
  }

  report(): ReplayReport {
    const { random = Math.random } = this.#options
    return {
      by: this.#by,
      decisions: this.#decisions,
      unanswered: this.#unanswered + [...this.#waiting.values()].reduce((sum, { length }) => sum + length, 0),
      undecided: this.#undecided,
      policies: this.#policies.map((policy) => policy.report(random)),
    }
  }

  #decide(decision: LoggedDecision): void {
    if (this.#decisions++ === 0) {
      for (const { decider } of this.#policies) decider.open?.({ side: decision.side, models: this.#options.models })
    }
    const world = this.#world.at(decision.now, decision.world)
    const choices = this.#policies.map((policy) => policy.decide(decision, world))
    const waiting = this.#waiting.get(decision.id)
    if (waiting) waiting.push({ decision, choices })
    else {
      if (this.#waiting.size >= mostWaiting) this.#forgetOldest()
      this.#waiting.set(decision.id, [{ decision, choices }])
    }
  }

  #observe(outcome: LoggedOutcome): void {
    const waiting = outcome.backup ? undefined : this.#decisionOf(outcome)
    if (waiting) {
      const { decision, choices } = waiting
      const logged = chosenIn(decision, outcome.plan)
      const rewards = this.#rewards(decision, outcome)
      this.#policies.forEach((policy, i) => {
        const choice = choices[i]
        if (choice) policy.evaluate(choice, logged, decision, rewards)
      })
    } else if (!outcome.backup) this.#undecided++
    const world = this.#world.at(outcome.now, {})
    for (const policy of this.#policies) policy.observe(outcome, world)
  }

  /** The last decision before it ended: a boundary may have sent it again under a higher number. */
  #decisionOf({ id, attempt }: LoggedOutcome): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    const at = waiting?.findLastIndex(({ decision }) => decision.attempt <= attempt) ?? -1
    if (!waiting || at < 0) return undefined
    const [found] = waiting.splice(at, 1)
    if (waiting.length === 0) this.#waiting.delete(id)
    return found
  }

  #forgetOldest(): void {
    for (const [id, { length }] of this.#waiting) {
      this.#waiting.delete(id)
      this.#unanswered += length
      return
    }
  }

  /** In the order of `metrics`. */
  #rewards({ deadline }: LoggedDecision, outcome: LoggedOutcome): Float64Array {
    const answered = outcome.kind === 'message'
    const inTime = answered && outcome.settled && outcome.onTime
    // One that failed at once was not quick: nobody had an answer before the deadline.
    const never = Number.isFinite(deadline) ? deadline : 0
    return Float64Array.of(
      inTime ? 1 : 0,
      answered ? outcome.latency : Math.max(outcome.latency, never),
      inTime ? this.#accuracy(outcome) : 0,
      outcome.crossing?.bytes ?? 0,
    )
  }

  #accuracy({ plan: { model }, score = Number.NaN }: LoggedOutcome): number {
    const { models } = this.#options
    return models && model !== undefined && models.ids.includes(model) ? models.entry(model).accuracy : score
  }
}

interface Waiting {
  readonly decision: LoggedDecision
  /** By policy; undefined where it threw. */
  readonly choices: readonly (Plan | undefined)[]
}

/** Replays a whole log, read in batches. */
export async function replay(
  log: AsyncIterable<readonly LogEntry[]> | Iterable<readonly LogEntry[]>,
  policies: readonly Decider[],
  options: ReplayOptions = {},
): Promise<ReplayReport> {
  const running = new Replay(policies, options)
  for await (const batch of log) for (const entry of batch) running.take(entry)
  return running.report()
}
