import { mean } from 'simple-statistics'
import {
  expected,
  type Frame,
  factors,
  modelsOfFigures,
  random,
  type Scenario,
} from '../../../adapters/simulation/index.ts'
import { type Decider, fixed, inCloud } from '../../../pipeline/index.ts'
import { alert, plan, select } from '../../../stages/index.ts'
import {
  type Conditions,
  duplicate,
  figure1,
  figure1Pool,
  figure2,
  hourly,
  networks,
  type PolicyName,
  policies,
  residential,
  scenarioOf,
  zoo,
} from '../mdinference/index.ts'
import { type Effort, warmUp } from '../paper.ts'
import { type Row, row } from '../rows.ts'
import { overSeeds } from '../statistics.ts'
import { best, type Contest, of, oracle, planner } from './contest.ts'
import { type Measure, play, type Trial } from './play.ts'
import { type Contender, lots } from './policies.ts'
import { tuningSeeds } from './traces.ts'

/** Strictly above is by more than this. */
const strictly = 1e-6
/** Draws of what varies, for the oracle. */
const draws = 64

/** One SLA of one figure. */
interface Point {
  readonly name: string
  readonly conditions: Conditions
  /** The accuracy of what answers where the cloud is late: the duplicate's, 0 where there is none. */
  readonly late: number
}

/** MDInference's points: which model answers in the cloud, behind the wire, with the same models and the same duplicate? */
export function* mdinferenceContests({ seeds, quick }: Effort): Generator<Contest> {
  const frames = warmUp + (quick ? 500 : 1000)
  const count = quick ? Math.ceil(seeds / 4) : seeds
  for (const point of points()) {
    const tuned = tunedModel(point)
    const runs = contenders(point, tuned).map((contender) => {
      const trials = Array.from({ length: count }, (_, seed) => trial(point, contender, seed + 1, frames))
      return [contender.name, trials] as const
    })
    const { name } = point
    yield { ground: 'MDInference’s points', name, counts: 'gain', unit: 'right and on time', runs: new Map(runs) }
  }
}

/** The planner is held to MDInference at each of its points. */
export function judgedMdinference(contests: readonly Contest[]): Row[] {
  return contests.map((contest) => {
    const theirs = of(contest, 'MDInference')
    const differences = of(contest, planner).map(({ value }, i) => 100 * (value - (theirs[i] as Trial).value))
    const { value, interval } = overSeeds(differences, (drawn) => mean([...drawn]))
    return row('Ours: plan beside MDInference', `${contest.name}: correct and on time, points above`, value, {
      interval,
      aim: { atLeast: contest.name.includes('one draw') ? 0 : strictly },
    })
  })
}

function* points(): Generator<Point> {
  const { mean: ms, deviation } = networks.artificial
  const artificial = { ms, variation: { kind: 'normal', cv: deviation / ms } } as const
  const residence = { ms: 1, variation: residential } as const
  const all = zoo('gpu')
  const eleven = all.filter(({ id }) => figure1Pool.includes(id))
  const others = all.filter(({ id }) => id !== duplicate.id)
  for (const legs of ['one', 'independent'] as const) {
    const drawn = legs === 'one' ? 'one draw' : 'independent legs'
    for (const { sla } of figure1)
      yield {
        name: `MDInference Fig. 1, ${drawn}, SLA ${sla} ms`,
        conditions: { pool: eleven, way: artificial, legs, sla },
        late: 0,
      }
    for (const { sla } of figure2)
      yield {
        name: `MDInference Fig. 2, ${drawn}, SLA ${sla} ms`,
        conditions: { pool: others, way: residence, legs, sla },
        late: duplicate.accuracy,
      }
  }
}

const trial = ({ conditions, late }: Point, contender: Contender, seed: number, frames: number): Trial =>
  play(scenarioOf(conditions), contender, seed, frames, measure(late))

function measure(late: number): Measure {
  return {
    value: ({ onTime, accuracy }) => (onTime ? (accuracy ?? 0) : late),
    bound: (frame, { deadline, cloud, accuracy }) => {
      // What arrives, arrives so for every choice.
      const left = deadline - frame.up - frame.down
      const right = Object.entries(accuracy).map(([id, one]) =>
        expected(cloud.models[id] ?? {}, 0) * frame.fate.run <= left ? one : late,
      )
      return Math.max(...right)
    },
    beside: ({ onTime, accuracy, latency, sent, run }: Frame) => ({
      'on time': onTime ? 1 : 0,
      accuracy,
      ms: latency,
      'bytes up': sent,
      'US$ per 1,000': (run / 3600) * hourly.gpu,
    }),
  }
}

/** Always this model: the one that is best on seeds that are not tested on. */
function tunedModel(point: Point): string {
  const always = (id: string) => inTheCloud(best, () => fixed({ model: id }))
  const tuning = warmUp + 200
  const { pool } = point.conditions
  const scored = pool.map(({ id }) => mean(tuningSeeds.map((seed) => trial(point, always(id), seed, tuning).value)))
  return pool[scored.indexOf(Math.max(...scored))]?.id as string
}

function inTheCloud(name: string, begin: (seed: number, scenario: Scenario) => Decider): Contender {
  return {
    name,
    begin: (seed, { scenario }) => ({ name, device: [inCloud()], cloud: [begin(seed, scenario)] }),
  }
}

function contenders({ conditions, late }: Point, tuned: string): readonly Contender[] {
  const models = modelsOfFigures(conditions.pool)
  return [
    inTheCloud(best, () => fixed({ model: tuned })),
    ...(Object.keys(policies) as PolicyName[]).map((name) =>
      inTheCloud(name === 'ours' ? 'select' : name, (seed) =>
        select({ ...policies[name], models, random: lots(seed) }),
      ),
    ),
    inTheCloud('ALERT', () => alert({ models })),
    inTheCloud(planner, (seed) => plan({ models, random: lots(seed) })),
    inTheCloud(oracle, (_seed, scenario) => knowing(scenario, late)),
  ]
}

/** Knows the law of every time, and of the way down what the way up tells: the model of the largest chance to be right and on time. */
function knowing({ accuracy, cloud, link }: Scenario, late: number): Decider {
  if (link.kind !== 'times') throw new RangeError('This oracle knows links of which each time varies by itself alone.')
  const { down, legs } = link
  const varied = Object.values(cloud.models)[0]?.variation
  const drawn = (of: typeof varied, name: string) =>
    Float64Array.from({ length: draws }, factors(of, random(1, `oracle ${name}`)))
  const [runs, downs] = [drawn(varied, 'run'), drawn(down.variation, 'down')]
  const back = expected(down, 0)
  const models = Object.entries(accuracy).map(([id, right]) => ({ id, right, ms: expected(cloud.models[id] ?? {}, 0) }))
  return {
    name: oracle,
    decide({ remaining, way }, _world, menu) {
      let [best, most] = ['', Number.NEGATIVE_INFINITY]
      for (const { id, right, ms } of models) {
        let inTime = 0
        for (let j = 0; j < draws; j++) {
          const returns = legs === 'one' ? (way?.up ?? 0) : back * (downs[j] as number)
          if (ms * (runs[j] as number) + returns <= remaining) inTime++
        }
        // Of what is worth the same, what is quicker.
        const worth = (inTime / draws) * (right - late) - 1e-9 * ms
        if (worth > most) [best, most] = [id, worth]
      }
      return { ...menu, models: [best] }
    },
  }
}
