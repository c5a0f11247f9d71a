import type { CatalogueEntry } from '../../manage/index.ts'
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
/** What is assumed of scores counts for less than what was seen: by so much it must be better, until so many answers were. */
const unproven = { worth: 0.05, answers: 20 }
/** Second tries that are looked at. */
const seconds = 4

/**
 * The best cascade, if one is worth more than `utility`. With q the share of scores at or above the threshold, C the costs
 * and P₂ the second's chance within the time that the first leaves:
 * U = P₁·q·A₁(accepted) − C₁ + (1 − q)·(P₂·A₂ + (1 − P₂)·P₁·A₁(rejected) − C₂), as an answer that was not accepted stands in
 * where the second comes too late.
 */
export function bestCascade(
  paths: Paths,
  forecast: Forecast,
  appraisal: Appraisal,
  left: number,
  utility: number,
  calibration: (model: CatalogueEntry) => Calibration,
): Cascade | undefined {
  const next = largest(appraisal)
  let found: Cascade | undefined
  let most = utility
  for (let model = 0; model < paths.models.length; model++) {
    const p = quickest(model, paths, forecast, appraisal)
    if (p < 0) continue
    const scores = calibration(paths.models[model] as CatalogueEntry)
    const doubt = unproven.worth * Math.max(0, 1 - scores.count / unproven.answers)
    const first = p * appraisal.backups
    const p1 = forecast.chance[p] as number
    const cost1 = doubt + p1 * (forecast.accuracy[p] as number) - (appraisal.utility[first] as number)
    for (const accept of thresholds) {
      const { share, accepted, rejected } = scores.at(accept)
      if (share <= 0 || share >= 1) continue
      for (const second of next) {
        const s = appraisal.path(second)
        const whole = forecast.accuracy[s] as number
        // What is easy is easy for both: of the messages left the better model is right less often than of all.
        const a2 = (whole - share * Math.max(accepted, whole)) / (1 - share)
        if (paths.model[s] === model || a2 <= rejected) continue
        // Not even if it were always in time.
        if (p1 * share * accepted - cost1 + (1 - share) * (a2 + p1 * rejected) <= most) continue
        const p2 = forecast.within(s, Math.log(Math.max(0, left - (forecast.time[p] as number))))
        const cost2 = (forecast.chance[s] as number) * whole - (appraisal.utility[second] as number)
        const taken = p1 * share * accepted - cost1
        const value = taken + (1 - share) * (p2 * a2 + (1 - p2) * p1 * rejected - cost2)
        if (value > most) {
          most = value
          found = { arm: first, accept, utility: value }
        }
      }
    }
  }
  return found
}

/** The path of a model that answers soonest on the device; −1 where none is within the limits. */
function quickest(model: number, paths: Paths, forecast: Forecast, { feasible, backups }: Appraisal): number {
  let [found, least] = [-1, Number.POSITIVE_INFINITY]
  for (const p of paths.answered[model] ?? []) {
    if (feasible[p * backups] !== 1) continue
    const time = forecast.time[p] as number
    if (time < least) {
      found = p
      least = time
    }
  }
  return found
}

/** The arms without a backup of the most utility. */
function largest({ feasible, utility, count, backups }: Appraisal): number[] {
  const top: number[] = []
  let floor = Number.NEGATIVE_INFINITY
  for (let arm = 0; arm < count; arm += backups) {
    const own = utility[arm] as number
    if (own <= floor || feasible[arm] !== 1) continue
    let at = top.length
    while (at > 0 && own > (utility[top[at - 1] as number] as number)) at--
    top.splice(at, 0, arm)
    if (top.length <= seconds) continue
    top.pop()
    floor = utility[top[seconds - 1] as number] as number
  }
  return top
}
