import type { Plan } from '../../../pipeline/index.ts'
import { type Objectives, paretoFront } from '../pareto.ts'
import type { Appraisal } from './appraisal.ts'
import { planOf } from './explain.ts'
import type { Forecast } from './forecast.ts'
import { open } from './goal.ts'
import type { Paths } from './paths.ts'

/** The arrays of one menu. */
export interface Table {
  readonly paths: Paths
  readonly forecast: Forecast
  readonly appraisal: Appraisal
}

/** A point of the front: a plan, and what it is expected to cost and give. */
export interface FrontPoint extends Objectives {
  readonly plan: Plan
}

/** The arms within the limits that no other beats, by ascending time. */
export function frontOf({ paths, appraisal }: Table): readonly FrontPoint[] {
  const { time, energy, accuracy, bytes } = appraisal.columns()
  const arms = open(appraisal)
  const column = (values: ArrayLike<number>) => arms.map((arm) => values[arm] as number)
  const front = paretoFront({
    time: column(time),
    energy: column(energy),
    accuracy: column(accuracy),
    bytes: column(bytes),
  })
  return front.map((at) => {
    const arm = arms[at] as number
    return {
      plan: planOf(paths, appraisal, arm),
      time: time[arm] as number,
      energy: energy[arm] as number,
      accuracy: accuracy[arm] as number,
      bytes: bytes[arm] as number,
    }
  })
}
