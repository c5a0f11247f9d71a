import type { Profile } from './estimate/profile.ts'

/** A model that may be chosen. `mean` and `late` are set anew for each decision: nothing is allocated. */
export interface Arm {
  /** Its id alone, as a menu wants it. */
  readonly only: readonly string[]
  /** 0…1 */
  readonly accuracy: number
  readonly profile: Profile
  /** μ and μ + γσ at this decision, ms. */
  mean: number
  late: number
  /** The number of the decision that chose it last. */
  last: number
}

/** What a rule goes by. */
export interface RuleContext {
  /** Milliseconds the model may take. */
  readonly budget: number
  /** T_SLA: milliseconds from capture within which an answer is on time. */
  readonly deadline: number
  readonly threshold: number
  readonly band: number
  readonly random: () => number
}

/** The names of the rules. */
export type SelectRule =
  | 'mdinference'
  | 'modipick'
  | 'static-greedy'
  | 'static-latency'
  | 'static-accuracy'
  | 'random'
  | 'related-random'

/** Chooses one of the models, at least one of which there is. */
type Rule = (arms: readonly Arm[], context: RuleContext) => Arm

/** Nearer than so many milliseconds to T_L all models are equally near: ModiPick divides by the distance. */
const nearest = 1

/** A model's weight in a draw. */
type Weight = (arm: Arm) => number

/** The rules that draw lots, and with which weights; undefined where nothing is drawn. */
const lots: Partial<Record<SelectRule, (arms: readonly Arm[], context: RuleContext) => Weight | undefined>> = {
  modipick: (arms, { budget, threshold, band }) => {
    const lower = budget - threshold
    const base = modiPickBase(arms, budget, lower)
    if (base === undefined) return undefined
    const around = base.mean
    return (arm) =>
      Math.abs(arm.mean - around) > band * around
        ? 0
        : (arm.accuracy * Math.max(0, budget - arm.late)) / Math.max(Math.abs(lower - arm.mean), nearest)
  },
  random: () => () => 1,
  'related-random':
    (_arms, { budget }) =>
    (arm) =>
      arm.late < budget ? 1 : 0,
}

/** The rules of MDInference and ModiPick, and the baselines of both papers. */
export const selectRules: Readonly<Record<SelectRule, Rule>> = {
  /** The most accurate with μ + γσ < budget; where there is none, the fastest. */
  mdinference: (arms, { budget }) => mostAccurate(arms, budget) ?? fastest(arms),
  /** Three stages: a base within both limits, its neighbourhood, a draw by utility. */
  modipick: (arms, context) =>
    drawn('modipick', arms, context) ??
    modiPickBase(arms, context.budget, context.budget - context.threshold) ??
    fastest(arms),
  /** The most accurate whose mean alone is below T_SLA: it knows of no network. */
  'static-greedy': (arms, { deadline }) => {
    let best: Arm | undefined
    for (const arm of arms) if (arm.mean < deadline && (best === undefined || better(arm, best))) best = arm
    return best ?? fastest(arms)
  },
  /** Always the fastest. */
  'static-latency': (arms) => fastest(arms),
  /** Always the most accurate. */
  'static-accuracy': (arms) => mostAccurate(arms, Number.POSITIVE_INFINITY) ?? fastest(arms),
  /** Any. */
  random: (arms, context) => drawn('random', arms, context) ?? fastest(arms),
  /** Any of those with μ + γσ < budget. */
  'related-random': (arms, context) => drawn('related-random', arms, context) ?? fastest(arms),
}

/** With which chance a rule chooses each of the models, of which it chose one: 1 and 0 where it draws no lots. */
export function propensities(rule: SelectRule, arms: readonly Arm[], context: RuleContext, chosen: Arm): number[] {
  const weight = lots[rule]?.(arms, context)
  const weights = weight ? arms.map(weight) : []
  const total = weights.reduce((sum, one) => sum + one, 0)
  return total > 0 ? weights.map((one) => one / total) : arms.map((arm) => (arm === chosen ? 1 : 0))
}

/** ModiPick's first stage: the most accurate within both limits. */
function modiPickBase(arms: readonly Arm[], budget: number, lower: number): Arm | undefined {
  let base: Arm | undefined
  for (const arm of arms) {
    if (arm.late < budget && arm.mean < lower && (base === undefined || better(arm, base))) base = arm
  }
  return base
}

function mostAccurate(arms: readonly Arm[], budget: number): Arm | undefined {
  let best: Arm | undefined
  for (const arm of arms) if (arm.late < budget && (best === undefined || better(arm, best))) best = arm
  return best
}

/** More accurate, or as accurate and faster. */
function better(one: Arm, other: Arm): boolean {
  return one.accuracy > other.accuracy || (one.accuracy === other.accuracy && one.mean < other.mean)
}

function fastest(arms: readonly Arm[]): Arm {
  let best = arms[0] as Arm
  for (const arm of arms) if (arm.mean < best.mean) best = arm
  return best
}

/** One by lot, each with its weight; undefined when nothing is drawn, or all weigh nothing. */
function drawn(rule: SelectRule, arms: readonly Arm[], context: RuleContext): Arm | undefined {
  const weight = lots[rule]?.(arms, context)
  if (!weight) return undefined
  let total = 0
  for (const arm of arms) total += weight(arm)
  if (!(total > 0)) return undefined
  let left = context.random() * total
  let last: Arm | undefined
  for (const arm of arms) {
    const own = weight(arm)
    if (own === 0) continue
    last = arm
    left -= own
    if (left < 0) return arm
  }
  return last
}
