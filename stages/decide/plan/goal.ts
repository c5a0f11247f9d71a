import { pick, profiles } from '../pareto.ts'
import type { Appraisal } from './appraisal.ts'
import { limitNames, type Settings } from './options.ts'

/** The arm that the goal wants; −1 where there is none at all. Arms outside the limits only where no other is left. */
export function wanted(appraisal: Appraisal, settings: Settings): number {
  if (appraisal.kept === 0) return leastViolating(appraisal, settings.limits)
  const { goal } = settings
  if (goal === 'utility') return best(appraisal, appraisal.utility)
  if ('atLeast' in goal) return mostAccurate(appraisal, goal.atLeast)
  const weights = typeof goal.profile === 'string' ? profiles[goal.profile] : goal.profile
  const { feasible, count } = appraisal
  return pick(count, appraisal.columns(), weights, (arm) => feasible[arm] === 1)
}

/** The arms within the limits; all there are where none is within. */
export function open(appraisal: Appraisal): readonly number[] {
  const { feasible, utility, count, kept } = appraisal
  const arms: number[] = []
  for (let arm = 0; arm < count; arm++)
    if (kept === 0 ? (utility[arm] as number) > Number.NEGATIVE_INFINITY : feasible[arm] === 1) arms.push(arm)
  return arms
}

function best({ feasible, count }: Appraisal, value: Float64Array): number {
  let [chosen, most] = [-1, Number.NEGATIVE_INFINITY]
  for (let arm = 0; arm < count; arm++) {
    const own = value[arm] as number
    if (own > most && feasible[arm] === 1) {
      chosen = arm
      most = own
    }
  }
  return chosen
}

/** Of those on time with chance p, the one whose answers are the most often right, then the one of most utility. */
function mostAccurate(appraisal: Appraisal, p: number): number {
  const { feasible, count, utility } = appraisal
  let [chosen, most, surest, surestAt] = [-1, Number.NEGATIVE_INFINITY, -1, -1]
  for (let arm = 0; arm < count; arm++) {
    if (feasible[arm] !== 1) continue
    const on = appraisal.onTime(arm)
    if (on > surest || (on === surest && (utility[arm] as number) > (utility[surestAt] as number))) {
      surest = on
      surestAt = arm
    }
    if (on < p || on <= 0) continue
    const right = (appraisal.right[arm] as number) / on
    if (right > most || (right === most && (utility[arm] as number) > (utility[chosen] as number))) {
      chosen = arm
      most = right
    }
  }
  return chosen >= 0 ? chosen : surestAt
}

/** Breaks the most important limit the least, of those equal in that the next, and so on; then the most utility. */
function leastViolating(appraisal: Appraisal, limits: Settings['limits']): number {
  let chosen = -1
  for (let arm = 0; arm < appraisal.count; arm++) {
    if ((appraisal.utility[arm] as number) === Number.NEGATIVE_INFINITY) continue
    if (chosen < 0 || breaksLess(arm, chosen)) chosen = arm
  }
  return chosen

  function breaksLess(one: number, other: number): boolean {
    for (const name of limitNames) {
      const gap = appraisal.excess(one, name, limits) - appraisal.excess(other, name, limits)
      if (gap !== 0) return gap < 0
    }
    return (appraisal.utility[one] as number) > (appraisal.utility[other] as number)
  }
}
