import { type Decider, type Plan, World } from '../../../pipeline/index.ts'
import type { Models } from '../../manage/index.ts'
import { type ChoiceField, choiceFields, choiceOf, compatible } from '../choices.ts'
import type { LogEntry, LoggedDecision, LoggedOutcome, LoggedWorld } from '../log/index.ts'
import { chanceOf, chosenIn, untold } from './chance.ts'
import { type Estimates, Estimators, featuresOf, type Metric } from './estimate.ts'
import { features } from './reward.ts'

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

/** What a policy chose, in which fields, how often, and how often the log had done the same. */
export interface ReplayedArm {
  readonly choice: Plan
  readonly decisions: number
  readonly agreed: number
}

/** What a policy would have done, and what would have come of it. */
export interface ReplayedPolicy {
  readonly name: string
  /** Decisions whose outcome is known, and in how many of them it chose as the log did. */
  readonly decisions: number
  readonly agreed: number
  /** Decisions and outcomes that it threw at. */
  readonly faults: number
  /** What it threw last. */
  readonly error: unknown
  /** The most frequent ones first. */
  readonly arms: readonly ReplayedArm[]
  /** Share of decisions in which the log could not have chosen as it did; and in which the log does not say. */
  readonly unsupported: number
  readonly untold: number
  /** Of how many decisions of its own the weighted ones are worth; and the largest weight. */
  readonly effective: number
  readonly heaviest: number
  /** Why nothing is estimated by weights: for people. */
  readonly refused: string | undefined
  readonly metrics: Readonly<Record<Metric, Estimates>>
}

/** What a replay found. */
export interface ReplayReport {
  readonly by: string | undefined
  /** Decisions replayed; those whose outcome is not in the log; outcomes whose decision is not. */
  readonly decisions: number
  readonly unanswered: number
  readonly undecided: number
  readonly policies: readonly ReplayedPolicy[]
}

/** Decisions that may wait for their outcome: as many as a pipeline can have under way. */
const mostWaiting = 65_536
/** Share of decisions without support up to which weights are believed: that much a rate may be off. */
const tolerated = 0.01
/** Effective decisions below which nothing is said. */
const fewest = 20
/** Arms listed of each policy. */
const mostArms = 256

/**
 * Replays a decision log, in the order of time, to policies that were not asked then: each is asked about every
 * decision, and hears every outcome there was; never what would have come of its own choice. Takes entries one by one;
 * memory does not grow with the log.
 */
export class Replay {
  readonly #policies: readonly Replayed[]
  readonly #options: ReplayOptions
  readonly #world = new ReplayedWorld()
  readonly #waiting = new Map<string, Waiting>()
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
      unanswered: this.#unanswered + this.#waiting.size,
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
    if (this.#waiting.size >= mostWaiting) {
      const [oldest] = this.#waiting.keys()
      if (oldest !== undefined) this.#waiting.delete(oldest)
      this.#unanswered++
    }
    this.#waiting.set(keyOf(decision), { decision, choices })
  }

  #observe(outcome: LoggedOutcome): void {
    const key = keyOf(outcome)
    const waiting = this.#waiting.get(key)
    this.#waiting.delete(key)
    if (waiting) {
      const { decision, choices } = waiting
      const logged = chosenIn(decision, outcome.plan)
      const rewards = this.#rewards(decision, outcome)
      this.#policies.forEach((policy, i) => {
        const choice = choices[i]
        if (choice) policy.evaluate(choice, logged, decision, rewards)
      })
    } else this.#undecided++
    const world = this.#world.at(outcome.now, {})
    for (const policy of this.#policies) policy.observe(outcome, world)
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

const keyOf = ({ id, attempt }: { readonly id: string; readonly attempt: number }) => `${attempt} ${id}`

/** One policy and its account. */
class Replayed {
  readonly decider: Decider
  readonly #estimators = new Estimators()
  readonly #arms = new Map<string, { choice: Plan; decisions: number; agreed: number }>()
  readonly #x = new Float64Array(features)
  #unsupported = 0
  #untold = 0
  #faults = 0
  #error: unknown

  constructor(decider: Decider) {
    this.decider = decider
  }

  decide(decision: LoggedDecision, world: World): Plan | undefined {
    try {
      return choiceOf(decision.menu, this.decider.decide(decision, world, decision.menu))
    } catch (error) {
      this.#fault(error)
      return undefined
    }
  }

  observe(outcome: LoggedOutcome, world: World): void {
    try {
      this.decider.observe?.(outcome, world)
    } catch (error) {
      this.#fault(error)
    }
  }

  evaluate(choice: Plan, logged: Plan, decision: LoggedDecision, rewards: Float64Array): void {
    const agreed = compatible(choice, logged)
    const chance = chanceOf(choice, decision)
    if (chance === untold) this.#untold++
    else if (chance === 0) this.#unsupported++
    const own = armOf(choice, choice)
    this.#estimators.add({
      agreed,
      chance,
      own,
      logged: armOf(logged, choice),
      x: featuresOf(decision.bytes, decision.world.link?.value.uplink, this.#x),
      rewards,
    })
    let arm = this.#arms.get(own)
    if (!arm && this.#arms.size < mostArms) {
      arm = { choice, decisions: 0, agreed: 0 }
      this.#arms.set(own, arm)
    }
    if (!arm) return
    arm.decisions++
    if (agreed) arm.agreed++
  }

  report(random: () => number): ReplayedPolicy {
    const { decisions, agreed, effective, heaviest } = this.#estimators.size
    const share = (count: number) => (decisions === 0 ? 0 : count / decisions)
    const [unsupported, unspoken] = [share(this.#unsupported), share(this.#untold)]
    const refused = refusal(decisions, unsupported, unspoken, effective)
    return {
      name: this.decider.name,
      decisions,
      agreed,
      faults: this.#faults,
      error: this.#error,
      arms: [...this.#arms.values()].sort((a, b) => b.decisions - a.decisions),
      unsupported,
      untold: unspoken,
      effective,
      heaviest,
      refused,
      metrics: this.#estimators.estimates(refused === undefined, random),
    }
  }

  #fault(error: unknown): void {
    this.#faults++
    this.#error = error
  }
}

function refusal(decisions: number, unsupported: number, unspoken: number, effective: number): string | undefined {
  const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`
  if (decisions === 0) return 'no decision with an outcome was replayed to it'
  if (unspoken > tolerated) {
    return `of ${percent(unspoken)} of the decisions the log does not say with which chance they were taken: log deciders that explain themselves`
  }
  if (unsupported > tolerated) {
    return `in ${percent(unsupported)} of the decisions the log could not have chosen as it does: log a decider that explores, such as explore(place())`
  }
  if (effective < fewest) {
    return `the log chose as it does too seldom, worth ${effective.toFixed(1)} decisions: log more of them, or explore more`
  }
  return undefined
}

/** The name of an arm: what a plan says in the fields that a choice names. */
function armOf(plan: Plan, choice: Plan): string {
  let arm = ''
  for (const [field] of choiceFields) if (choice[field] !== undefined) arm += `${plan[field as ChoiceField] ?? ''}|`
  return arm
}

/** The world as it was known then: facts are as old as they were. */
class ReplayedWorld {
  #now = 0
  readonly #world = new World({ now: () => this.#now, after: () => ({ cancel() {} }) })

  /** As it was at local time `now`, ms; what is not given stays. */
  at(now: number, facts: LoggedWorld): World {
    for (const field of Object.keys(facts) as (keyof LoggedWorld)[]) {
      const fact = facts[field]
      if (!fact) continue
      this.#now = now - fact.age
      this.#world.set(field, fact.value as never, fact.owner)
    }
    this.#now = now
    return this.#world
  }
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
