import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { catalogue } from '../../adapters/catalogue/index.ts'
import { processExecutors } from '../../adapters/onnx/index.ts'
import { zooFolder } from '../../examples/zoo/index.ts'
import { DeadlineExceeded, type Tensor } from '../../pipeline/index.ts'
import { type ExecutorPool, executorPool, RunRefused } from '../../stages/execute/index.ts'
import type { ModelSource } from '../../stages/manage/index.ts'
import { writeModel } from '../support/onnx-builder.ts'
import { convolutions } from '../support/small-models.ts'
import { type Bare, startBare } from './bare.ts'
import { median, p99, type Row, row } from './row.ts'

/** The side of a picture whose tensor has 602 KB. */
const side = 224

/** Convolutions of the models that are run: what the pool adds is the same for each, and less of a longer run. */
const convolutionCounts = [3, 6, 12, 24] as const

/** Within which a batched run has to be answered, ms. */
const deadline = 50

/**
 * A pool of two against two processes that do nothing but run the same sessions on an input they keep, and a pool that
 * runs several as one against one that does not. Both sides of each comparison by turns, in one run.
 */
export async function bench(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'quintet-bench-'))
  try {
    // In a young process: V8 shrinks its heap in the long runs of the others, and what is run often then pays for that.
    const batched = await batching()
    const rows: Row[] = []
    for (const count of convolutionCounts) {
      const model = writeModel(folder, `convolutions-${count}`, convolutions(side, count))
      rows.push(...(await againstBare(`${count} convolutions:`, model, Math.round(30 / count))))
    }
    return [...rows, ...batched]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** @param portion runs that a bare process is asked for at a time: about 30 ms of them */
async function againstBare(what: string, model: ModelSource, portion: number): Promise<Row[]> {
  // As many for either process.
  const runs = 50 * portion
  const input = picture('x', side)
  const bare = await Promise.all([startBare(model, side), startBare(model, side)])
  const pool = executorPool({ factory: processExecutors(), size: 2 })
  const rounds: Record<'bare' | 'pool', { rate: number; cpu: number }>[] = []
  let stall = Number.NaN
  try {
    await pool.warm([model])
    const executors = pool.statistics().executors.map(({ id }) => Number(id?.replace('process-', '')))
    const runBare = () => inPortions(bare, runs, portion)
    const runPool = () => inFlight(6, runs, () => pool.run(model, [input]))
    // Until everything that either side compiles is compiled.
    for (let round = 0; round < 4; round++) await runPool()
    await runBare()
    for (let round = 0; round < 7; round++) {
      const pids = bare.map(({ pid }) => pid)
      rounds.push({
        bare: await measured(runBare, runs, pids),
        pool: await measured(runPool, runs, [process.pid, ...executors]),
      })
    }
    stall = await delayDuring(async () => {
      for (let round = 0; round < 4; round++) await runPool()
    })
  } finally {
    await pool.close()
    for (const process of bare) process.end()
  }
  // Both of one round meet the same neighbours on the machine.
  const rate = median(rounds.map(({ bare, pool }) => pool.rate / bare.rate))
  const cpu = median(rounds.map(({ bare, pool }) => pool.cpu / bare.cpu))
  return [
    row(`${what} two bare processes`, median(rounds.map(({ bare }) => bare.rate)), '1/s'),
    row(`${what} a pool of two`, median(rounds.map(({ pool }) => pool.rate)), '1/s'),
    row(`${what} a pool of two against two bare processes`, rate, '×', '≥ 0.95'),
    // What the ratio of the rates becomes where every core is taken.
    ...(Number.isNaN(cpu) ? [] : [row(`${what} processor time in the pool against a bare one`, cpu, '×')]),
    row(`${what} event-loop delay meanwhile, p99`, stall, 'ms', '≤ 5'),
  ]
}

/**
 * The zoo's smallest model, 32 runs asked for at a time, each with a deadline: as many as one as pays, one by one, and in a
 * pool that does not know of batches. Whoever is refused comes back when told to; only answers in time count.
 */
async function batching(): Promise<Row[]> {
  const models = catalogue(zooFolder)
  const smallest = models.ids
    .map((id) => models.source(id))
    .reduce((one, other) => (one.bytes < other.bytes ? one : other))
  const { name, width } = models.entry(smallest.name).input
  const input = picture(name, width)
  const pools = [undefined, { size: 1 }, { size: 32 }].map((batch) =>
    executorPool({ factory: processExecutors(), size: 2, ...(batch ? { batch } : {}) }),
  )
  const [plain, off, batched] = pools.map((pool) => new Load(pool, smallest, input)) as [Load, Load, Load]
  try {
    for (const load of [plain, off, batched]) {
      await load.pool.warm([smallest])
      await load.round(4_000)
    }
    for (const load of [plain, off, batched]) load.forget()
    const rounds: (readonly [plain: number, off: number, batched: number])[] = []
    for (let round = 0; round < 5; round++) {
      rounds.push([await plain.round(2_000), await off.round(2_000), await batched.round(4_000)])
    }
    const { runs, batches } = batched.pool.statistics()
    return [
      row(
        `"${smallest.name}", 32 at a time: batched against one by one`,
        median(rounds.map(([p, , b]) => b / p)),
        '×',
        '≥ 1.5',
      ),
      row('p99 of a batched run', p99(batched.latencies), 'ms', `≤ ${deadline}`),
      row('batched runs refused or late', batched.late / (batched.late + batched.latencies.length), 'share', '≤ 0.01'),
      row('runs made as one, mean', runs / batches, ''),
      row('batching switched off against a pool without it', median(rounds.map(([p, o]) => o / p)), '×', '≥ 0.97'),
    ]
  } finally {
    await Promise.all(pools.map((pool) => pool.close()))
  }
}

/** Keeps 32 runs of one model asked for in a pool. */
class Load {
  readonly pool: ExecutorPool
  readonly #model: ModelSource
  readonly #input: Tensor
  /** Milliseconds of each run that was answered. */
  latencies: number[] = []
  /** Refused, or not answered in time. */
  late = 0

  constructor(pool: ExecutorPool, model: ModelSource, input: Tensor) {
    this.pool = pool
    this.#model = model
    this.#input = input
  }

  /** @returns answers in time for each second */
  async round(runs: number): Promise<number> {
    const [began, before] = [performance.now(), this.latencies.length]
    await inFlight(32, runs, () => this.#run())
    return ((this.latencies.length - before) * 1_000) / (performance.now() - began)
  }

  forget(): void {
    this.latencies = []
    this.late = 0
  }

  async #run(): Promise<void> {
    const started = performance.now()
    try {
      await this.pool.run(this.#model, [this.#input], { expires: started + deadline })
      this.latencies.push(performance.now() - started)
    } catch (error) {
      if (!(error instanceof RunRefused) && !(error instanceof DeadlineExceeded)) throw error
      this.late += 1
      const wait = error instanceof RunRefused ? (error.retryAfter ?? 1) : 0
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }
}

function picture(name: string, width: number): Tensor {
  const values = new Float32Array(3 * width * width).fill(0.5)
  return { name, type: 'float32', shape: [1, 3, width, width], bytes: new Uint8Array(values.buffer) }
}

/** In small portions, as a pool would: else the slower of the two, by its neighbours, decides alone. */
async function inPortions(bare: readonly Bare[], runs: number, portion: number): Promise<void> {
  let left = runs / portion
  await Promise.all(
    bare.map(async (process) => {
      while (left-- > 0) await process.run(portion)
    }),
  )
}

/** The 99th percentile of the event loop's delay, ms. */
async function delayDuring(work: () => Promise<void>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await work()
  delay.disable()
  return delay.percentile(99) / 1e6
}

/** Runs a second, and the processor time of the given processes. */
async function measured(run: () => Promise<void>, runs: number, pids: readonly number[]) {
  const [cpu, started] = [cpuOf(pids), performance.now()]
  await run()
  return { rate: (runs * 1_000) / (performance.now() - started), cpu: cpuOf(pids) - cpu }
}

/** Clock ticks that the processes have computed, together; NaN where the system does not tell. */
function cpuOf(pids: readonly number[]): number {
  try {
    return pids.reduce((sum, pid) => {
      const [, after = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
      const fields = after.split(' ')
      return sum + Number(fields[11]) + Number(fields[12])
    }, 0)
  } catch {
    return Number.NaN
  }
}

/** Calls `count` times, always `width` at once. */
async function inFlight(width: number, count: number, call: () => Promise<unknown>): Promise<void> {
  let left = count
  const worker = async () => {
    while (left-- > 0) await call()
  }
  await Promise.all(Array.from({ length: width }, worker))
}
