import type { Calibration } from '../estimate/calibration.ts'
import type { Appraisal } from './appraisal.ts'
import type { Forecast } from './forecast.ts'
import type { Paths } from './paths.ts'

/** A first try whose answer is taken from a score on; else a better model is asked with the time that is left. */
export interface Cascade {
  readonly arm: number
  readonly accept: number
  readonly utility: number
}

/** Scores from which an answer may be taken. */
const thresholds = [0.5, 0.6, 0.7, 0.8, 0.9] as const
/** Answers seen of a model before what its scores say is used. */
const known = 20
/** Second tries that are looked at. */
const seconds = 4

/**
 * The best cascade, if one is worth more than `utility`: with q the share of scores at or above the threshold,
 * U = U₁ + (1 − q)·(gain of asking on), gain = P₁·[P₂(D − t₁)·A₂ − A₁(rejected)]·P₂ … − its costs, and the accepted ones
 * as right as their scores say. The answer that was not accepted stands in where the second comes too late.
 */
export function bestCascade(
  paths: Paths,
  forecast: Forecast,
  appraisal: Appraisal,
  left: number,
  utility: number,
  calibration: (model: string) => Calibration | undefined,
): Cascade | undefined {
  const firsts = quickest(paths, forecast, appraisal)
  const next = largest(appraisal)
  let found: Cascade | undefined
  let most = utility
  for (const arm of firsts) {
    const p = appraisal.path(arm)
    const scores = calibration((paths.models[paths.model[p] as number] as { id: string }).id)
    if (!scores || scores.count < known) continue
    const [p1, a1, t1] = [forecast.chance[p], forecast.accuracy[p], forecast.time[p]] as [number, number, number]
    const cost1 = p1 * a1 - (appraisal.utility[arm] as number)
    for (const accept of thresholds) {
      const { share, accepted, rejected } = scores.at(accept)
      if (share <= 0 || share >= 1) continue
      for (const second of next) {
        const s = appraisal.path(second)
        const a2 = forecast.accuracy[s] as number
        if (paths.model[s] === paths.model[p] || a2 <= rejected) continue
        const p2 = forecast.within(s, left - t1)
        const cost2 = (forecast.chance[s] as number) * a2 - (appraisal.utility[s * appraisal.backups] as number)
        const own = p1 * share * accepted
        const on = (1 - share) * (p2 * a2 + (1 - p2) * p1 * rejected)
        const value = own + on - cost1 - (1 - share) * cost2
        if (value > most) {
          most = value
          found = { arm, accept, utility: value }
        }
      }
    }
  }
  return found
}

/** By model, the arm without a backup that answers soonest. */
function quickest(paths: Paths, forecast: Forecast, { feasible, backups }: Appraisal): number[] {
  const soonest = new Map<number, number>()
  for (let p = 0; p < paths.count; p++) {
    const model = paths.model[p] as number
    if (model < 0 || feasible[p * backups] !== 1) continue
    const before = soonest.get(model)
    if (before === undefined || (forecast.time[p] as number) < (forecast.time[before] as number)) soonest.set(model, p)
  }
  return [...soonest.values()].map((p) => p * backups)
}

/** The arms without a backup of the most utility. */
function largest({ feasible, utility, count, backups }: Appraisal): number[] {
  const top: number[] = []
  for (let arm = 0; arm < count; arm += backups) {
    if (feasible[arm] !== 1) continue
    let at = top.length
    while (at > 0 && (utility[arm] as number) > (utility[top[at - 1] as number] as number)) at--
    if (at < seconds) top.splice(at, 0, arm)
    if (top.length > seconds) top.length = seconds
  }
  return top
}
