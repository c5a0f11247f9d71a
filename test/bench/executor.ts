import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
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

/** One line of a benchmark. */
export interface Row {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** In words, `≤ 1.15`; empty for a figure that only informs. */
  readonly aim: string
  readonly holds: boolean
}

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
  const value = Math.round((median(there) - median(here)) * 1_000)
  return [
    {
      name: `${factory.kind} executor: 602 KB there and back, over a run in this thread`,
      value,
      unit: 'µs',
      aim: `≤ ${aim}`,
      holds: value <= aim,
    },
  ]
}

async function pool(model: ModelSource): Promise<Row[]> {
  const bare = await Promise.all([startBare(model), startBare(model)])
  const each = executorPool({ factory: processExecutors(), size: 2 })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const [bareRates, poolRates]: [number[], number[]] = [[], []]
  const runs = 200
  try {
    await each.warm([model])
    for (let round = 0; round < 7; round++) {
      const start = performance.now()
      await Promise.all(bare.map((process) => process.run(runs)))
      const middle = performance.now()
      delay.enable()
      await inFlight(4, 2 * runs, () => each.run(model, [input]))
      delay.disable()
      if (round === 0) {
        delay.reset()
        continue
      }
      bareRates.push((2 * runs) / (middle - start))
      poolRates.push((2 * runs) / (performance.now() - middle))
    }
  } finally {
    await each.close()
    for (const process of bare) process.end()
  }
  // Both of one round meet the same neighbours on the machine.
  const ratio = median(poolRates.map((rate, round) => rate / (bareRates[round] as number)))
  const stall = delay.percentile(99) / 1e6
  return [
    row('two bare processes: runs a second', median(bareRates) * 1_000, '1/s'),
    row('a pool of two: runs a second', median(poolRates) * 1_000, '1/s'),
    { ...row('a pool of two against two bare processes', ratio, '×', 2), aim: '≥ 0.95', holds: ratio >= 0.95 },
    { ...row('event-loop delay meanwhile, p99', stall, 'ms', 1), aim: '< 5', holds: stall < 5 },
  ]
}

const row = (name: string, value: number, unit: string, digits = 0): Row => ({
  name,
  value: Number(value.toFixed(digits)),
  unit,
  aim: '',
  holds: true,
})

/** Calls `count` times, always `width` at once. */
async function inFlight(width: number, count: number, call: () => Promise<unknown>): Promise<void> {
  let left = count
  const worker = async () => {
    while (left-- > 0) await call()
  }
  await Promise.all(Array.from({ length: width }, worker))
}

async function startBare(model: ModelSource): Promise<{ run(times: number): Promise<void>; end(): void }> {
  const program = fileURLToPath(new URL('./bare-runs.ts', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', program, model.path, String(side)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  await once(lines, 'line')
  return {
    async run(times) {
      child.stdin?.write(`${times}\n`)
      await once(lines, 'line')
    },
    end: () => child.stdin?.end(),
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] as number
}
