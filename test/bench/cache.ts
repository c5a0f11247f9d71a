import Table from 'cli-table3'
import {
  type Cell,
  closedOf,
  delayOf,
  invocations,
  isContested,
  type Minutes,
  mapped,
  measuredModels,
  ours,
  type PolicyName,
  playedCells,
  policies,
  type ReplayModel,
  repeated,
  replay,
} from '../../examples/papers/edge-models/index.ts'
import { assets } from '../support/assets.ts'
import { loadDelayBound } from './cache-bound.ts'
import { sessionCosts } from './cache-sessions.ts'
import { median, type Row, row } from './row.ts'

const mappings = 20
const names = Object.keys(policies) as PolicyName[]

/**
 * The Azure sample of a day, thinned to a tenth, replayed over 26 to 200 models through the cache's own policies,
 * records and choice of victims: 20 mappings of functions to models, each policy on the same requests. Once with load
 * times and sizes as CremeBrulee measured them, once with those of real sessions, measured now. What is simulated is
 * the clock: a load takes its measured time of it. The tables go to the error stream; the rows hold the default against
 * LRU and the oracle (cost-Belady: feasible, knowing the future) and against a bound below which no policy can be.
 */
export async function bench(): Promise<Row[]> {
  if (assets === undefined) {
    process.stderr.write('skipped: no ../shared/assets, and QUINTET_ASSETS is not set\n')
    return []
  }
  const [functions, published] = await Promise.all([invocations(assets), measuredModels(assets)])
  const sessions = await sessionCosts(200)
  return [
    ...judged(
      'published costs',
      functions,
      [published.length, 200].map((count) => repeated(published, count)),
    ),
    ...judged(
      'costs of real sessions',
      functions,
      [published.length, 100, 200].map((count) => evenly(sessions, count)),
    ),
    ...(await bounded(functions, published)),
    decided(functions, sessions),
  ]
}

/** So many of the models, of all sizes. */
function evenly(models: readonly ReplayModel[], count: number): ReplayModel[] {
  return Array.from({ length: count }, (_, index) => models[Math.floor((index * models.length) / count)] as ReplayModel)
}

function judged(costs: string, functions: readonly Minutes[], sets: readonly (readonly ReplayModel[])[]): Row[] {
  const cells = sets.flatMap((models) => playedCells(functions, models, mappings))
  process.stderr.write(`${costs}\n${table(cells)}\n`)
  const ratio = ({ perSeed }: Cell) => delayOf(perSeed, ours) / delayOf(perSeed, 'lru')
  const small = cells.filter(({ models, share }) => models === sets[0]?.length && share <= 0.5)
  const closed = small.map(({ perSeed }) => closedOf(perSeed, ours))
  return [
    row(
      `${costs}: default against LRU, mean load delay, worst of all sizes`,
      Math.max(...cells.map(ratio)),
      '×',
      '≤ 1',
    ),
    row(
      `${costs}: the same where the oracle is better by over 5 %`,
      Math.max(...cells.filter(isContested).map(ratio)),
      '×',
      '≤ 0.999',
    ),
    row(
      `${costs}: gap to the oracle closed, 26 models, 10–50 % of memory, least`,
      Math.min(...closed),
      'share',
      '≥ 0.5',
    ),
  ]
}

/** Against a bound below which no policy can be, on requests few enough for a linear programme. */
async function bounded(functions: readonly Minutes[], models: readonly ReplayModel[]): Promise<Row[]> {
  const all = models.reduce((sum, { bytes }) => sum + bytes, 0)
  const rows: Row[] = []
  for (const share of [0.2, 0.5]) {
    const budget = share * all
    const sums = { bound: 0, lru: 0, [ours]: 0, 'cost-belady': 0 }
    for (let seed = 1; seed <= 5; seed++) {
      const requests = mapped(functions, models.length, seed, 0.02)
      sums.bound += await loadDelayBound(requests, models, budget)
      for (const name of ['lru', ours, 'cost-belady'] as const) {
        sums[name] += replay(requests, models, budget, policies[name]).meanDelay
      }
    }
    const gap = sums.lru - sums.bound
    const what = `gap from LRU to the linear bound closed, 26 models, ${share * 100} % of memory:`
    rows.push(row(`${what} default`, (sums.lru - sums[ours]) / gap, 'share', '≥ 0.4'))
    rows.push(row(`${what} oracle`, (sums.lru - sums['cost-belady']) / gap, 'share', '≤ 1'))
  }
  return rows
}

/** What the default's learning and choice of victims take beyond LRU's, for each load: far below the shortest load. */
function decided(functions: readonly Minutes[], models: readonly ReplayModel[]): Row {
  const budget = 0.1 * models.reduce((sum, { bytes }) => sum + bytes, 0)
  const requests = mapped(functions, models.length, 1)
  const took = (name: 'lru' | typeof ours) => {
    const rounds = Array.from({ length: 5 }, () => {
      const began = performance.now()
      const { missRate } = replay(requests, models, budget, policies[name])
      return { ms: performance.now() - began, loads: missRate * requests.at.length }
    })
    return { ms: median(rounds.map(({ ms }) => ms)), loads: rounds[0]?.loads ?? 1 }
  }
  const [lru, best] = [took('lru'), took(ours)]
  const us = (1_000 * (best.ms - lru.ms)) / best.loads
  return row('200 models, 10 % of memory: the default’s decisions for each load, beyond LRU’s', us, 'µs', '≤ 100')
}

function table(cells: readonly Cell[]): string {
  const table = new Table({
    head: ['models', 'memory', ...names],
    colAligns: ['right', 'right', ...names.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  })
  for (const { models, share, perSeed } of cells) {
    const missed = (name: PolicyName) =>
      perSeed.reduce((sum, played) => sum + played[name].missRate, 0) / perSeed.length
    table.push([
      models,
      `${share * 100} %`,
      ...names.map(
        (name) =>
          `${ms(delayOf(perSeed, name))}  ${(100 * missed(name)).toFixed(1)} %  ${percent(closedOf(perSeed, name))}`,
      ),
    ])
  }
  return `${table.toString()}\nmean load delay (ms), miss rate, share of the gap from lru to cost-belady that is closed`
}

const ms = (delay: number) => (delay < 10 ? delay.toFixed(2) : delay.toFixed(0))

/** Nothing where there is no gap. */
function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(0)} %` : '–'
}
