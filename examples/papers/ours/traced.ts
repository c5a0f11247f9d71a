import type { Frame, ScenarioInput } from '../../../adapters/simulation/index.ts'
import { EnergyModel } from '../../../stages/index.ts'
import { hourly } from '../mdinference/index.ts'
import { clairvoyant } from './oracle.ts'
import { energyOf, type Measure, play, type Trial } from './play.ts'
import type { Contender } from './policies.ts'

const phone = new EnergyModel({ radio: '4g' })

/** The chance to be right and on time: the answer's accuracy, 0 for what came late or was dropped. */
export const rightOnTime: Measure = {
  value: ({ onTime, accuracy }) => (onTime ? (accuracy ?? 0) : 0),
  bound: (frame, scenario) => clairvoyant({ scenario, frame }),
  beside: (frame) => {
    const dropped = frame.shown === 'dropped'
    return {
      'on time': frame.onTime ? 1 : 0,
      accuracy: dropped ? undefined : (frame.accuracy ?? 0),
      dropped: dropped ? 1 : 0,
      'bytes up': dropped ? 0 : frame.sent,
      mJ: dropped ? 0 : energyOf(frame, phone),
      'US$ per 1,000': dropped ? 0 : cloudMs(frame) * (hourly.gpu / 3600),
    }
  },
}

const cloudMs = ({ sent, cloud, load, run }: Frame) => (sent > 0 ? cloud + load + run : 0)

/** One run of a policy behind a recorded link. */
export function run(scene: ScenarioInput, contender: Contender, seed: number, frames: number): Trial {
  return play(scene, contender, seed, frames, rightOnTime)
}
