import Table from 'cli-table3'
import {
  ageing,
  belady,
  costBelady,
  costDirect,
  costIncrease,
  type EvictionPolicy,
  type Future,
  gdsf,
  lfu,
  lru,
} from '../../stages/execute/cache/index.ts'
import { assets } from '../support/assets.ts'
import { loadDelayBound } from './cache-bound.ts'
import { type Replayed, replay } from './cache-replay.ts'
import { invocations, mapped, measuredModels, type ReplayModel, type Requests } from './cache-workload.ts'
import { type Row, row } from './row.ts'

const policies: Readonly<Record<string, (next: Future) => EvictionPolicy>> = {
  lru,
  lfu,
  gdsf,
  'cost-direct': () => costDirect(),
  'cost-increase': () => costIncrease(),
  ageing,
  belady,
  'cost-belady': costBelady,
}
const mappings = 20
const shares = [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9]

/** One number of models and one size of memory: each policy's mean over the mappings. */
interface Cell {
  readonly models: number
  readonly share: number
  readonly results: Readonly<Record<string, Replayed>>
}

/**
 * The Azure sample of a day, thinned to a tenth, replayed over 26 to 200 models: simulated, with load times and sizes
 * as CremeBrulee measured them, through the cache's own policies, records and choice of victims. 20 mappings of
 * functions to models. The table goes to the error stream; the rows hold the default against LRU and the oracle
 * (cost-Belady: the best that is feasible, knowing the future).
 */
export async function bench(): Promise<Row[]> {
  if (assets === undefined) {
    process.stderr.write('skipped: no ../shared/assets, and QUINTET_ASSETS is not set\n')
    return []
  }
  const folder = assets
  const functions = invocations(folder)
  const cells: Cell[] = []
  for (const count of [26, 80, 200]) {
    const models = measuredModels(count, folder)
    const requests = Array.from({ length: mappings }, (_, seed) => mapped(functions, count, seed + 1))
    for (const share of shares) cells.push({ models: count, share, results: played(requests, models, share) })
  }
  process.stderr.write(`${table(cells)}\n`)
  const ratios = cells.map((cell) => delay(cell, 'ageing') / delay(cell, 'lru'))
  const contested = cells.filter((cell) => delay(cell, 'cost-belady') < 0.95 * delay(cell, 'lru'))
  const small = cells.filter(({ models, share }) => models === 26 && share <= 0.5)
  return [
    row('default against LRU, mean load delay: the worst of all sizes (simulated)', Math.max(...ratios), '×', '≤ 1'),
    row(
      'the same where the oracle is better by over 5 %',
      Math.max(...contested.map((cell) => delay(cell, 'ageing') / delay(cell, 'lru'))),
      '×',
      '≤ 0.999',
    ),
    row(
      'gap from LRU to the oracle closed, 26 models, 10–50 % of memory: least',
      Math.min(...small.map((cell) => closed(cell, 'ageing'))),
      'share',
      '≥ 0.5',
    ),
    row('… and most', Math.max(...small.map((cell) => closed(cell, 'ageing'))), 'share'),
    ...(await bounded(functions, folder)),
  ]
}

/** The same against a bound below which no policy can be, on requests few enough for a linear programme. */
async function bounded(functions: readonly (readonly number[])[], folder: string): Promise<Row[]> {
  const models = measuredModels(26, folder)
  const rows: Row[] = []
  for (const share of [0.2, 0.5]) {
    const budget = share * total(models)
    const sums = { bound: 0, lru: 0, ageing: 0, oracle: 0 }
    for (let seed = 1; seed <= 5; seed++) {
      const requests = mapped(functions, 26, seed, 0.02)
      sums.bound += await loadDelayBound(requests, models, budget)
      sums.lru += replay(requests, models, budget, lru).meanDelay
      sums.ageing += replay(requests, models, budget, ageing).meanDelay
      sums.oracle += replay(requests, models, budget, costBelady).meanDelay
    }
    const gap = sums.lru - sums.bound
    const what = `gap from LRU to the linear bound closed, 26 models, ${share * 100} % of memory:`
    rows.push(row(`${what} default`, (sums.lru - sums.ageing) / gap, 'share'))
    rows.push(row(`${what} oracle`, (sums.lru - sums.oracle) / gap, 'share'))
  }
  return rows
}

function played(requests: readonly Requests[], models: readonly ReplayModel[], share: number): Cell['results'] {
  const budget = share * total(models)
  return Object.fromEntries(
    Object.entries(policies).map(([name, policy]) => {
      const each = requests.map((one) => replay(one, models, budget, policy))
      const mean = (of: (replayed: Replayed) => number) => each.reduce((sum, one) => sum + of(one), 0) / each.length
      return [name, { meanDelay: mean((one) => one.meanDelay), missRate: mean((one) => one.missRate) }]
    }),
  )
}

function total(models: readonly ReplayModel[]): number {
  return models.reduce((sum, { bytes }) => sum + bytes, 0)
}

function delay({ results }: Cell, policy: string): number {
  return results[policy]?.meanDelay ?? Number.NaN
}

/** Which part of the way from LRU to the oracle a policy goes. */
function closed(cell: Cell, policy: string): number {
  return (delay(cell, 'lru') - delay(cell, policy)) / (delay(cell, 'lru') - delay(cell, 'cost-belady'))
}

function table(cells: readonly Cell[]): string {
  const table = new Table({
    head: ['models', 'memory', ...Object.keys(policies)],
    colAligns: ['right', 'right', ...Object.keys(policies).map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  })
  for (const cell of cells) {
    table.push([
      cell.models,
      `${cell.share * 100} %`,
      ...Object.entries(cell.results).map(
        ([name, { meanDelay, missRate }]) =>
          `${meanDelay.toFixed(0)} ms  ${(100 * missRate).toFixed(1)} %  ${percent(closed(cell, name))}`,
      ),
    ])
  }
  return `${table.toString()}\nmean load delay, miss rate, share of the gap from lru to cost-belady that is closed`
}

/** Nothing where there is no gap. */
function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(0)} %` : '–'
}
