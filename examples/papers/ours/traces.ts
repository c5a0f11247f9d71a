import { mean } from 'simple-statistics'
import { warmUp } from '../paper.ts'
import { type Row, row } from '../rows.ts'
import { overBlocks } from '../statistics.ts'
import { Capacity } from './capacity.ts'
import { average, best, type Contest, lossBeside, of, oracle, planner } from './contest.ts'
import { causalOracle } from './oracle.ts'
import { type Always, always, type Contender, contenders, nameOf, statics } from './policies.ts'
import { deadlines, type Ground, scene } from './scenes.ts'
import { run } from './traced.ts'

/** Neighbouring frames that are drawn together when an interval is drawn: half a minute of a trace. */
const block = 60
/** Seeds on which static policies are chosen; none of them is tested on. */
export const tuningSeeds = [101, 102, 103] as const

/** One trace under one deadline, from the same places of the trace. */
export interface TraceContest extends Contest {
  readonly chosen: Always
}

/** Every policy on every trace that is tested on, under every deadline. */
export function* traceContests(grounds: readonly Ground[], seeds: number, frames: number): Generator<TraceContest> {
  for (const { name, tuning, test, delay } of grounds)
    for (const deadline of deadlines) {
      const scored = statics
        .map((one) => {
          const runs = tuning.flatMap((rate) =>
            tuningSeeds.map((seed) => run(scene(rate, delay, deadline, seed), always(one), seed, frames).value),
          )
          return { one, right: mean(runs) }
        })
        .sort((a, b) => b.right - a.right)
      const chosen = (scored[0] as (typeof scored)[0]).one
      const crossing = scored.find(({ one }) => one.cut !== 'answered')?.one ?? chosen
      for (const rate of test) {
        const capacity = new Capacity(rate)
        const all: readonly Contender[] = [
          { ...always(chosen), name: best },
          ...contenders(crossing),
          { name: oracle, begin: (_seed, insight) => causalOracle(insight, capacity, { debt: 1 }) },
        ]
        const runs = all.map((contender) => {
          const each = Array.from({ length: seeds }, (_, seed) =>
            run(scene(rate, delay, deadline, seed + 1), contender, seed + 1, frames),
          )
          return [contender.name, each] as const
        })
        const at = `${name}: ${rate.name}, ${deadline} ms`
        yield { ground: at, name: at, counts: 'gain', unit: 'right and on time', chosen, runs: new Map(runs) }
      }
    }
}

/** What one policy has above another, as a share of the other's; the interval by blocks of frames that follow each other. */
function above(contest: Contest, one: string, other: string) {
  const [a, b] = [of(contest, one), of(contest, other)]
  const series = a.flatMap((trial, i) => Array.from(trial.series, (right, n) => right - (b[i]?.series[n] as number)))
  const { value, interval } = overBlocks(series, block)
  const whole = average(b)
  return { value: value / whole, interval: [interval[0] / whole, interval[1] / whole] as const }
}

/** What the planner is held to on recorded links. */
export function judgedTraces(contests: readonly TraceContest[]): Row[] {
  if (contests.length === 0) return []
  const regret = mean(contests.map((contest) => lossBeside(contest, planner, oracle).value))
  return [
    row('Ours: on traces', 'traces: plan beside the causal oracle, mean (share)', regret, { aim: { atMost: 0.05 } }),
    ...contests.map((contest) => {
      const { value, interval } = above(contest, planner, best)
      return row('Ours: on traces', `${contest.name}: plan above ${nameOf(contest.chosen)} (share)`, value, {
        interval,
        aim: { atLeast: -0.02 },
      })
    }),
  ]
}

/** What a reader of the traces' figures must know. */
export const traceRemarks = (seeds: number, frames: number, pause: number): readonly string[] => [
  `Traces: ${seeds} paired seeds, each from another place of the trace, ${frames} frames every ${pause} ms, the first ${warmUp} apart; intervals of what is held to an aim by blocks of ${block} frames.`,
  'Tuned on ATT’s LTE and one bus ride (3G), tested on Verizon’s and T-Mobile’s LTE and another ride; Wi-Fi and cellular is 20 s of 20 Mbit/s, 1 s of nothing, 20 s of LTE in turns (assumed).',
  'A Pixel 2 (PieSlicer) and its runs (cake-lab’s phone trace; the two largest models assumed), GPUs in the cloud (MDInference), four frames on their way at most.',
  'The best static policy is the best of 42 on the tuning traces: model, cut and stand-in. PieSlicer and ModiPick get its stand-in, and PieSlicer its best model of those that cross.',
]
