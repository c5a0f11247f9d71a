import { afterEach, describe, expect, test } from 'vitest'
import {
  BadConfiguration,
  Cancellation,
  Cancelled,
  DeadlineExceeded,
  ExecutionFailed,
  ExecutorLost,
  ModelLoadFailed,
  Refused,
} from '../../../pipeline/index.ts'
import { type ExecutorPool, executorPool } from '../../../stages/execute/index.ts'
import { fakeExecutors } from '../../../stages/execute/testing.ts'
import { manualClock, settled } from '../../support/manual-clock.ts'
import { input, later, model, poolOfFakes } from './pools.ts'

let open: ExecutorPool | undefined
afterEach(() => open?.close())

describe('a run', () => {
  test('answers with its outputs, and with how long it waited, loaded and ran', async () => {
    const { clock, pool: each } = await poolOfFakes({ loadMs: 30, runMs: 10 })
    const first = each.run(model('a'), input(1))
    const second = each.run(model('a'), input(2))
    await clock.advance(50)
    const alone = { runMs: 10, batchMs: 0, batch: 1, executor: 'fake-1' }
    expect(await first).toEqual({ outputs: input(1), queueMs: 0, loadMs: 30, ...alone })
    expect(await second).toEqual({ outputs: input(2), queueMs: 40, loadMs: 0, ...alone })
  })

  test('waits for an executor that is still being started', async () => {
    const { clock, pool: each } = await poolOfFakes({ startMs: 500 })
    const run = each.run(model('a'), input(1))
    await clock.advance(500)
    expect((await run).queueMs).toBe(500)
  })

  test('fails with what the executor says, and the next one is answered', async () => {
    const { pool: each } = await poolOfFakes({
      answer: (_, [tensor]) => {
        if (tensor?.bytes[0] === 13) throw new ExecutionFailed('unlucky')
        return []
      },
    })
    await expect(each.run(model('a'), input(13))).rejects.toThrow(ExecutionFailed)
    await expect(each.run(model('a'), input(1))).resolves.toMatchObject({ outputs: [] })
  })

  test('fails when its model cannot be loaded, without harm to other models', async () => {
    const { pool: each, events } = await poolOfFakes({
      onLoad: ({ name }) => {
        if (name === 'bad') throw new ModelLoadFailed('damaged')
      },
    })
    await expect(each.run(model('bad'), input(1))).rejects.toThrow(ModelLoadFailed)
    await each.run(model('good'), input(1))
    expect(events.map(({ type }) => type)).toEqual(['executor-started', 'model-load-failed', 'model-loaded'])
  })
})

describe('where work goes', () => {
  test('an idle executor that holds the model is preferred to one that does not', async () => {
    const { pool: each, factory } = await poolOfFakes({}, { size: 2 })
    await each.run(model('a'), input(1))
    await each.run(model('b'), input(1))
    for (const name of ['a', 'b', 'b', 'a']) await each.run(model(name), input(1))
    expect(factory.executors.map(({ loads }) => loads)).toEqual([['a'], ['b']])
    expect(each.statistics().executors.map(({ models }) => models)).toEqual([['a'], ['b']])
  })

  test('when the holder is busy an idle executor loads the model too', async () => {
    const { clock, pool: each, factory } = await poolOfFakes({ runMs: 100 }, { size: 2 })
    const runs = [each.run(model('a'), input(1)), each.run(model('a'), input(2))]
    await clock.advance(100)
    const executors = (await Promise.all(runs)).map(({ executor }) => executor)
    expect(executors).toEqual(['fake-1', 'fake-2'])
    expect(factory.executors.map(({ loads }) => loads)).toEqual([['a'], ['a']])
  })

  test('a hundred runs of a cold model load it once on each executor', async () => {
    const { clock, pool: each, factory } = await poolOfFakes({ loadMs: 50, runMs: 1 }, { size: 2 })
    const runs = Array.from({ length: 100 }, (_, index) => each.run(model('a'), input(index)))
    await clock.advance(200)
    await Promise.all(runs)
    expect(factory.executors.map(({ loads }) => loads)).toEqual([['a'], ['a']])
    expect(each.statistics()).toMatchObject({ runs: 100, loads: 2, queued: 0, busy: 0, up: 2 })
  })

  test('a placement may let work wait for a certain executor, and other work goes before it', async () => {
    const { clock, pool: each } = await poolOfFakes(
      { runMs: 10 },
      {
        size: 2,
        // Model "a" has a home; everything else goes anywhere.
        place: ({ name }, idle) =>
          name === 'a' ? idle.find(({ id }) => id === 'fake-1') : idle.find(({ id }) => id === 'fake-2'),
      },
    )
    const runs = [each.run(model('a'), input(1)), each.run(model('a'), input(2)), each.run(model('b'), input(3))]
    await clock.advance(10)
    expect((await (runs[2] as Promise<{ queueMs: number }>)).queueMs).toBe(0)
    await clock.advance(10)
    expect((await Promise.all(runs)).map(({ executor }) => executor)).toEqual(['fake-1', 'fake-1', 'fake-2'])
  })
})

describe('the queue', () => {
  test('the most urgent waiting run goes first', async () => {
    const { clock, pool: each } = await poolOfFakes({ runMs: 10 })
    const done: string[] = []
    const run = (name: string, expires?: number) =>
      each.run(model('a'), input(1), { expires }).then(() => done.push(name))
    const runs = [run('running'), run('no deadline'), run('late', 900), run('soon', 500), run('soonest', 100)]
    await clock.advance(100)
    await Promise.all(runs)
    expect(done).toEqual(['running', 'soonest', 'soon', 'late', 'no deadline'])
  })

  test('a full queue refuses at once and says when to come back', async () => {
    const { clock, pool: each, state } = await poolOfFakes({ runMs: 10 }, { queue: 2 })
    const accepted = [1, 2, 3].map((value) => each.run(model('a'), input(value)))
    const refused = await state(each.run(model('a'), input(4)))
    expect(refused).toBeInstanceOf(Refused)
    expect((refused as Refused).retryAfter).toBeGreaterThan(0)
    expect(each.statistics()).toMatchObject({ queued: 2, refused: 1 })
    await clock.advance(30)
    await Promise.all(accepted)
  })

  test('without a queue an idle executor still takes work', async () => {
    const { clock, pool: each, state } = await poolOfFakes({ runMs: 10 }, { queue: 0 })
    const run = each.run(model('a'), input(1))
    expect(await state(each.run(model('a'), input(2)))).toBeInstanceOf(Refused)
    await clock.advance(10)
    await run
  })

  test('a run that is cancelled leaves the queue at once and is never begun', async () => {
    const { clock, pool: each, factory, state } = await poolOfFakes({ runMs: 10 })
    const cancellation = new Cancellation()
    const running = each.run(model('a'), input(1))
    const waiting = each.run(model('b'), input(2), { cancellation })
    cancellation.cancel()
    expect(await state(waiting)).toBeInstanceOf(Cancelled)
    expect(each.statistics().queued).toBe(0)
    await clock.advance(100)
    await running
    expect(factory.executors[0]?.runs).toEqual(['a'])
  })

  test('a run whose time passes while it waits ends there and then', async () => {
    const { clock, pool: each, factory, state } = await poolOfFakes({ runMs: 100 })
    const running = each.run(model('a'), input(1))
    const waiting = each.run(model('b'), input(2), { expires: 50 })
    await clock.advance(49)
    expect(await state(waiting)).toBe('pending')
    await clock.advance(1)
    expect(await state(waiting)).toBeInstanceOf(DeadlineExceeded)
    await clock.advance(50)
    await running
    expect(factory.executors[0]?.runs).toEqual(['a'])
  })

  test('what is over or unwanted on arrival never reaches the queue', async () => {
    const { clock, pool: each } = await poolOfFakes()
    await clock.advance(10)
    await expect(each.run(model('a'), input(1), { expires: 10 })).rejects.toThrow(DeadlineExceeded)
    const cancellation = new Cancellation()
    cancellation.cancel()
    await expect(each.run(model('a'), input(1), { cancellation })).rejects.toThrow(Cancelled)
    expect(each.statistics()).toMatchObject({ queued: 0, busy: 0 })
  })

  test('nothing is left behind: timers and listeners end with their run', async () => {
    const { clock, pool: each } = await poolOfFakes({ runMs: 10 })
    const cancellation = new Cancellation()
    const runs = [1, 2, 3].map((value) => each.run(model('a'), input(value), { expires: 1_000, cancellation }))
    await clock.advance(30)
    await Promise.all(runs)
    expect(clock.pending).toBe(0)
  })
})

describe('a run that is given up', () => {
  test('while its model loads: the load goes on, and the next run finds the model', async () => {
    const { clock, pool: each, factory, state } = await poolOfFakes({ loadMs: 100, runMs: 10 })
    const cancellation = new Cancellation()
    const first = each.run(model('a'), input(1), { cancellation })
    await clock.advance(50)
    cancellation.cancel()
    expect(await state(first)).toBeInstanceOf(Cancelled)
    const second = each.run(model('a'), input(2))
    await clock.advance(60)
    expect(await second).toMatchObject({ queueMs: 50, loadMs: 0 })
    expect(factory.executors[0]).toMatchObject({ loads: ['a'], runs: ['a'] })
  })

  test('while it runs: the caller is told at once, the executor is free when the run is over', async () => {
    const { clock, pool: each, state } = await poolOfFakes({ runMs: 100 })
    const cancellation = new Cancellation()
    const first = each.run(model('a'), input(1), { cancellation })
    await clock.advance(50)
    cancellation.cancel()
    expect(await state(first)).toBeInstanceOf(Cancelled)
    const second = each.run(model('a'), input(2))
    await clock.advance(150)
    expect((await second).queueMs).toBe(50)
  })
})

describe('warming', () => {
  test('loads the models on every executor, so that no run has to', async () => {
    const { clock, pool: each, factory } = await poolOfFakes({ loadMs: 10 }, { size: 2 })
    const warm = each.warm([model('a'), model('b')])
    await clock.advance(20)
    await warm
    expect(factory.executors.map(({ loads }) => loads)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
    expect(await each.run(model('b'), input(1))).toMatchObject({ loadMs: 0 })
  })

  test('a run that comes while its model is being warmed shares that load', async () => {
    const { clock, pool: each, factory } = await poolOfFakes({ loadMs: 100 })
    const warm = each.warm([model('a')])
    await clock.advance(50)
    const run = each.run(model('a'), input(1))
    await clock.advance(50)
    await Promise.all([warm, run])
    expect(factory.executors[0]?.loads).toEqual(['a'])
  })

  test('an executor that replaces a dead one is warmed again', async () => {
    const { clock, pool: each, factory } = await poolOfFakes()
    await each.warm([model('a')])
    factory.executors[0]?.crash()
    await clock.advance(100)
    expect(factory.executors[1]?.loads).toEqual(['a'])
  })

  test('a model that cannot be loaded is named, tried once, and the others are warm', async () => {
    const { pool: each, factory } = await poolOfFakes({
      onLoad: ({ name }) => {
        if (name === 'bad') throw new ModelLoadFailed('damaged')
      },
    })
    await expect(each.warm([model('bad')])).rejects.toThrow(ModelLoadFailed)
    await each.warm([model('good')])
    expect(factory.executors[0]?.loads).toEqual(['bad', 'good'])
  })
})

describe('the end', () => {
  test('draining finishes what waits and runs, refuses what is new, then ends the executors', async () => {
    const { clock, pool: each, factory, state } = await poolOfFakes({ runMs: 100 })
    const runs = [each.run(model('a'), input(1)), each.run(model('a'), input(2))]
    const drained = each.drain(1_000)
    const again = each.drain(1_000)
    expect(await state(each.run(model('a'), input(3)))).toBeInstanceOf(Refused)
    await clock.advance(200)
    expect((await Promise.all(runs)).length).toBe(2)
    await Promise.all([drained, again])
    expect(factory.executors[0]?.state).toBe('closed')
  })

  test('draining ends in time, whatever still waits or runs', async () => {
    const { clock, pool: each, state } = await poolOfFakes({ runMs: 1_000 })
    const [first, second, third] = [1, 2, 3].map((value) => later(each.run(model('a'), input(value))))
    const drained = each.drain(1_500)
    await clock.advance(1_500)
    await drained
    expect(await first).toMatchObject({ outputs: input(1) })
    await expect(second).rejects.toThrow(ExecutorLost)
    await expect(third).rejects.toThrow(Cancelled)
    expect(await state(each.warm([model('a')]))).toBeInstanceOf(Refused)
  })

  test('closing cancels what waits, lets the run finish, and starts nothing afterwards', async () => {
    const { clock, pool: each, factory, state } = await poolOfFakes({ runMs: 100 })
    const [running, waiting] = [each.run(model('a'), input(1)), each.run(model('a'), input(2))]
    await settled()
    const closed = each.close(1_000)
    expect(await state(waiting)).toBeInstanceOf(Cancelled)
    await clock.advance(100)
    expect(await running).toMatchObject({ outputs: input(1) })
    await closed
    await clock.advance(10_000)
    expect(factory.executors.map(({ state: each }) => each)).toEqual(['closed'])
  })

  test('closing while an executor starts leaves none behind', async () => {
    const { clock, pool: each, factory } = await poolOfFakes({ startMs: 100 })
    const closed = each.close()
    await clock.advance(100)
    await closed
    expect(factory.executors.map(({ state }) => state)).toEqual(['closed'])
  })

  test('a pool without a place is refused when it is made', () => {
    const clock = manualClock()
    expect(() => executorPool({ factory: fakeExecutors({ clock }), size: 0, clock })).toThrow(BadConfiguration)
  })
})

describe('several owners', () => {
  const runs = (pool: ExecutorPool, clock: { now(): number }, owner: string, times: number, ms = 10_000) =>
    Array.from({ length: times }, (_, value) =>
      pool.run(model(owner), input(value), { owner, expires: clock.now() + ms }),
    )

  test('get equal shares of the executors, however much of one waits with earlier deadlines', async () => {
    const { clock, pool: each, learn } = await poolOfFakes({ runMs: 10 }, { size: 2 })
    await learn('greedy', 10)
    await learn('polite', 10)
    const greedy = runs(each, clock, 'greedy', 100, 2000)
    const polite = runs(each, clock, 'polite', 10)
    let done = 0
    for (const run of polite) void run.then(() => done++)
    // Half of two executors make ten runs of 10 ms in 100 ms; one of the other's may be under way before.
    await clock.advance(120)
    expect(done).toBe(10)
    await clock.advance(1000)
    await Promise.all([...greedy, ...polite])
  })

  test('get shares of the time, not of the runs', async () => {
    const { clock, pool: each } = await poolOfFakes({ runMs: ({ name }) => (name === 'slow' ? 90 : 10) })
    for (const owner of ['slow', 'quick']) await Promise.all([runs(each, clock, owner, 1)[0], clock.advance(100)])
    const slow = runs(each, clock, 'slow', 20)
    const quick = runs(each, clock, 'quick', 50)
    let done = 0
    for (const run of quick) void run.then(() => done++)
    await clock.advance(600)
    expect(done).toBeGreaterThan(20)
    await clock.advance(3000)
    await Promise.all([...slow, ...quick])
  })

  test('with long runs have no more executors than their share, so that others come in beside them', async () => {
    const {
      clock,
      pool: each,
      state,
    } = await poolOfFakes({ runMs: ({ name }) => (name === 'long' ? 5000 : 10) }, { size: 4, admission: false })
    for (const owner of ['polite', 'long']) await Promise.all([runs(each, clock, owner, 1)[0], clock.advance(5000)])
    const long = runs(each, clock, 'long', 8, 60_000)
    await settled()
    expect(each.statistics()).toMatchObject({ busy: 2, queued: 6 })
    const [polite] = runs(each, clock, 'polite', 1) as [Promise<unknown>]
    await clock.advance(10)
    expect(await state(polite)).toMatchObject({ runMs: 10 })
    await clock.advance(60_000)
    await Promise.all(long)
  })

  test('where too many runs wait, the owner of most of them loses its last', async () => {
    const { clock, pool: each, state } = await poolOfFakes({ runMs: 10 }, { queue: 4 })
    const greedy = Array.from({ length: 5 }, (_, value) =>
      later(each.run(model('a'), input(value), { owner: 'greedy' })),
    )
    const polite = each.run(model('a'), input(9), { owner: 'polite' })
    expect(await state(greedy[4] as Promise<unknown>)).toMatchObject({ code: 'refused', reason: 'full' })
    expect(await state(polite)).toBe('pending')
    await clock.advance(100)
    await expect(polite).resolves.toMatchObject({ runMs: 10 })
    expect(each.statistics()).toMatchObject({ refusedBy: { full: 1 } })
  })

  test('one is not refused for the runs of others that are served after it', async () => {
    const { clock, pool: each, learn, state } = await poolOfFakes({ runMs: 10 })
    await learn('a', 10)
    const greedy = Array.from({ length: 50 }, (_, value) =>
      each.run(model('a'), input(value), { owner: 'greedy', expires: clock.now() + 1000 }),
    )
    const polite = each.run(model('a'), input(9), { owner: 'polite', expires: clock.now() + 100 })
    expect(await state(polite)).toBe('pending')
    await clock.advance(50)
    await expect(polite).resolves.toMatchObject({ runMs: 10 })
    await clock.advance(1000)
    await Promise.all(greedy)
  })
})
