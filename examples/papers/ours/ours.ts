import { mean } from 'simple-statistics'
import { type Effort, type Findings, type Plot, warmUp } from '../paper.ts'
import { type Row, row } from '../rows.ts'
import { overBlocks } from '../statistics.ts'
import { Capacity } from './capacity.ts'
import { beside } from './mdinference.ts'
import { causalOracle } from './oracle.ts'
import { type Always, always, type Contender, contenders, nameOf, statics } from './policies.ts'
import { run, type Trial } from './run.ts'
import { deadlines, type Ground, grounds, pause, scene } from './scenes.ts'

/** Neighbouring frames that are drawn together when an interval is drawn: half a minute of a trace. */
const block = 60
/** Seeds on which static policies are chosen; none of them is tested on. */
const tuningSeeds = [101, 102, 103] as const

/** One trace under one deadline: every policy on the same frames, from the same places of the trace. */
interface Field {
  readonly name: string
  readonly chosen: Always
  /** By policy, a run per seed. */
  readonly runs: ReadonlyMap<string, readonly Trial[]>
}

const [planner, oracle, best] = ['plan', 'causal oracle', 'best static'] as const

/** The joint planner against every policy: on MDInference's points, and on recorded traces. */
export async function ours(effort: Effort): Promise<Findings> {
  const points = beside(effort)
  if (effort.assets === undefined) {
    return {
      ...points,
      remarks: [...points.remarks, 'The recorded traces are not here (QUINTET_ASSETS): they are left out.'],
    }
  }
  const frames = warmUp + (effort.quick ? 200 : 500)
  const seeds = effort.quick ? Math.ceil(effort.seeds / 4) : effort.seeds
  const fields = (await grounds(effort.assets)).flatMap((ground) => [...fieldsOf(ground, seeds, frames)])
  return {
    rows: [...points.rows, ...judged(fields), ...lossMap(fields), ...told(fields)],
    plots: [...points.plots, lossPlot(fields), ...regretPlots(fields)],
    remarks: [
      ...points.remarks,
      `Traces: ${seeds} paired seeds, each from another place of the trace, ${frames} frames every ${pause} ms, the first ${warmUp} apart; intervals by blocks of ${block} frames.`,
      'Tuned on ATT’s LTE and one bus ride (3G), tested on Verizon’s and T-Mobile’s LTE and another ride; Wi-Fi and cellular is 20 s of 20 Mbit/s, 1 s of nothing, 20 s of LTE in turns (assumed).',
      'A Pixel 2 (PieSlicer) and its runs (cake-lab’s phone trace; the two largest models assumed), GPUs in the cloud (MDInference), four frames on their way at most.',
      'The best static policy is the best of 42 on the tuning traces: model, cut and stand-in. PieSlicer and ModiPick get its stand-in, and PieSlicer its best model of those that cross.',
      'The causal oracle knows the law of every time, every queue, and what followed on the same past in the same trace; it chooses frame by frame. The clairvoyant bound lets each frame be alone.',
      'Right is the accuracy of the answer that is shown in time, 0 for what is late or dropped.',
    ],
  }
}

function* fieldsOf({ name, tuning, test, delay }: Ground, seeds: number, frames: number): Generator<Field> {
  for (const deadline of deadlines) {
    const scored = statics
      .map((one) => {
        const runs = tuning.flatMap((rate) =>
          tuningSeeds.map((seed) => run(scene(rate, delay, deadline, seed), always(one), seed, frames).right),
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
      yield { name: `${name}: ${rate.name}, ${deadline} ms`, chosen, runs: new Map(runs) }
    }
  }
}

const of = ({ runs }: Field, policy: string) => runs.get(policy) as readonly Trial[]
const average = (trials: readonly Trial[], figure: Exclude<keyof Trial, 'series'>) =>
  mean(trials.map((trial) => trial[figure]))

/** What one policy has above another, as a share of the other's, with its interval. */
function above(field: Field, one: string, other: string) {
  const [a, b] = [of(field, one), of(field, other)]
  const series = a.flatMap((trial, i) =>
    Array.from(trial.series, (right, n) => right - ((b[i] as Trial).series[n] as number)),
  )
  const { value, interval } = overBlocks(series, block)
  const whole = average(b, 'right')
  return { value: value / whole, interval: [interval[0] / whole, interval[1] / whole] as const }
}

function judged(fields: readonly Field[]): Row[] {
  const rows: Row[] = []
  const regrets = fields.map((field) => {
    const { value, interval } = above(field, planner, oracle)
    rows.push(
      row('Ours: regret on traces', `${field.name}: beside the causal oracle (share)`, -value, {
        interval: [-interval[1], -interval[0]],
      }),
    )
    const bound = average(of(field, planner), 'bound')
    rows.push(
      row(
        'Ours: regret on traces',
        `${field.name}: beside the clairvoyant bound (share)`,
        1 - average(of(field, planner), 'right') / bound,
      ),
    )
    return -value
  })
  rows.unshift(
    row('Ours: regret on traces', 'mean beside the causal oracle (share)', mean(regrets), { aim: { atMost: 0.05 } }),
  )
  for (const field of fields) {
    const { value, interval } = above(field, planner, best)
    rows.push(
      row('Ours: beside the best static policy', `${field.name}: above ${nameOf(field.chosen)} (share)`, value, {
        interval,
        aim: { atLeast: -0.02 },
      }),
    )
  }
  return rows
}

/** Everybody's loss beside whoever was best there, oracle apart. */
function lossMap(fields: readonly Field[]): Row[] {
  return fields.flatMap((field) =>
    losses(field).map(([policy, loss]) =>
      row('Ours: where each policy loses', `${field.name}: ${policy} (share)`, loss),
    ),
  )
}

function losses(field: Field): (readonly [string, number])[] {
  const real = [...field.runs].filter(([policy]) => policy !== oracle)
  const most = Math.max(...real.map(([, trials]) => average(trials, 'right')))
  return real.map(([policy, trials]) => [policy, 1 - average(trials, 'right') / most] as const)
}

const figures = {
  right: 'right and on time',
  warmUp: `right and on time, first ${warmUp}`,
  onTime: 'on time',
  accuracy: 'accuracy',
  dropped: 'dropped',
  bytes: 'bytes up',
  energy: 'mJ',
  money: 'US$ per 1,000',
} as const

function told(fields: readonly Field[]): Row[] {
  return fields.flatMap((field) =>
    [...field.runs].flatMap(([policy, trials]) =>
      (Object.keys(figures) as (keyof typeof figures)[]).map((figure) =>
        row(`Ours: ${field.name}`, `${policy}: ${figures[figure]}`, average(trials, figure)),
      ),
    ),
  )
}

function lossPlot(fields: readonly Field[]): Plot {
  const policies = [...(fields[0]?.runs.keys() ?? [])].filter((policy) => policy !== oracle)
  return {
    title: 'Where each policy loses: share of what the best one there gets',
    option: {
      grid: { left: 240, right: 40, top: 60, bottom: 130 },
      xAxis: { type: 'category', data: policies, axisLabel: { rotate: 30 } },
      yAxis: { type: 'category', data: fields.map(({ name }) => name) },
      visualMap: {
        min: 0,
        max: 0.3,
        calculable: false,
        orient: 'horizontal',
        left: 'center',
        bottom: 0,
        inRange: { color: ['#f4f7fb', '#fdd49e', '#d7301f'] },
      },
      series: [
        {
          type: 'heatmap',
          data: fields.flatMap((field, y) =>
            losses(field).map(([policy, loss]) => [policies.indexOf(policy), y, Number(loss.toFixed(3))]),
          ),
          label: { show: true },
        },
      ],
    },
  }
}

/** What a policy has lost beside the oracle by each frame, mean over the seeds. */
function regretPlots(fields: readonly Field[]): Plot[] {
  return fields.map((field) => {
    const against = of(field, oracle)
    const length = (against[0] as Trial).series.length
    const lines = [...field.runs]
      .filter(([policy]) => policy !== oracle)
      .map(([policy, trials]) => {
        let lost = 0
        const data: [number, number][] = []
        for (let n = 0; n < length; n++) {
          lost += mean(
            trials.map(({ series }, i) => ((against[i] as Trial).series[n] as number) - (series[n] as number)),
          )
          if (n % 10 === 9) data.push([n + 1, Number(lost.toFixed(2))])
        }
        return { name: policy, type: 'line' as const, showSymbol: false, data }
      })
    return {
      title: `Cumulative regret beside the causal oracle: ${field.name}`,
      option: {
        legend: { top: 34 },
        xAxis: { type: 'value', name: 'frames', max: length },
        yAxis: { type: 'value', name: 'answers' },
        series: lines,
      },
    }
  })
}
