import {
  type Duration,
  expected,
  type Frame,
  modelsOfFigures,
  type Scenario,
} from '../../../adapters/simulation/index.ts'
import { type Decider, inCloud, onDevice } from '../../../pipeline/index.ts'
import { ans, maui, offload, place, plan, split } from '../../../stages/index.ts'
import { zoo } from '../mdinference/index.ts'
import { type Effort, warmUp } from '../paper.ts'
import { costs, type Mix, mixes, type Network, networks, type Phone, phones, setting } from '../pieslicer/index.ts'
import { type Row, row } from '../rows.ts'
import { type Contest, lossBeside, oracle, planner } from './contest.ts'
import { type Measure, play } from './play.ts'
import { type Contender, lots } from './policies.ts'

/** The model that answers; its run is the same either way and is not counted. */
const answers = 'inception-v3'
const figures = zoo('gpu').filter(({ id }) => id === answers)
const models = modelsOfFigures(figures)
const cv = 0.1

/** Each phone on each network, with each mix of pictures: is a picture prepared here or there? */
export function* pieslicerContests({ seeds, quick }: Effort): Generator<Contest> {
  const frames = warmUp + (quick ? 200 : 500)
  const count = quick ? Math.ceil(seeds / 4) : seeds
  for (const mix of Object.keys(mixes) as Mix[])
    for (const network of networks)
      for (const phone of Object.keys(phones) as Phone[]) {
        const runs = contenders(phone, network).map((contender) => {
          const trials = Array.from({ length: count }, (_, seed) =>
            play(scene(phone, network, mix), contender, seed + 1, frames, measure),
          )
          return [contender.name, trials] as const
        })
        const name = `PieSlicer: ${phones[phone].name}, ${network}, ${mix}`
        yield { ground: 'PieSlicer’s settings', name, counts: 'cost', unit: 'ms', runs: new Map(runs) }
      }
}

/** The planner is held to what place() is. */
export function judgedPieslicer(contests: readonly Contest[]): Row[] {
  return contests.map((contest) => {
    const { value, interval } = lossBeside(contest, planner, oracle)
    return row('Ours: on PieSlicer’s settings', `${contest.name}: plan above the choice that knows (share)`, value, {
      interval,
      aim: { atMost: 0.01 },
    })
  })
}

function scene(phone: Phone, network: Network, mix: Mix) {
  const own = setting(phone, network, mix, cv)
  const [{ mean }] = figures as [(typeof figures)[number]]
  const run: Duration = { ms: mean, variation: { kind: 'lognormal', cv } }
  return { ...own, cloud: { ...own.cloud, models: { [answers]: run } } }
}

/** Milliseconds of what the choice is about. */
const measure: Measure = {
  value: ({ device, up, cloud, down }) => device + up + cloud + down,
  bound: (frame, scenario) => Math.min(took(frame, scenario, 'captured'), took(frame, scenario, 'prepared')),
  beside: ({ cut, sent }) => ({ 'bytes up': sent, 'in the cloud': cut === 'captured' ? 1 : 0 }),
}

function took(
  { bytes, prepared, fate }: Frame,
  { device, link, cloud }: Scenario,
  cut: 'captured' | 'prepared',
): number {
  if (link.kind !== 'times') return Number.NaN
  const sent = cut === 'captured' ? bytes : prepared
  const before = cut === 'captured' ? 0 : expected(device.prepare, bytes) * fate.device
  return before + expected(link.up, sent) * fate.up + expected(cloud.prepare, sent) * fate.cloud
}

function contenders(phone: Phone, network: Network): readonly Contender[] {
  const one = (name: string, begin: (seed: number) => Decider): Contender => ({
    name,
    begin: (seed) => ({ name, device: [begin(seed)] }),
  })
  return [
    one('PieSlicer', () => place()),
    one('offload', () => offload({ models })),
    one('split', () => split({ models })),
    one('ANS', () => ans({ models })),
    one('MAUI', () => maui({ models })),
    one('always in the cloud', () => inCloud()),
    one('always on the device', () => onDevice()),
    one(planner, (seed) => plan({ models, weights: { energy: 0, time: 1 }, random: lots(seed) })),
    one(oracle, () => ({
      name: oracle,
      decide: ({ bytes }, _world, menu) => {
        const { local, remote } = costs(phone, network, bytes)
        return { ...menu, cuts: [remote < local ? 'captured' : 'prepared'] }
      },
    })),
  ]
}
