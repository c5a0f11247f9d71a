import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { processExecutors } from '../../../adapters/onnx/index.ts'
import { ExecutorLost, type Tensor, TooLarge } from '../../../pipeline/index.ts'
import { type Executor, executorPool, type PoolEvent } from '../../../stages/execute/index.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { writeModel } from '../../support/onnx-builder.ts'
import { program } from '../../support/program.ts'
import { identity, seeded, slow } from '../../support/small-models.ts'

const folder = temporaryFolder()
/** Goes on for ten seconds or more: no test waits for its end. */
const endless = writeModel(folder, 'endless', slow({ times: 3_000 }))
const brief = writeModel(folder, 'brief', slow({ times: 30 }))
const any = writeModel(folder, 'any', identity('uint8', ['n']))

const matrix: Tensor = {
  name: 'x',
  type: 'float32',
  shape: [384, 384],
  bytes: new Uint8Array(seeded(384 * 384, 1, 0.05).buffer),
}
const bytes = (count: number): Tensor => ({ name: 'x', type: 'uint8', shape: [count], bytes: new Uint8Array(count) })

const pidOf = (id: string | undefined) => Number(id?.replace('process-', ''))
const open: { close(): Promise<void> }[] = []
afterAll(() => Promise.all(open.map((each) => each.close())))

async function start(options = {}): Promise<Executor> {
  const executor = await processExecutors(options).start()
  open.push(executor)
  return executor
}

/** Long enough for a run to be under way in its process; the runs that follow go on for much longer. */
const underWay = () => pause(100)

describe('a process that is killed with -9 in mid-run', () => {
  test('rejects its work, and tells of its loss', async () => {
    const executor = await start()
    await executor.load(endless)
    const runs = [executor.run(endless.key, [matrix]), executor.load(brief)].map((each) =>
      each.catch((error: unknown) => error),
    )
    await underWay()
    process.kill(pidOf(executor.id), 'SIGKILL')
    for (const each of await Promise.all(runs)) expect(each).toBeInstanceOf(ExecutorLost)
    const lost = await executor.lost
    expect(lost.message).toContain('SIGKILL')
    await expect(executor.run(endless.key, [matrix])).rejects.toThrow(ExecutorLost)
  })

  test('costs nobody an answer: the pool gives the work to another and replaces the dead one', async () => {
    const events: PoolEvent[] = []
    const pool = executorPool({ factory: processExecutors(), size: 2, events: (event) => events.push(event) })
    open.push(pool)
    await pool.warm([brief])
    const runs = Array.from({ length: 12 }, () => pool.run(brief, [matrix]))
    await pause(20)
    const victim = pool.statistics().executors[0]?.id
    process.kill(pidOf(victim), 'SIGKILL')
    const reports = await Promise.all(runs)
    expect(new Set(reports.map(({ outputs }) => Buffer.from(outputs[0]?.bytes ?? []).toString('base64'))).size).toBe(1)
    expect(events.filter(({ type }) => type === 'executor-lost').length).toBe(1)
    // Its replacement is warmed again.
    await pool.warm([brief])
    expect(pool.statistics()).toMatchObject({ up: 2, restarts: 1, runs: 12 })
    await pool.close()
  })
})

describe('a run that hangs', () => {
  test('can be killed by its owner', async () => {
    const executor = await start()
    await executor.load(endless)
    const run = executor.run(endless.key, [matrix])
    await underWay()
    executor.kill()
    await expect(run).rejects.toThrow(ExecutorLost)
  })

  test('is ended by closing once its time to finish is over', async () => {
    const executor = await start()
    await executor.load(endless)
    const run = executor.run(endless.key, [matrix])
    run.catch(() => {})
    await underWay()
    await executor.close(50)
    await expect(run).rejects.toThrow(ExecutorLost)
    expect(() => process.kill(pidOf(executor.id), 0)).toThrow(/ESRCH/)
  })

  test('costs its executor its life in a pool, and the next run is answered', async () => {
    const pool = executorPool({ factory: processExecutors(), size: 1, grace: 50, longestRun: 2000 })
    open.push(pool)
    await pool.warm([endless, brief])
    const expires = performance.now() + 500
    await expect(pool.run(endless, [matrix], { expires })).rejects.toThrow(/time for a run of "endless" is over/)
    expect((await pool.run(brief, [matrix])).outputs.length).toBe(1)
    expect(pool.statistics().restarts).toBe(1)
    await pool.close()
  })
})

describe('a process', () => {
  test('ends when its parent is killed', async () => {
    const script = program(new URL('./programs/parent.ts', import.meta.url))
    const parent: ChildProcess = spawn(process.execPath, [script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(parent.stdout as NodeJS.ReadableStream, 'data')
    const pid = pidOf(String(line).trim())
    expect(() => process.kill(pid, 0)).not.toThrow()
    parent.kill('SIGKILL')
    // Both write to this pipe, so it closes only when both have ended.
    await once(parent, 'close')
  })

  test('does not end by the signals that a terminal sends to the whole group', async () => {
    const executor = await start()
    await executor.load(brief)
    const run = executor.run(brief.key, [matrix])
    process.kill(pidOf(executor.id), 'SIGINT')
    process.kill(pidOf(executor.id), 'SIGTERM')
    expect((await run).outputs.length).toBe(1)
    expect((await executor.run(brief.key, [matrix])).outputs.length).toBe(1)
  })

  test('refuses tensors beyond its bound, in both directions, and goes on', async () => {
    const executor = await start({ largest: 100_000 })
    await executor.load(any)
    await expect(executor.run(any.key, [bytes(100_001)])).rejects.toThrow(TooLarge)
    expect((await executor.run(any.key, [bytes(100_000)])).outputs[0]?.shape).toEqual([100_000])
    await executor.load(brief)
  })

  test('carries tensors of many sizes, empty ones as well', async () => {
    const executor = await start()
    await executor.load(any)
    for (const count of [0, 1, 65_535, 65_536, 65_537, 1_000_003, 9_000_000]) {
      const { outputs } = await executor.run(any.key, [bytes(count)])
      expect(outputs[0]?.bytes.byteLength).toBe(count)
    }
  })

  test('that does not start in time is given up', async () => {
    await expect(start({ startWithin: 1 })).rejects.toThrow(/not ready within 1 ms/)
  })
})
