import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processExecutors, threadExecutors } from '../../adapters/onnx/index.ts'
import { openSessions } from '../../adapters/onnx/session.ts'
import type { Tensor } from '../../pipeline/index.ts'
import type { ExecutorFactory } from '../../stages/execute/index.ts'
import type { ModelSource } from '../../stages/manage/index.ts'
import { writeModel } from '../support/onnx-builder.ts'
import { means } from '../support/small-models.ts'
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
 * What it costs that models run off the message thread: one executor's round trip over the same run in this thread, in
 * turns, in one run.
 */
export async function bench(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'quintet-bench-'))
  try {
    const light = writeModel(folder, 'means', means(side))
    return [...(await roundTrip(processExecutors(), light, 400)), ...(await roundTrip(threadExecutors(), light, 200))]
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
