import { mean } from 'simple-statistics'
import type { Duration } from '../../../adapters/simulation/index.ts'
import { modelsOfFigures } from '../../../adapters/simulation/index.ts'
import { inCloud, onDevice } from '../../../pipeline/index.ts'
import { place, select } from '../../../stages/index.ts'
import { type Effort, type Findings, type Plot, warmUp } from '../paper.ts'
import { type Mix, setting } from '../pieslicer/index.ts'
import { type Row, type RowOptions, row } from '../rows.ts'
import { overSeeds } from '../statistics.ts'
import { duplicate, figure1, figure1Pool, figure2, hourly, networks, residential, zoo } from './data.ts'
import { type Conditions, measured, modelsAs, type PolicyName, policies, type Trial, trial } from './run.ts'

const names = Object.keys(policies) as PolicyName[]
const artificial = normal(networks.artificial)

/** MDInference's figures, its baselines and ModiPick; what placing is worth to selecting; what it all costs. */
export function mdinference(effort: Effort): Findings {
  const frames = warmUp + (effort.quick ? 500 : 2000)
  const run = (conditions: Conditions, name: PolicyName): readonly Trial[] =>
    Array.from({ length: effort.seeds }, (_, seed) => trial(conditions, name, seed + 1, frames))
  const first = ofFigure1(run)
  const second = ofFigure2(run)
  return {
    rows: [...first.rows, ...second.rows, ...ofVariation(run), ...ofPlacing(effort, frames), ...ofMoney(run)],
    plots: [...first.plots, ...second.plots],
    remarks: [
      `${effort.seeds} paired seeds, ${frames} messages each, the first ${warmUp} left out; profiles start from the zoo's own means.`,
      'Fig. 1 has no table: what stands as published was computed with the authors’ simulator (reproduced). Fig. 2 was digitised, its network from its own curve of reliance.',
      'With the duplicate, a late answer counts as the phone’s own, 41.4 %.',
      'As published, the way down takes what the way up took; with independent legs each is drawn by itself, and only the mean of the way down is known.',
      'Prices are recalled list prices of p2.xlarge and c5.large; the paper names no sizes.',
    ],
  }
}

type Run = (conditions: Conditions, name: PolicyName) => readonly Trial[]

function ofFigure1(run: Run): Pick<Findings, 'rows' | 'plots'> {
  const pool = zoo('gpu').filter(({ id }) => figure1Pool.includes(id))
  const rows: Row[] = []
  const beside: Row[] = []
  const curves = new Map<string, number[]>(names.map((name) => [name, []]))
  for (const { sla, accuracy, latency, attainment, greedy } of figure1) {
    const table = 'MDInference Fig. 1: 11 models, as published'
    for (const name of names) {
      const trials = run({ pool, way: artificial, legs: 'one', sla }, name)
      curves.get(name)?.push(estimate(trials, 'correctOnTime').value)
      const at = (what: string) => `SLA ${sla} ms, ${name}: ${what}`
      const reproduced = { mark: 'reproduced' } as const
      if (name === 'MDInference') {
        rows.push(
          made(table, at('accuracy (%)'), trials, 'accuracy', 100, {
            published: accuracy,
            aim: { within: 1.5 },
            ...reproduced,
          }),
          made(table, at('attainment'), trials, 'attainment', 1, {
            published: attainment,
            aim: { within: 0.03 },
            ...reproduced,
          }),
          made(table, at('latency (ms)'), trials, 'latency', 1, { published: latency, ...reproduced }),
        )
      } else if (name === 'static greedy') {
        rows.push(
          made(table, at('attainment'), trials, 'attainment', 1, {
            published: greedy,
            aim: { within: 0.03 },
            ...reproduced,
          }),
        )
      }
      beside.push(
        made('MDInference Fig. 1: all policies, one draw', at('correct and on time (%)'), trials, 'correctOnTime', 100),
      )
      const apart = run({ pool, way: artificial, legs: 'independent', sla }, name)
      beside.push(
        made(
          'MDInference Fig. 1: all policies, independent legs',
          at('correct and on time (%)'),
          apart,
          'correctOnTime',
          100,
        ),
        made('MDInference Fig. 1: all policies, independent legs', at('attainment'), apart, 'attainment', 1),
      )
    }
  }
  return {
    rows: [...rows, ...beside],
    plots: [
      curvePlot(
        'Fig. 1: correct and on time, one draw',
        figure1.map(({ sla }) => sla),
        curves,
      ),
    ],
  }
}

function ofFigure2(run: Run): Pick<Findings, 'rows' | 'plots'> {
  const pool = zoo('gpu').filter(({ id }) => id !== duplicate.id)
  const way: Duration = { ms: 1, variation: residential }
  const rows: Row[] = []
  const curves = new Map<string, number[]>(names.map((name) => [name, []]))
  const table = 'MDInference Fig. 2: 22 models and a duplicate on the phone'
  const withDuplicate = ({ correctOnTime, attainment }: Trial) => correctOnTime + (1 - attainment) * duplicate.accuracy
  for (const { sla, accuracy, reliance, greedy } of figure2) {
    for (const name of names) {
      const trials = run({ pool, way, legs: 'one', sla }, name)
      const at = (what: string) => `SLA ${sla} ms, ${name}: ${what}`
      const counted = overSeeds(trials, (drawn) => 100 * mean(drawn.map(withDuplicate)))
      curves.get(name)?.push(counted.value / 100)
      const options: RowOptions =
        name === 'MDInference'
          ? { published: accuracy, aim: { within: 1.5 }, mark: 'digitised' }
          : name === 'static greedy'
            ? { published: greedy, mark: 'digitised' }
            : {}
      rows.push(row(table, at('accuracy (%)'), counted.value, { ...options, interval: counted.interval }))
      if (name !== 'MDInference') continue
      const relied = overSeeds(trials, (drawn) => 1 - mean(drawn.map(({ attainment }) => attainment)))
      rows.push(
        row(table, at('share of answers from the phone'), relied.value, {
          interval: relied.interval,
          ...(reliance === undefined ? {} : { published: reliance, aim: { within: 0.03 }, mark: 'digitised' as const }),
        }),
      )
    }
  }
  return {
    rows,
    plots: [
      curvePlot(
        'Fig. 2: accuracy with a duplicate',
        figure2.map(({ sla }) => sla),
        curves,
      ),
    ],
  }
}

/** Attainment and accuracy as the network varies more, at two deadlines. */
function ofVariation(run: Run): Row[] {
  const pool = zoo('gpu').filter(({ id }) => figure1Pool.includes(id))
  const rows: Row[] = []
  for (const legs of ['one', 'independent'] as const)
    for (const sla of [100, 250])
      for (const cv of [0, 0.25, 0.5, 0.75, 1])
        for (const name of ['MDInference', 'ours', 'ModiPick', 'static greedy'] as const) {
          const trials = run({ pool, way: { ms: 50, variation: { kind: 'normal', cv } }, legs, sla }, name)
          const table = `MDInference: network variation, ${legs === 'one' ? 'one draw' : 'independent legs'}`
          const at = `SLA ${sla} ms, CV ${100 * cv} %, ${name}`
          rows.push(
            made(table, `${at}: correct and on time (%)`, trials, 'correctOnTime', 100),
            made(table, `${at}: attainment`, trials, 'attainment', 1),
          )
        }
  return rows
}

/** What the time that placing saves is worth in accuracy: a phone prepares or not, then the cloud selects. */
function ofPlacing({ seeds }: Effort, frames: number): Row[] {
  const pool = zoo('gpu')
  const models = modelsOfFigures(pool)
  const rows: Row[] = []
  for (const mix of ['0–10 MB', 'small files'] as const satisfies readonly Mix[])
    for (const sla of [250, 400, 800])
      for (const [name, placing] of Object.entries({ 'in-cloud': inCloud, 'on-device': onDevice, place })) {
        const base = setting('pixel2', 'campus', mix, 0.1)
        const scenario = {
          ...base,
          deadline: sla,
          cloud: { ...base.cloud, models: modelsAs(pool) },
          accuracy: Object.fromEntries(pool.map(({ id, accuracy }) => [id, accuracy])),
        }
        const trials = Array.from({ length: seeds }, (_, seed) =>
          measured(scenario, pool, [placing()], [select({ models })], seed + 1, frames),
        )
        const at = `Pixel 2, campus, ${mix}, SLA ${sla} ms, ${name}`
        rows.push(
          made('Place, then select', `${at}: correct and on time (%)`, trials, 'correctOnTime', 100),
          made('Place, then select', `${at}: attainment`, trials, 'attainment', 1),
        )
      }
  return rows
}

/** The GPU's zoo beside the CPU's: what is right and on time, and what 1,000 requests cost. */
function ofMoney(run: Run): Row[] {
  const rows: Row[] = []
  for (const processor of ['gpu', 'cpu'] as const)
    for (const sla of [150, 250, 500, 1000, 2000])
      for (const name of ['MDInference', 'ours', 'static accuracy'] as const) {
        const trials = run({ pool: zoo(processor), way: artificial, legs: 'one', sla }, name)
        const at = `${processor.toUpperCase()}, SLA ${sla} ms, ${name}`
        rows.push(
          made('MDInference: GPU and CPU', `${at}: correct and on time (%)`, trials, 'correctOnTime', 100),
          made('MDInference: GPU and CPU', `${at}: US$ per 1,000 requests`, trials, 'run', hourly[processor] / 3600),
        )
      }
  return rows
}

function estimate(trials: readonly Trial[], figure: keyof Trial, unit = 1) {
  return overSeeds(trials, (drawn) => unit * mean(drawn.map((one) => one[figure])))
}

function made(
  table: string,
  point: string,
  trials: readonly Trial[],
  figure: keyof Trial,
  unit: number,
  options: RowOptions = {},
): Row {
  const { value, interval } = estimate(trials, figure, unit)
  return row(table, point, value, { ...options, interval })
}

function normal({ mean, deviation }: { readonly mean: number; readonly deviation: number }): Duration {
  return { ms: mean, variation: { kind: 'normal', cv: deviation / mean } }
}

function curvePlot(title: string, slas: readonly number[], curves: ReadonlyMap<string, readonly number[]>): Plot {
  return {
    title,
    option: {
      legend: { top: 34 },
      xAxis: { type: 'value', name: 'SLA, ms' },
      yAxis: { type: 'value', min: 0, max: 1 },
      series: [...curves].map(([name, values]) => ({
        name,
        type: 'line' as const,
        data: slas.map((sla, i) => [sla, values[i] as number]),
      })),
    },
  }
}
