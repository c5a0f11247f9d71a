import { afterEach, describe, expect, test } from 'vitest'
import { Cancellation, DeadlineExceeded, ModelLoadFailed } from '../../../pipeline/index.ts'
import { type ExecutorPool, executorPool, type PoolEvent } from '../../../stages/execute/index.ts'
import { fakeExecutors } from '../../../stages/execute/testing.ts'
import { manualClock, settled } from '../../support/manual-clock.ts'
import { input, later, model, poolOfFakes } from './pools.ts'

let open: ExecutorPool | undefined
afterEach(() => open?.close())

describe('an executor that dies', () => {
  test('its run is answered by another', async () => {
    const { clock, pool: each, factory } = await poolOfFakes({ runMs: 100 }, { size: 2 })
    const run = each.run(model('a'), input(7))
    await clock.advance(50)
    factory.executors[0]?.crash()
    await clock.advance(100)
    expect(await run).toMatchObject({ outputs: input(7), executor: 'fake-2', queueMs: 50 })
  })

  test('its run is answered by its replacement where there is no other', async () => {
    const { clock, pool: each, factory } = await poolOfFakes({ runMs: 100 })
    const run = each.run(model('a'), input(7))
    await clock.advance(50)
    factory.executors[0]?.crash()
    await clock.advance(200)
    expect(await run).toMatchObject({ outputs: input(7), executor: 'fake-2' })
    expect(each.statistics().restarts).toBe(1)
  })

  test('a death while it loads a model is made good just so', async () => {
    const { clock, pool: each, factory } = await poolOfFakes({ loadMs: 100 }, { size: 2 })
    const run = each.run(model('a'), input(7))
    await clock.advance(50)
    factory.executors[0]?.crash()
    await clock.advance(100)
    expect(await run).toMatchObject({ executor: 'fake-2' })
  })

  test('work that costs a second executor its life is given up, and the other work goes on', async () => {
    const { clock, pool: each, factory, state } = await poolOfFakes({ runMs: 100 }, { size: 2 })
    const poison = each.run(model('poison'), input(1))
    await clock.advance(50)
    factory.executors[0]?.crash()
    await clock.advance(50)
    factory.executors[1]?.crash()
    expect(await state(poison)).toMatchObject({
      code: 'quarantined',
      evidence: [
        { executor: 'fake-1', code: 'executor-lost' },
        { executor: 'fake-2', code: 'executor-lost' },
      ],
    })
    const next = each.run(model('a'), input(2))
    await clock.advance(500)
    expect(await next).toMatchObject({ outputs: input(2) })
  })

  test('an idle one that dies is replaced as well', async () => {
    const { clock, pool: each, factory, events } = await poolOfFakes()
    factory.executors[0]?.crash()
    await clock.advance(100)
    expect(each.statistics()).toMatchObject({ up: 1, restarts: 1 })
    expect(events.map(({ type }) => type)).toEqual(['executor-started', 'executor-lost', 'executor-started'])
  })

  test('the wait before a restart doubles; past its budget the place rests, refuses meanwhile, and is tried again', async () => {
    const {
      clock,
      pool: each,
      factory,
      state,
    } = await poolOfFakes({}, { restart: { restarts: 3, within: 60_000, first: 10 } })
    for (const [wait, started] of [
      [10, 2],
      [20, 3],
      [40, 4],
    ] as const) {
      factory.executors.at(-1)?.crash()
      await clock.advance(wait - 1)
      expect(factory.executors.length).toBe(started - 1)
      await clock.advance(1)
      expect(factory.executors.length).toBe(started)
    }
    const waiting = each.run(model('a'), input(1), { cancellation: new Cancellation() })
    await waiting
    factory.executors.at(-1)?.crash()
    await clock.advance(9_999)
    expect(factory.executors.length).toBe(4)
    expect(await state(each.run(model('a'), input(1)))).toMatchObject({ code: 'refused', reason: 'given-up' })
    expect(await state(each.warm([model('a')]))).toMatchObject({ code: 'refused', reason: 'given-up' })
    await clock.advance(1)
    expect(factory.executors.length).toBe(5)
    expect(await each.run(model('a'), input(1))).toMatchObject({ executor: 'fake-5' })
    // It rests for longer when it dies again soon, and never longer than 20 s.
    for (const rest of [20_000, 20_000]) {
      const started = factory.executors.length
      factory.executors.at(-1)?.crash()
      await clock.advance(rest - 1)
      expect(factory.executors.length).toBe(started)
      await clock.advance(1)
      expect(factory.executors.length).toBe(started + 1)
    }
  })

  test('the last place that stays empty is told to the owner of the pool, once', async () => {
    const options = { size: 2, restart: { restarts: 0 } }
    const { clock, pool: each, factory, events, state } = await poolOfFakes({ runMs: 100 }, options)
    const run = later(each.run(model('a'), input(1)))
    factory.executors[0]?.crash()
    await clock.advance(1)
    expect(events.filter(({ type }) => type === 'given-up')).toEqual([])
    factory.executors[1]?.crash()
    await clock.advance(1)
    expect(events.filter(({ type }) => type === 'given-up')).toHaveLength(1)
    expect(await state(run)).toMatchObject({ code: 'executor-lost' })
    expect(await state(each.run(model('a'), input(1)))).toMatchObject({ code: 'refused', reason: 'given-up' })
    await each.close()
    expect(clock.pending).toBe(0)
  })

  test('starts that fail give no restart back, however slowly they come', async () => {
    const clock = manualClock()
    const factory = fakeExecutors({ clock })
    factory.failStarts(100)
    open = executorPool({ factory, size: 1, clock, restart: { restarts: 3, within: 10, first: 1_000, longest: 1_000 } })
    const run = later(open.run(model('a'), input(1)))
    await clock.advance(3_000)
    await expect(run).rejects.toMatchObject({ code: 'refused', reason: 'given-up' })
    expect(open.statistics().restarts).toBe(3)
    await open.close()
    expect(clock.pending).toBe(0)
  })

  test('a pool that is closed while a place pauses ends at once', async () => {
    const { clock, pool: each, factory } = await poolOfFakes({}, { restart: { first: 5_000 } })
    factory.executors[0]?.crash()
    await settled()
    await each.close()
    expect(clock.pending).toBe(0)
    await clock.advance(10_000)
    expect(factory.executors).toHaveLength(1)
  })

  test('deaths that are long past do not count against the budget', async () => {
    const { clock, pool: each, factory } = await poolOfFakes({}, { restart: { restarts: 1, within: 990, first: 10 } })
    for (let death = 0; death < 5; death++) {
      factory.executors.at(-1)?.crash()
      await clock.advance(1_000)
    }
    expect(each.statistics()).toMatchObject({ up: 1, restarts: 5 })
  })

  test('a start that fails is tried again like a death', async () => {
    const clock = manualClock()
    const factory = fakeExecutors({ clock })
    factory.failStarts(2)
    open = executorPool({ factory, size: 1, clock })
    const run = open.run(model('a'), input(1))
    await clock.advance(300)
    expect(await run).toMatchObject({ executor: 'fake-1' })
    expect(open.statistics().restarts).toBe(2)
  })
})

describe('a run that hangs', () => {
  test('the caller is told at its deadline; the executor is killed past ten times what such runs take, and replaced', async () => {
    const { clock, pool: each, factory, state, events } = await poolOfFakes({ runMs: 10 }, { grace: 500 })
    const usual = each.run(model('a'), input(1))
    await clock.advance(100)
    await usual
    const { p99Ms = 0 } = each.statistics().models[0] ?? {}
    expect(p99Ms).toBeGreaterThanOrEqual(10)
    factory.executors[0]?.hang()
    const run = later(each.run(model('a'), input(1), { expires: clock.now() + 100 }))
    await clock.advance(100)
    expect(await state(run)).toBeInstanceOf(DeadlineExceeded)
    await clock.advance(10 * p99Ms + 399)
    expect(factory.executors[0]?.state).toBe('alive')
    await clock.advance(1)
    expect(factory.executors[0]?.state).toBe('killed')
    const next = each.run(model('a'), input(2))
    await clock.advance(200)
    expect(await next).toMatchObject({ executor: 'fake-2' })
    expect(events).toContainEqual({ type: 'run-overdue', executor: 'fake-1', model: 'a', killed: true })
  })

  test('is none only because its caller’s time is over: a slow model costs no executor', async () => {
    const { clock, pool: each, factory, state } = await poolOfFakes({ runMs: 9_000 }, { admission: false })
    for (let n = 0; n < 8; n++) {
      const run = later(each.run(model('slow'), input(n), { expires: clock.now() + 1_000 }))
      await clock.advance(10_000)
      expect(await state(run)).toBeInstanceOf(DeadlineExceeded)
    }
    expect(factory.executors).toHaveLength(1)
    expect(factory.executors[0]?.state).toBe('alive')
    expect(each.statistics()).toMatchObject({ up: 1, restarts: 0 })
  })

  test('without a deadline the longest run allowed bounds it, and it is not tried again', async () => {
    const { clock, pool: each, factory, state } = await poolOfFakes({}, { longestRun: 1_000 })
    factory.executors[0]?.hang()
    const run = later(each.run(model('a'), input(1)))
    await clock.advance(1_000)
    expect(await state(run)).toBeInstanceOf(DeadlineExceeded)
    await clock.advance(10_000)
    expect(factory.executors.map(({ runs }) => runs)).toEqual([['a'], []])
  })

  test('a load that hangs costs the executor its life, and the run is tried once more', async () => {
    const { clock, pool: each, factory } = await poolOfFakes({ loadMs: 10_000 }, { longestLoad: 1_000, size: 2 })
    const run = later(each.run(model('a'), input(1)))
    await clock.advance(2_000)
    await expect(run).rejects.toThrow(ModelLoadFailed)
    expect(factory.executors.slice(0, 2).map(({ state }) => state)).toEqual(['killed', 'killed'])
  })

  test('a thread is not killed but reported, as killing it would abort the process', async () => {
    const clock = manualClock()
    const fakes = fakeExecutors({ clock })
    const events: PoolEvent[] = []
    open = executorPool({
      factory: { ...fakes, kind: 'thread' },
      size: 1,
      clock,
      grace: 10,
      longestRun: 500,
      events: (event) => events.push(event),
    })
    await settled()
    fakes.executors[0]?.hang()
    const run = later(open.run(model('a'), input(1), { expires: 100 }))
    await clock.advance(1_000)
    await expect(run).rejects.toThrow(DeadlineExceeded)
    expect(fakes.executors[0]?.state).toBe('alive')
    expect(events.at(-1)).toEqual({ type: 'run-overdue', executor: 'fake-1', model: 'a', killed: false })
    const closing = open.close(100)
    await clock.advance(100)
    await closing
  })
})
