import { describe, expect, test } from 'vitest'
import { modelCache } from '../../../stages/execute/cache/index.ts'
import type { ExecutorPoolOptions, ModelSource } from '../../../stages/execute/index.ts'
import type { FakeExecutorsOptions } from '../../../stages/execute/testing.ts'
import { input, later, model, poolOfFakes } from './pools.ts'

/** A pool whose executors share a memory for so many models of 10 bytes each. */
function poolWithMemory(
  models: number,
  fakes: Partial<FakeExecutorsOptions> = {},
  options: Partial<ExecutorPoolOptions> = {},
) {
  return poolOfFakes(fakes, {
    cache: (host, clock) => modelCache({ host, clock, budget: models * 10, bytesPerFileByte: 1, guard: 0 }),
    ...options,
  })
}

const held = (executors: readonly { readonly models: readonly string[] }[]) => executors.flatMap(({ models }) => models)

describe('a pool with a memory', () => {
  test('a thousand runs of a cold model load it once', async () => {
    const { pool, clock, factory } = await poolWithMemory(2, { loadMs: 50, runMs: 1 }, { queue: 1_000 })
    const runs = Array.from({ length: 1_000 }, (_, value) => pool.run(model('a'), input(value % 256)))
    await clock.advance(2_000)
    const reports = await Promise.all(runs)
    expect(factory.executors[0]?.loads).toEqual(['a'])
    expect(reports.map(({ outputs }) => outputs[0]?.bytes[0])).toEqual(runs.map((_, value) => value % 256))
    expect(reports[0]).toMatchObject({ loadMs: 50, queueMs: 0 })
    expect(reports[999]).toMatchObject({ loadMs: 50, queueMs: 999 })
    const { cold } = pool.statistics()
    expect(cold).toMatchObject({ runs: 1_000, hitRatio: 0, byteHitRatio: 0, coalescing: 1_000 })
    // Each waits 50 ms for the load, runs 1 ms, and queues 0 to 999 ms.
    expect(cold.latencyShare).toBeCloseTo(50 / (50 + 1 + 499.5), 6)
  })

  test('many models through little memory: every run is answered, and no more is held than fits', async () => {
    const { pool, clock, factory } = await poolWithMemory(3, { loadMs: 20, runMs: 5, depth: 2 }, { size: 2 })
    let most = 0
    for (let round = 0; round < 60; round++) {
      const names = [round, round * 7 + 1, round % 3].map((value) => `m${value % 10}`)
      const runs = names.map((name) => pool.run(model(name), input(round)))
      for (let step = 0; step < 30; step++) {
        await clock.advance(5)
        most = Math.max(most, held(pool.statistics().executors).length)
      }
      for (const each of await Promise.all(runs)) expect(each.outputs).toEqual(input(round))
    }
    expect(most).toBe(3)
    expect(factory.executors.flatMap(({ unloads }) => unloads).length).toBeGreaterThan(20)
  })

  test('a run that cannot have its model loaded in time is refused at once, with its reason', async () => {
    const { pool, clock, state } = await poolWithMemory(1, { loadMs: 500, runMs: 5 })
    const first = pool.run(model('a'), input(1))
    await clock.advance(505)
    await first
    await clock.advance(10_000)
    const other = pool.run(model('b'), input(1))
    await clock.advance(600)
    await other
    await clock.advance(10_000)
    const refused = await state(pool.run(model('a'), input(1), { expires: clock.now() + 100 }))
    expect(refused).toMatchObject({ code: 'refused', reason: 'cold' })
    expect((refused as { retryAfter: number }).retryAfter).toBeGreaterThan(400)
  })

  test('a run that could wait is not refused for one that could not', async () => {
    const { pool, clock, state } = await poolWithMemory(1, { loadMs: 500, runMs: 5 })
    for (const name of ['a', 'b']) {
      const run = pool.run(model(name), input(1))
      await clock.advance(600)
      await run
      await clock.advance(10_000)
    }
    const patient = pool.run(model('a'), input(1), { expires: clock.now() + 2_000 })
    const hasty = pool.run(model('a'), input(2), { expires: clock.now() + 100 })
    expect(await state(hasty)).toMatchObject({ code: 'refused' })
    await clock.advance(600)
    expect(await patient).toMatchObject({ outputs: input(1) })
  })

  test('an executor that dies takes what it held along, and its run is answered elsewhere', async () => {
    const { pool, clock, factory } = await poolWithMemory(4, { loadMs: 20, runMs: 100 }, { size: 2 })
    const run = pool.run(model('a'), input(1))
    await clock.advance(50)
    const on = factory.executors.find(({ runs }) => runs.length > 0)
    on?.crash()
    await clock.advance(1_000)
    expect(await run).toMatchObject({ outputs: input(1) })
    expect(factory.executors.filter(({ runs }) => runs.length > 0).length).toBe(2)
    expect(held(pool.statistics().executors)).toEqual(['a'])
  })

  test('a model that no executor can load fails its runs alone', async () => {
    const { pool, clock } = await poolWithMemory(2, {
      runMs: 5,
      onLoad: ({ name }) => {
        if (name === 'bad') throw new Error('damaged')
      },
    })
    const bad = [1, 2, 3].map((value) => later(pool.run(model('bad'), input(value))))
    const good = pool.run(model('good'), input(1))
    await clock.advance(100)
    await good
    await clock.advance(120_000)
    for (const each of bad) await expect(each).rejects.toBeInstanceOf(Error)
  })

  test('a pinned model is there whatever else is asked for', async () => {
    const { pool, clock, factory } = await poolWithMemory(2, { loadMs: 20, runMs: 5 })
    const pinned = pool.cache?.pin(model('a'))
    await clock.advance(20)
    await pinned
    for (let round = 0; round < 10; round++) {
      const run = pool.run(model(`m${round}`), input(1))
      await clock.advance(2_000)
      await run
    }
    expect(held(pool.statistics().executors)).toContain('a')
    expect(factory.executors[0]?.unloads).not.toContain('a')
  })

  test('warming loads what fits', async () => {
    const { pool, clock, factory } = await poolWithMemory(2, { loadMs: 10 })
    const warm = pool.warm([model('a'), model('b')])
    await clock.advance(100)
    await warm
    expect(factory.executors[0]?.loads.toSorted()).toEqual(['a', 'b'])
  })

  test('runs under an alias move to its new version, and none fails meanwhile', async () => {
    const { pool, clock } = await poolWithMemory(3, { loadMs: 50, runMs: 5 })
    const [first, second]: ModelSource[] = [model('v1'), model('v2')]
    const moved = pool.cache?.alias('v', first as ModelSource)
    await clock.advance(200)
    await moved
    const run = pool.run(first as ModelSource, input(1))
    const rolled = pool.cache?.alias('v', second as ModelSource)
    await clock.advance(500)
    expect(await run).toMatchObject({ outputs: input(1) })
    await rolled
    expect(held(pool.statistics().executors)).toEqual(['v2'])
  })
})
