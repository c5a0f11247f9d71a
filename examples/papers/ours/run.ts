import { type Frame, type Insight, replay, type ScenarioInput } from '../../../adapters/simulation/index.ts'
import { EnergyModel } from '../../../stages/index.ts'
import { hourly } from '../mdinference/index.ts'
import { warmUp } from '../paper.ts'
import { clairvoyant } from './oracle.ts'
import type { Contender } from './policies.ts'

/** Means over the frames of one run behind the warm-up. */
export interface Trial {
  /** Chance to be right and on time: the answer's accuracy, 0 for what came late or was dropped. */
  readonly right: number
  /** The same in the warm-up. */
  readonly warmUp: number
  readonly onTime: number
  /** Of the answers that were shown. */
  readonly accuracy: number
  readonly dropped: number
  readonly bytes: number
  /** mJ */
  readonly energy: number
  /** US dollars per 1,000 frames. */
  readonly money: number
  /** What could have been right at most, each frame by itself. */
  readonly bound: number
  /** `right` of each frame, in order. */
  readonly series: Float64Array
}

const phone = new EnergyModel({ radio: '4g' })

/** One run of a policy in a scene. */
export function run(scene: ScenarioInput, contender: Contender, seed: number, frames: number): Trial {
  const series = new Float64Array(frames - warmUp)
  const sum = {
    warmUp: 0,
    right: 0,
    onTime: 0,
    accuracy: 0,
    answered: 0,
    dropped: 0,
    bytes: 0,
    energy: 0,
    cloud: 0,
    bound: 0,
  }
  let sees: Insight | undefined
  replay(scene, {
    seed,
    frames,
    policy: (insight) => {
      sees = insight
      return contender.begin(seed, insight)
    },
    onSettled: (frame) => {
      const right = frame.onTime ? (frame.accuracy ?? 0) : 0
      if (frame.seq < warmUp) {
        sum.warmUp += right / warmUp
        return
      }
      series[frame.seq - warmUp] = right
      sum.right += right
      if (sees) sum.bound += clairvoyant({ scenario: sees.scenario, frame })
      if (frame.shown === 'dropped') {
        sum.dropped++
        return
      }
      if (frame.onTime) sum.onTime++
      sum.answered++
      sum.accuracy += frame.accuracy ?? 0
      sum.bytes += frame.sent
      sum.energy += energyOf(frame)
      if (frame.sent > 0) sum.cloud += frame.cloud + frame.load + frame.run
    },
  })
  const count = frames - warmUp
  return {
    right: sum.right / count,
    warmUp: sum.warmUp,
    onTime: sum.onTime / count,
    accuracy: sum.accuracy / Math.max(1, sum.answered),
    dropped: sum.dropped / count,
    bytes: sum.bytes / count,
    energy: sum.energy / count,
    money: (sum.cloud / count / 3600) * hourly.gpu,
    bound: sum.bound / count,
    series,
  }
}

/** mJ of the phone: what it computes and sends, and waiting for the cloud. */
function energyOf({ device, run, load, sent, up, queue, cloud, down, backupWork }: Frame): number {
  if (sent === 0) return phone.compute(device + load + run + backupWork)
  const rate = up > 0 ? (sent * 8000) / up : Number.POSITIVE_INFINITY
  return phone.compute(device + backupWork) + phone.upload(sent, rate) + phone.wait(cloud + queue + load + run + down)
}
