import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { processExecutors, threadExecutors } from '../../adapters/onnx/index.ts'
import { openSessions } from '../../adapters/onnx/session.ts'
import type { Tensor } from '../../pipeline/index.ts'
import { type ExecutorFactory, executorPool } from '../../stages/execute/index.ts'
import type { ModelSource } from '../../stages/manage/index.ts'
import { writeModel } from '../support/onnx-builder.ts'
import { convolutions, means } from '../support/small-models.ts'
import { median, type Row, row } from './row.ts'

/** The side of a picture whose tensor has 602 KB. */
const side = 224
const input: Tensor = {
  name: 'x',
  type: 'float32',
  shape: [1, 3, side, side],
  bytes: new Uint8Array(new Float32Array(3 * side * side).fill(0.5).buffer),
}

/**
 * What it costs that models run off the message thread: one executor's round trip over the same run in this thread,
 * and a pool of two against two processes that do nothing but run. All in turns, in one run.
 */
export async function bench(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'quintet-bench-'))
  try {
    const light = writeModel(folder, 'means', means(side))
    const usual = writeModel(folder, 'convolutions', convolutions(side))
    return [
      ...(await roundTrip(processExecutors(), light, 400)),
      ...(await roundTrip(threadExecutors(), light, 200)),
      ...(await pool(usual)),
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The median of what one call takes longer than the runtime in it, against the same without an executor. */
async function roundTrip(factory: ExecutorFactory, model: ModelSource, aim: number): Promise<Row[]> {
  const bare = openSessions()
  const executor = await factory.start()
  const [here, there]: [number[], number[]] = [[], []]
  try {
    await Promise.all([bare.load(model), executor.load(model)])
    for (let round = -200; round < 2_000; round++) {
      const before = performance.now()
      await bare.run(model.key, [input])
      const between = performance.now()
      await executor.run(model.key, [input])
      if (round < 0) continue
      here.push(between - before)
      there.push(performance.now() - between)
    }
  } finally {
    await executor.close()
    await bare.close()
  }
  const over = (median(there) - median(here)) * 1_000
  return [row(`${factory.kind} executor: 602 KB there and back, over a run in this thread`, over, 'µs', `≤ ${aim}`)]
}

async function pool(model: ModelSource): Promise<Row[]> {
  const bare = await Promise.all([startBare(model), startBare(model)])
  const each = executorPool({ factory: processExecutors(), size: 2 })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const rounds: Record<'bare' | 'pool', { rate: number; cpu: number }>[] = []
  const [runs, portion] = [400, 10]
  try {
    await each.warm([model])
    const executors = each.statistics().executors.map(({ id }) => Number(id?.replace('process-', '')))
    const runBare = async () => {
      // In small portions, as the pool would: else the slower of the two, by its neighbours, decides alone.
      let portions = runs / portion
      const loop = async (process: Bare) => {
        while (portions-- > 0) await process.run(portion)
      }
      await Promise.all(bare.map(loop))
    }
    const runPool = async () => {
      delay.enable()
      await inFlight(4, runs, () => each.run(model, [input]))
      delay.disable()
    }
    for (let round = 0; round < 7; round++) {
      const both = {
        bare: await measured(
          runBare,
          runs,
          bare.map(({ pid }) => pid),
        ),
        pool: await measured(runPool, runs, [process.pid, ...executors]),
      }
      // The first round warms up.
      if (round === 0) delay.reset()
      else rounds.push(both)
    }
  } finally {
    await each.close()
    for (const process of bare) process.end()
  }
  // Both of one round meet the same neighbours on the machine.
  const rate = median(rounds.map(({ bare, pool }) => pool.rate / bare.rate))
  const cpu = median(rounds.map(({ bare, pool }) => pool.cpu / bare.cpu))
  const stall = delay.percentile(99) / 1e6
  return [
    row('two bare processes: runs a second', median(rounds.map(({ bare }) => bare.rate)), '1/s'),
    row('a pool of two: runs a second', median(rounds.map(({ pool }) => pool.rate)), '1/s'),
    row('a pool of two against two bare processes', rate, '×', '≥ 0.95'),
    // What the ratio of the rates becomes where every core is taken.
    ...(Number.isNaN(cpu) ? [] : [row('processor time of a run in the pool against a bare one', cpu, '×')]),
    row('event-loop delay meanwhile, p99', stall, 'ms', '≤ 5'),
  ]
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

interface Bare {
  readonly pid: number
  run(times: number): Promise<void>
  end(): void
}

async function startBare(model: ModelSource): Promise<Bare> {
  // Compiled as this file is, or from source as it.
  const program = fileURLToPath(new URL(`./bare-runs${import.meta.url.slice(-3)}`, import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, program, model.path, String(side)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the bare process ended with ${code}`)
  })
  ended.catch(() => {})
  const said = () => Promise.race([once(lines, 'line'), ended])
  await said()
  return {
    pid: child.pid ?? 0,
    async run(times) {
      child.stdin?.write(`${times}\n`)
      await said()
    },
    end: () => child.stdin?.end(),
  }
}
