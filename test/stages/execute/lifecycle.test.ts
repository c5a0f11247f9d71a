import { describe, expect, test } from 'vitest'
import { Cancellation } from '../../../pipeline/index.ts'
import { partition } from '../../../stages/execute/threads.ts'
import { input, later, model, poolOfFakes } from './pools.ts'

describe('a run handed ahead', () => {
  const ahead = { depth: 2, runMs: 10 }

  test('waits in the executor behind a short one, and begins when that is over', async () => {
    const { pool, clock, factory, learn } = await poolOfFakes(ahead)
    await learn('a', 10)
    const runs = [1, 2, 3].map((value) => pool.run(model('a'), input(value)))
    expect(pool.statistics().queued).toBe(1)
    await clock.advance(30)
    expect((await Promise.all(runs)).map(({ queueMs }) => queueMs)).toEqual([0, 10, 20])
    expect(factory.executors[0]?.runs.length).toBe(13)
  })

  test('never behind a long one, nor behind one that was never measured', async () => {
    const { pool, clock, learn } = await poolOfFakes({ depth: 2, runMs: ({ name }) => (name === 'long' ? 50 : 10) })
    await learn('long', 50)
    const long = [1, 2].map((value) => pool.run(model('long'), input(value)))
    expect(pool.statistics().queued).toBe(1)
    await clock.advance(100)
    await Promise.all(long)
    const fresh = [1, 2].map((value) => pool.run(model('new'), input(value)))
    expect(pool.statistics().queued).toBe(1)
    await clock.advance(100)
    await Promise.all(fresh)
  })

  test('is taken back when nobody waits for it any more, and never made', async () => {
    const { pool, clock, factory, learn } = await poolOfFakes(ahead)
    await learn('a', 10)
    const cancellation = new Cancellation()
    const first = pool.run(model('a'), input(1))
    const second = later(pool.run(model('a'), input(2), { cancellation }))
    cancellation.cancel()
    await clock.advance(50)
    await first
    await expect(second).rejects.toMatchObject({ code: 'cancelled' })
    expect(factory.executors[0]?.runs.length).toBe(11)
    expect(pool.statistics()).toMatchObject({ queued: 0, busy: 0 })
  })

  test('does not pay for the death of its executor under another', async () => {
    const { pool, clock, factory, learn } = await poolOfFakes(ahead)
    await learn('a', 10)
    for (let death = 0; death < 3; death++) {
      const doomed = later(pool.run(model('a'), input(1)))
      const innocent = pool.run(model('a'), input(2))
      await clock.advance(5)
      factory.executors.at(-1)?.crash()
      await clock.advance(1_000)
      await expect(innocent).resolves.toMatchObject({ outputs: input(2) })
      await doomed
    }
  })
})

describe('a tied run', () => {
  /** Two executors that hold the model; the first then hangs under a run, with another behind it. */
  async function stuck(tied?: number) {
    const each = await poolOfFakes({ depth: 2, runMs: 10 }, { size: 2, ...(tied === undefined ? {} : { tied }) })
    const { pool, clock, factory } = each
    await pool.warm([model('a')])
    for (let round = 0; round < 100; round++) {
      const runs = [1, 2].map((value) => pool.run(model('a'), input(value)))
      await clock.advance(10)
      await Promise.all(runs)
    }
    factory.executors[0]?.hang()
    const first = later(pool.run(model('a'), input(1), { expires: clock.now() + 500 }))
    const busy = pool.run(model('a'), input(2))
    const behind = pool.run(model('a'), input(3), { expires: clock.now() + 600 })
    await clock.advance(40)
    return { ...each, first, busy, behind }
  }

  test('is answered by another executor when what it waits behind takes longer than usual', async () => {
    const { pool, clock, first, behind, busy, state } = await stuck()
    await busy
    expect(await state(behind)).toMatchObject({ executor: 'fake-2' })
    expect(pool.statistics().tied).toBe(1)
    await clock.advance(5_000)
    await expect(first).rejects.toMatchObject({ code: 'deadline-exceeded' })
    // The copy that was taken back from the hung executor is not made again.
    expect(pool.statistics()).toMatchObject({ runs: 202, queued: 0, busy: 0 })
  })

  test('stays where it is when nothing may be tied', async () => {
    const { behind, state } = await stuck(0)
    expect(await state(behind)).toBe('pending')
  })

  test('is rare: no more than the given share of all runs', async () => {
    const { behind, state } = await stuck(0.001)
    expect(await state(behind)).toBe('pending')
  })
})

describe('an executor that has grown', () => {
  const recycle = { slack: 1_000, every: 0 }

  test('is followed by a fresh one without a gap: no run fails, and none waits for a start', async () => {
    let memory = 500
    const { pool, clock, factory, events } = await poolOfFakes(
      { runMs: 10, startMs: 100, memory: () => memory },
      { recycle },
    )
    await clock.advance(100)
    const answered: string[] = []
    let wait = 0
    for (let run = 0; run < 40; run++) {
      if (run === 20) memory = 2_000
      if (factory.executors.length > 1) memory = 500
      const done = pool.run(model('a'), input(run))
      await clock.advance(10)
      const { executor, queueMs } = await done
      answered.push(executor)
      wait = Math.max(wait, queueMs)
    }
    expect(wait).toBe(0)
    expect(new Set(answered)).toEqual(new Set(['fake-1', 'fake-2']))
    expect(factory.executors.map(({ state }) => state)).toEqual(['closed', 'alive'])
    expect(pool.statistics()).toMatchObject({ recycled: 1, restarts: 0, up: 1 })
    expect(events).toContainEqual({ type: 'executor-recycled', executor: 'fake-1', memory: 2_000, beyond: 1_890 })
  })

  test('finishes what it runs before it goes', async () => {
    let memory = 2_000
    const { pool, clock, factory } = await poolOfFakes(
      { runMs: ({ name }) => (name === 'long' ? 1_000 : 10), memory: () => memory },
      { recycle },
    )
    const first = pool.run(model('a'), input(1))
    const long = pool.run(model('long'), input(2))
    await clock.advance(10)
    await first
    memory = 500
    await clock.advance(1_000)
    expect(await long).toMatchObject({ outputs: input(2) })
    await clock.advance(10)
    expect(factory.executors.map(({ state }) => state)).toEqual(['closed', 'alive'])
  })

  test('is warmed like any other that takes a place', async () => {
    let memory = 2_000
    const { pool, clock, factory } = await poolOfFakes({ runMs: 10, memory: () => memory }, { recycle })
    await pool.warm([model('a')])
    const run = pool.run(model('a'), input(1))
    await clock.advance(10)
    await run
    memory = 500
    await clock.advance(10)
    expect(factory.executors[1]?.loads).toEqual(['a'])
  })

  test('is kept when no other can be started', async () => {
    const { pool, clock, factory } = await poolOfFakes({ runMs: 10, memory: () => 2_000 }, { recycle })
    factory.failStarts(1_000)
    for (let run = 0; run < 5; run++) {
      const done = pool.run(model('a'), input(run))
      await clock.advance(10)
      expect(await done).toMatchObject({ executor: 'fake-1' })
    }
    expect(pool.statistics()).toMatchObject({ recycled: 0, up: 1 })
  })

  test('is not replaced again before its time', async () => {
    const { pool, clock, factory } = await poolOfFakes(
      { runMs: 10, memory: () => 2_000 },
      { recycle: { slack: 1_000, every: 60_000 } },
    )
    for (let run = 0; run < 5; run++) {
      const done = pool.run(model('a'), input(run))
      await clock.advance(10)
      await done
    }
    expect(factory.executors.length).toBe(1)
  })

  test('that still finishes something is ended with the pool', async () => {
    let memory = 2_000
    const { pool, clock, factory } = await poolOfFakes(
      { runMs: ({ name }) => (name === 'long' ? 100_000 : 10), memory: () => memory },
      { recycle },
    )
    const first = pool.run(model('a'), input(1))
    const long = later(pool.run(model('long'), input(2)))
    await clock.advance(10)
    await first
    memory = 500
    await clock.advance(10)
    const closed = pool.close(100)
    await clock.advance(10_000)
    await closed
    await expect(long).rejects.toMatchObject({ retryable: true })
    expect(factory.executors.every(({ state }) => state !== 'alive')).toBe(true)
    expect(clock.pending).toBe(0)
  })
})

describe('threads', () => {
  test('of all executors together never exceed the cores, and each has one at least', () => {
    expect(partition(2, 4, 8)).toBe(4)
    expect(partition(2, 8, 8)).toBe(4)
    expect(partition(3, 4, 8)).toBe(2)
    expect(partition(4, 4, 2)).toBe(1)
    expect(partition(2)).toBe(1)
    expect(partition(2, 3)).toBe(3)
  })
})
