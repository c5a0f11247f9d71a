import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processExecutors } from '../../adapters/onnx/index.ts'
import {
  invocations,
  mapped,
  nextUses,
  ours,
  type PolicyName,
  policies,
  type ReplayModel,
  type Requests,
} from '../../examples/papers/edge-models/index.ts'
import { fakeClock } from '../../pipeline/testing/index.ts'
import { modelCache } from '../../stages/execute/cache/index.ts'
import type { Executor } from '../../stages/execute/index.ts'
import type { ModelSource } from '../../stages/manage/index.ts'
import { assets } from '../support/assets.ts'
import { type GeneratedModel, generatedModels } from './cache-models.ts'
import { median, type Row, row } from './row.ts'

/** Bytes of the smallest and the largest file whose costs are measured. */
const measuredSizes = [0.25e6, 8e6] as const
/**
 * Smaller, so that all requests with their loads take minutes: a load reads, hashes and builds all the same. The
 * largest fits into the least memory.
 */
const replayedSizes = [0.25e6, 2e6] as const
const mappings = 20
/** Minutes of the trace before those that are loaded for: played through the cache without loads, so that policies know. */
const learnedMinutes = 120
/** Minutes of the trace that are loaded for, another part of the day for each mapping. */
const loadedMinutes = 8
const minute = 60_000
const day = 24 * 60 * minute
const shares = [0.1, 0.3, 0.5]
const compared = ['lru', ours, 'cost-belady'] as const satisfies readonly PolicyName[]

/** Real models, a process to hold them, and the folder of their files; all gone afterwards. */
async function withModels<T>(
  count: number,
  [smallest, largest]: readonly [smallest: number, largest: number],
  use: (models: readonly GeneratedModel[], executor: Executor) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'quintet-cache-'))
  const executor = await processExecutors().start()
  try {
    return await use(generatedModels(folder, count, smallest, largest), executor)
  } finally {
    await executor.close()
    rmSync(folder, { recursive: true })
  }
}

/** What real models of unlike sizes take in an executor's process. */
export function sessionCosts(count: number): Promise<ReplayModel[]> {
  return withModels(count, measuredSizes, measured)
}

/** Each model loaded and run three times: medians. */
async function measured(models: readonly GeneratedModel[], executor: Executor): Promise<ReplayModel[]> {
  const costs: ReplayModel[] = []
  for (const { source, input } of models) {
    const loads: { readonly ms: number; readonly bytes: number; readonly run: number }[] = []
    for (let round = 0; round < 3; round++) {
      const { ms, residentBytes } = await executor.load(source)
      const { ms: run } = await executor.run(source.key, [input])
      loads.push({ ms, bytes: residentBytes, run })
      await executor.unload(source.key)
    }
    costs.push({
      name: source.name,
      bytes: median(loads.map(({ bytes }) => bytes)),
      loadMs: median(loads.map(({ ms }) => ms)),
      runMs: median(loads.map(({ run }) => run)),
    })
  }
  return costs
}

/**
 * The Azure sample through the cache itself: 26 real models, really loaded, run and unloaded in a process as its
 * policy has it, 20 mappings, each at another time of the day. What is compressed is the time between requests: each
 * comes when the one before has been answered, and the cache's clock shows when it came in the trace. The delay is what
 * a request really waited. The two hours before go through the same cache with loads that only take note.
 */
export async function bench(): Promise<Row[]> {
  if (assets === undefined) {
    process.stderr.write('skipped: no ../shared/assets, and QUINTET_ASSETS is not set\n')
    return []
  }
  const functions = await invocations(assets)
  return withModels(26, replayedSizes, async (models, executor) => {
    const rows: Row[] = []
    const costs = await measured(models, executor)
    for (const share of shares) {
      const sums = { lru: none, [ours]: none, 'cost-belady': none }
      let count = 0
      for (let seed = 1; seed <= mappings; seed++) {
        const begin = ((seed - 1) / (mappings - 1)) * (day - (learnedMinutes + loadedMinutes) * minute)
        const requests = between(mapped(functions, models.length, seed), begin, learnedMinutes + loadedMinutes)
        const first = requests.at.findIndex((at) => at >= begin + learnedMinutes * minute)
        count += requests.at.length - first
        // By turns within each mapping: all meet the same neighbours on the machine.
        for (const name of compared) {
          const waits = await replayed(requests, { first, models, costs, executor, share, policy: name })
          sums[name] = { waited: sums[name].waited + waits.waited, usual: sums[name].usual + waits.usual }
        }
      }
      const what = `real sessions, 26 models, ${share * 100} % of memory, ${count} requests`
      rows.push(
        ...compared.map((name) => row(`${what}: mean wait for a load, ${name}`, sums[name].waited / count, 'ms')),
      )
      for (const [how, kind] of [
        ['as waited', 'waited'],
        ['each load at its model’s median', 'usual'],
      ] as const) {
        const [lru, best, oracle] = compared.map((name) => sums[name][kind]) as [number, number, number]
        rows.push(
          row(`${what}, ${how}: default against LRU`, best / lru, '×', '≤ 0.999'),
          row(`${what}, ${how}: gap from LRU to the oracle closed`, (lru - best) / (lru - oracle), 'share', '≥ 0.5'),
        )
      }
    }
    return rows
  })
}

/** The requests of so many minutes. */
function between({ at, model }: Requests, begin: number, minutes: number): Requests {
  const [first, last] = [begin, begin + minutes * minute].map((bound) => at.findIndex((each) => each >= bound))
  const end = last === -1 ? at.length : last
  return { at: at.slice(first, end), model: model.slice(first, end) }
}

/** Milliseconds that requests waited for loads, together. */
interface Waits {
  /** What they really waited: also what else the machine did meanwhile. */
  readonly waited: number
  /** Each load counted as long as its model's median: what the policy alone is to blame for. */
  readonly usual: number
}

const none: Waits = { waited: 0, usual: 0 }

interface Replay {
  /** The place of the first request that is loaded for. */
  readonly first: number
  readonly models: readonly GeneratedModel[]
  readonly costs: readonly ReplayModel[]
  readonly executor: Executor
  readonly share: number
  readonly policy: PolicyName
}

/** @returns what the requests that are loaded for waited */
async function replayed(
  { at, model: asked }: Requests,
  { first, models, costs, executor, share, policy }: Replay,
): Promise<Waits> {
  const clock = fakeClock()
  const following = nextUses(asked, models.length)
  const next = new Map<string, number>()
  const loadMs = new Map(models.map(({ source }, index) => [source.key, costs[index]?.loadMs]))
  const held = new Map<string, ModelSource>()
  let loads = false
  const cache = modelCache({
    clock,
    budget: share * models.reduce((sum, { source }) => sum + source.bytes, 0),
    bytesPerFileByte: 1,
    // Requests come one at a time: nothing could be crowded out before it was used.
    guard: 0,
    policy: policies[policy]((key) => next.get(key) ?? Number.POSITIVE_INFINITY),
    host: {
      async load(_, model) {
        const { ms } = loads ? await executor.load(model) : { ms: loadMs.get(model.key) ?? 0 }
        held.set(model.key, model)
        // By its file: what a process grows by depends on what it held before, and would differ between policies.
        return { ms, residentBytes: model.bytes }
      },
      async unload(_, key) {
        if (loads) await executor.unload(key)
        held.delete(key)
      },
    },
  })
  cache.up(executor.id)
  let waited = 0
  let usual = 0
  for (const [index, place] of asked.entries()) {
    const { source, input } = models[place] as GeneratedModel
    if (index === first) {
      loads = true
      for (const model of held.values()) await executor.load(model)
    }
    const now = at[index] as number
    await clock.advance(now - clock.now())
    next.set(source.key, at[following[index] as number] ?? Number.POSITIVE_INFINITY)
    const started = performance.now()
    const lease = await cache.lease(source)
    if (loads && lease.cold) {
      waited += performance.now() - started
      usual += loadMs.get(source.key) ?? 0
    }
    const { ms } = loads ? await executor.run(source.key, [input]) : { ms: 0 }
    lease.release(loads ? ms : undefined)
  }
  cache.close()
  for (const key of held.keys()) await executor.unload(key)
  return { waited, usual }
}
