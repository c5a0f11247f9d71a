import type { Decider, Plan, World } from '../../../pipeline/index.ts'
import { type ChoiceField, choiceFields, choiceOf, compatible } from '../choices.ts'
import type { LoggedDecision, LoggedOutcome, LoggedProbe } from '../log/index.ts'
import { chanceOf, untold, untoldFields } from './chance.ts'
import { type Estimates, Estimators, featuresOf, type Metric } from './estimate.ts'
import { features } from './reward.ts'

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

/** Share of decisions without support up to which weights are believed: that much a rate may be off. */
const tolerated = 0.01
/** Effective decisions below which nothing is said. */
const fewest = 20
/** Arms listed of each policy. */
const mostArms = 256

/** One policy and its account. */
export class Replayed {
  readonly decider: Decider
  readonly #estimators = new Estimators()
  readonly #arms = new Map<string, { choice: Plan; decisions: number; agreed: number }>()
  readonly #x = new Float64Array(features)
  #unsupported = 0
  #untold = 0
  readonly #untoldFields = new Set<ChoiceField>()
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

  probed(probe: LoggedProbe, world: World): void {
    try {
      this.decider.probed?.(probe, world)
    } catch (error) {
      this.#fault(error)
    }
  }

  evaluate(choice: Plan, logged: Plan, decision: LoggedDecision, rewards: Float64Array): void {
    const agreed = compatible(choice, logged)
    const chance = chanceOf(choice, decision)
    if (chance === untold) this.#countUntold(choice, decision)
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
    const refused =
      unspoken > tolerated
        ? unspokenOf(unspoken, [...this.#untoldFields])
        : refusal(decisions, unsupported, agreed, effective)
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

  #countUntold(choice: Plan, decision: LoggedDecision): void {
    this.#untold++
    for (const field of untoldFields(choice, decision)) this.#untoldFields.add(field)
  }

  #fault(error: unknown): void {
    this.#faults++
    this.#error = error
  }
}

const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`

function unspokenOf(share: number, fields: readonly ChoiceField[]): string {
  return `in ${percent(share)} of the decisions the log does not say with which chance it would have chosen this ${fields.join(' and ')}: log deciders that choose ${fields.length === 1 ? 'it' : 'these'}, too, and explain themselves`
}

function refusal(decisions: number, unsupported: number, agreed: number, effective: number): string | undefined {
  if (decisions === 0) return 'no decision with an outcome was replayed to it'
  if (unsupported > tolerated) {
    return `in ${percent(unsupported)} of the decisions the log could not have chosen as it does: log a decider that explores, such as explore(place())`
  }
  if (effective < fewest) {
    return `the log chose as it does too seldom: in ${agreed} decisions, by their uneven weights worth ${effective.toFixed(1)}: log more of them, or explore more`
  }
  return undefined
}

/** The name of an arm: what a plan says in the fields that a choice names. */
function armOf(plan: Plan, choice: Plan): string {
  let arm = ''
  for (const [field] of choiceFields) if (choice[field] !== undefined) arm += `${plan[field] ?? ''}|`
  return arm
}
