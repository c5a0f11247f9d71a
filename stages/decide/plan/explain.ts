import type { Backup, Explanation, Plan, Weighed } from '../../../pipeline/index.ts'
import type { Appraisal } from './appraisal.ts'
import type { Forecast } from './forecast.ts'
import type { Paths } from './paths.ts'

/** Arms that are told of, besides those that could have been chosen. */
const told = 12

interface Weighing {
  readonly paths: Paths
  readonly forecast: Forecast
  readonly appraisal: Appraisal
  /** The arm chosen unless another was tried. */
  readonly main: number
  readonly tried: number | undefined
  /** The chance with which it was to be tried. */
  readonly chance: number
  readonly chosen: number
  /** The score from which the main arm's answer is taken. */
  readonly accept: number | undefined
}

/** The arms of most utility and those that could have been chosen, each with what was expected of it. */
export function explained(weighing: Weighing): Explanation {
  const { paths, appraisal, main, tried, chance, chosen, accept } = weighing
  const arms = new Set([main, ...(tried === undefined ? [] : [tried])])
  for (const arm of top(appraisal)) arms.add(arm)
  const weighed = [...arms].map((arm): Weighed => {
    const propensity = arm === tried ? chance : arm === main ? 1 - chance : 0
    const own = weighing.forecast
    const path = appraisal.path(arm)
    const plan = planOf(paths, appraisal, arm)
    return {
      choice: arm === main && accept !== undefined ? { ...plan, accept } : plan,
      ms: own.time[path] as number,
      onTime: appraisal.onTime(arm),
      accuracy: own.accuracy[path] as number,
      bytes: own.bytes[path] as number,
      energy: appraisal.energy[arm] as number,
      money: appraisal.money[path] as number,
      utility: appraisal.utility[arm] as number,
      propensity,
    }
  })
  const why =
    chosen === tried && chosen !== main
      ? 'try'
      : appraisal.kept === 0
        ? 'nothing within the limits: the least outside'
        : accept === undefined
          ? undefined
          : 'cascade'
  return { decider: 'plan', weighed, chosen: [...arms].indexOf(chosen), ...(why === undefined ? {} : { why }) }
}

/** An arm as a plan. */
export function planOf(paths: Paths, appraisal: Appraisal, arm: number): Plan {
  const backupAfter = appraisal.startOf(arm)
  return {
    ...paths.planOf(appraisal.path(arm)),
    backup: paths.backups[appraisal.backup(arm)] as Backup,
    ...(backupAfter === undefined ? {} : { backupAfter }),
  }
}

function top({ utility, count }: Appraisal): number[] {
  const arms: number[] = []
  for (let arm = 0; arm < count; arm++) {
    const own = utility[arm] as number
    if (own === Number.NEGATIVE_INFINITY) continue
    let at = arms.length
    while (at > 0 && own > (utility[arms[at - 1] as number] as number)) at--
    if (at >= told) continue
    arms.splice(at, 0, arm)
    if (arms.length > told) arms.pop()
  }
  return arms
}
