import { describe, expect, test } from 'vitest'
import { ExecutionFailed, type Tensor } from '../../../pipeline/index.ts'
import { input, later, model, poolOfFakes } from './pools.ts'

/** t(n) = 9 + n: eight as one take 17 ms, one by one 80. */
const runMs = (_: unknown, [tensor]: readonly Tensor[]) => 9 + (tensor?.shape[0] ?? 1)
const batching = { runMs, batches: true }

/** A pool that has found out what batches of up to eight take. */
async function learned(wait = 0) {
  const each = await poolOfFakes(batching, { batch: { size: 8, wait }, queue: 64 })
  for (let round = 0; round < 8; round++) {
    const runs = Array.from({ length: 9 }, (_, value) => each.pool.run(model('a'), input(value)))
    await each.clock.advance(200 + 2 * wait)
    await Promise.all(runs)
  }
  return each
}

describe('batching', () => {
  test('what waits while an executor is busy goes as one, and each gets its own answer', async () => {
    const { pool, clock } = await learned()
    const before = pool.statistics()
    const runs = Array.from({ length: 9 }, (_, value) => pool.run(model('a'), input(value)))
    await clock.advance(27)
    const reports = await Promise.all(runs)
    expect(reports.map(({ outputs }) => outputs)).toEqual(Array.from({ length: 9 }, (_, value) => input(value)))
    expect(reports.map(({ batch }) => batch)).toEqual([1, 8, 8, 8, 8, 8, 8, 8, 8])
    const after = pool.statistics()
    expect([after.runs - before.runs, after.batches - before.batches]).toEqual([9, 2])
  })

  test('runs of several owners go together', async () => {
    const { pool, clock } = await learned()
    const owners = ['a', 'a', 'b', 'c', 'b', 'c', 'a', 'd', 'a']
    const runs = owners.map((owner, value) => pool.run(model('a'), input(value), { owner }))
    await clock.advance(27)
    const reports = await Promise.all(runs)
    expect(reports.map(({ outputs }) => outputs)).toEqual(owners.map((_, value) => input(value)))
    expect(reports.map(({ batch }) => batch)).toEqual([1, 8, 8, 8, 8, 8, 8, 8, 8])
  })

  test('answers share no memory', async () => {
    const { pool, clock } = await learned()
    const runs = Array.from({ length: 5 }, (_, value) => pool.run(model('a'), input(value)))
    await clock.advance(100)
    const buffers = (await Promise.all(runs)).slice(1).map(({ outputs }) => outputs[0]?.bytes.buffer)
    expect(new Set(buffers).size).toBe(4)
    expect(buffers[0]?.byteLength).toBe(1)
  })

  test('is off without being asked for', async () => {
    const { pool, clock } = await poolOfFakes(batching)
    const runs = Array.from({ length: 5 }, (_, value) => pool.run(model('a'), input(value)))
    await clock.advance(50)
    expect((await Promise.all(runs)).map(({ batch }) => batch)).toEqual([1, 1, 1, 1, 1])
  })

  test('a model whose first axis is fixed is run one by one', async () => {
    const { pool, clock } = await poolOfFakes({ runMs: 10 }, { batch: { size: 8 } })
    const runs = Array.from({ length: 5 }, (_, value) => pool.run(model('a'), input(value)))
    await clock.advance(50)
    expect((await Promise.all(runs)).map(({ batch }) => batch)).toEqual([1, 1, 1, 1, 1])
  })

  test('different shapes, names, outputs and models never meet in one run', async () => {
    const seen: (readonly Tensor[])[] = []
    const { pool, clock } = await poolOfFakes(
      {
        runMs: 10,
        batches: true,
        answer: (_, inputs) => {
          seen.push(inputs)
          return inputs
        },
      },
      { batch: { size: 8 } },
    )
    const wide: readonly Tensor[] = [{ name: 'input', type: 'uint8', shape: [1, 2], bytes: Uint8Array.of(1, 2) }]
    const other: readonly Tensor[] = [{ name: 'other', type: 'uint8', shape: [1], bytes: Uint8Array.of(3) }]
    const runs = [
      pool.run(model('a'), input(0)),
      pool.run(model('a'), input(1)),
      pool.run(model('a'), wide),
      pool.run(model('a'), other),
      pool.run(model('a'), input(1), { outputs: ['y'] }),
      pool.run(model('b'), input(1)),
    ]
    await clock.advance(100)
    expect((await Promise.all(runs)).map(({ batch }) => batch)).toEqual([1, 1, 1, 1, 1, 1])
    expect(seen.length).toBe(6)
  })

  test('a batch is never so large that its tightest deadline is missed', async () => {
    const { pool, clock } = await learned()
    const running = pool.run(model('a'), input(0))
    // Ten ms from now the executor is free; a batch of three takes 12 ms, one of four 13.
    const runs = Array.from({ length: 8 }, (_, value) =>
      later(pool.run(model('a'), input(value), { expires: clock.now() + 10 + 12.5 + value })),
    )
    await clock.advance(100)
    await running
    const outcomes = await Promise.allSettled(runs)
    expect(outcomes[0]).toMatchObject({ status: 'fulfilled', value: { batch: 3 } })
  })

  test('a run waits for company as long as was allowed, and says so', async () => {
    const { pool, clock, state } = await learned(20)
    const first = pool.run(model('a'), input(1))
    await clock.advance(15)
    expect(await state(first)).toBe('pending')
    const second = pool.run(model('a'), input(2))
    await clock.advance(5 + 11)
    expect(await first).toMatchObject({ batch: 2, queueMs: 20, batchMs: 20, runMs: 11 })
    expect(await second).toMatchObject({ batch: 2, queueMs: 5, batchMs: 5 })
  })

  test('a full batch waits for nobody', async () => {
    const { pool, clock } = await learned(1_000)
    const runs = Array.from({ length: 8 }, (_, value) => pool.run(model('a'), input(value)))
    await clock.advance(17)
    expect((await Promise.all(runs)).map(({ batch }) => batch)).toEqual([8, 8, 8, 8, 8, 8, 8, 8])
  })

  test('waiting for company ends in time for the deadline', async () => {
    const { pool, clock } = await learned(1_000)
    const run = pool.run(model('a'), input(1), { expires: clock.now() + 40 })
    await clock.advance(40)
    await expect(run).resolves.toMatchObject({ batch: 1 })
  })

  test('one that spoils its batch fails alone, the others are answered', async () => {
    const { pool, clock } = await poolOfFakes(
      {
        ...batching,
        answer: (_, inputs) => {
          if (inputs[0]?.bytes.includes(13)) throw new ExecutionFailed('unlucky')
          return inputs
        },
      },
      { batch: { size: 8 } },
    )
    const runs = [0, 1, 13, 3, 4].map((value) => later(pool.run(model('a'), input(value))))
    await clock.advance(500)
    const outcomes = await Promise.allSettled(runs)
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ])
  })

  test('a batch whose executor dies is made good one by one', async () => {
    const { pool, clock, factory } = await learned()
    const runs = Array.from({ length: 9 }, (_, value) => pool.run(model('a'), input(value)))
    await clock.advance(15)
    factory.executors[0]?.crash()
    await clock.advance(1_000)
    expect((await Promise.all(runs)).map(({ batch }) => batch)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1])
  })

  test('a model that answers otherwise than its shapes promise is answered one by one from then on', async () => {
    const { pool, clock } = await poolOfFakes({ ...batching, answer: () => input(7) }, { batch: { size: 8 } })
    const runs = Array.from({ length: 6 }, (_, value) => pool.run(model('a'), input(value)))
    await clock.advance(500)
    expect((await Promise.all(runs)).map(({ outputs }) => outputs)).toEqual(Array.from({ length: 6 }, () => input(7)))
  })
})
