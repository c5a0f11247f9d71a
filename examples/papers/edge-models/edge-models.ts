import { mean } from 'simple-statistics'
import type { Effort, Findings, Plot } from '../paper.ts'
import { type Row, row } from '../rows.ts'
import { type Estimate, overSeeds } from '../statistics.ts'
import { published } from './data.ts'
import { type PolicyName, policies, workloadOnly } from './policies.ts'
import { type Replayed, replay } from './replay.ts'
import { invocations, type Minutes, mapped, measuredModels, type ReplayModel, repeated } from './workload.ts'

/** Memory, as a share of what all models need. */
const shares = [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9]
const names = Object.keys(policies) as PolicyName[]
/** The default policy. */
export const ours = 'hit-density' satisfies PolicyName
const oracle: PolicyName = 'cost-belady'

/** What each policy did with one mapping of functions to models. */
export type Played = Readonly<Record<PolicyName, Replayed>>

/** One number of models and one size of memory. */
export interface Cell {
  readonly models: number
  readonly share: number
  readonly perSeed: readonly Played[]
}

/**
 * CremeBrulee's simulation: a day of requests over many models, through memory for some of them, policy by policy.
 *
 * Ogden et al., "Many Models at the Edge: Scaling Deep Inference via Model-Level Caching", ACSOS 2021.
 */
export async function edgeModels({ seeds, quick, assets }: Effort): Promise<Findings> {
  if (assets === undefined) {
    return { rows: [], plots: [], remarks: ['The workload is not here (QUINTET_ASSETS): nothing could be replayed.'] }
  }
  const [functions, measured] = await Promise.all([invocations(assets), measuredModels(assets)])
  const mappings = quick ? Math.min(seeds, 4) : seeds
  const cells = (quick ? [measured.length] : [measured.length, 80, 200]).flatMap((count) =>
    playedCells(functions, repeated(measured, count), mappings),
  )
  return {
    rows: [...ofDelays(cells), ...ofPublished(cells), ...ofDefault(cells)],
    plots: [delayPlot(cells.filter(({ models }) => models === measured.length))],
    remarks: [
      `Simulated: 200 functions of the Azure sample over 26 to 200 models, thinned to a tenth, ${mappings} mappings of functions to models.`,
      'Load and run times are the authors’ own from an m5.large; file sizes are Keras’, theirs are not published. Above 26 models they repeat, scaled.',
      'One memory, room at once, loads beside one another: the paper’s workers queue loads, and so its delays are longer.',
      'The oracle, cost-belady, knows the future and is feasible; it is no bound.',
    ],
  }
}

/** Every policy at every size of memory, on the same requests. */
export function playedCells(functions: readonly Minutes[], models: readonly ReplayModel[], seeds: number): Cell[] {
  const requests = Array.from({ length: seeds }, (_, seed) => mapped(functions, models.length, seed + 1))
  const all = models.reduce((sum, { bytes }) => sum + bytes, 0)
  const play = (each: (typeof requests)[number], share: number) =>
    Object.fromEntries(names.map((name) => [name, replay(each, models, share * all, policies[name])])) as Played
  return shares.map((share) => ({
    models: models.length,
    share,
    perSeed: requests.map((each) => play(each, share)),
  }))
}

/** Mean load delay over the seeds (ms). */
export function delayOf(played: readonly Played[], name: PolicyName): number {
  return mean(played.map((each) => each[name].meanDelay))
}

/** Which part of the way from LRU to the oracle a policy goes; no number where there is none. */
export function closedOf(played: readonly Played[], name: PolicyName): number {
  const [worst, best] = [delayOf(played, 'lru'), delayOf(played, oracle)]
  return (worst - delayOf(played, name)) / (worst - best)
}

function ofDelays(cells: readonly Cell[]): Row[] {
  return cells.flatMap((cell) =>
    names.map((name) => {
      const { value, interval } = overSeeds(cell.perSeed, (played) => delayOf(played, name))
      return row(`CremeBrulee: mean load delay (ms), ${cell.models} models`, `${memory(cell)}: ${name}`, value, {
        interval,
      })
    }),
  )
}

/** What the paper says of its policies, here. */
function ofPublished(cells: readonly Cell[]): Row[] {
  const table = 'CremeBrulee: cost-direct against policies that see the workload alone'
  const below = (played: readonly Played[]) =>
    100 * (1 - delayOf(played, 'cost-direct') / Math.min(...workloadOnly.map((name) => delayOf(played, name))))
  const contested = cells.filter(isContested)
  const each = contested.map((cell) => ({ cell, estimate: overSeeds(cell.perSeed, below) }))
  const most = each.reduce((a, b) => (a.estimate.value > b.estimate.value ? a : b))
  return [
    ...each.map(({ cell, estimate }) =>
      row(table, `${cell.models} models, ${memory(cell)}: lower delay (%)`, estimate.value, {
        interval: estimate.interval,
        aim: { atLeast: 0 },
      }),
    ),
    row(table, 'the most of them (%)', most.estimate.value, {
      published: published.below,
      interval: most.estimate.interval,
      aim: { atLeast: published.below },
    }),
  ]
}

/** This framework's default policy against LRU and the oracle. */
function ofDefault(cells: readonly Cell[]): Row[] {
  const table = 'The default policy on CremeBrulee’s workload'
  const told = (cell: Cell, what: string, { value, interval }: Estimate, aim: Parameters<typeof row>[3]) =>
    row(table, `${cell.models} models, ${memory(cell)}: ${what}`, value, { interval, ...aim })
  return cells.flatMap((cell) => {
    const ratio = overSeeds(cell.perSeed, (played) => delayOf(played, ours) / delayOf(played, 'lru'))
    const rows = [told(cell, `delay, ${ours} ÷ lru`, ratio, { aim: { atMost: 1 } })]
    if (!isContested(cell)) return rows
    const closed = overSeeds(cell.perSeed, (played) => closedOf(played, ours))
    const aimed = cell.models === 26 && cell.share <= 0.5
    return [...rows, told(cell, 'gap from lru to the oracle closed', closed, aimed ? { aim: { atLeast: 0.5 } } : {})]
  })
}

/** Whether the oracle is better than LRU by more than 5 %: elsewhere no policy matters much. */
export function isContested({ perSeed }: Cell): boolean {
  return delayOf(perSeed, oracle) < 0.95 * delayOf(perSeed, 'lru')
}

const memory = ({ share }: Cell) => `${Math.round(100 * share)} % of memory`

function delayPlot(cells: readonly Cell[]): Plot {
  return {
    title: `Mean load delay of ${cells[0]?.models ?? 0} models, by memory`,
    option: {
      legend: { top: 34 },
      xAxis: { type: 'value', name: '% of memory' },
      yAxis: { type: 'log', name: 'ms' },
      series: names.map((name) => ({
        name,
        type: 'line',
        data: cells.map(({ share, perSeed }) => [Math.round(100 * share), Math.round(delayOf(perSeed, name))]),
      })),
    },
  }
}
