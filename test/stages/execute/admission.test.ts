import { describe, expect, test } from 'vitest'
import { RunRefused } from '../../../stages/execute/index.ts'
import { input, later, model, poolOfFakes } from './pools.ts'

describe('admission', () => {
  test('what cannot be in time behind more urgent work is refused at once, with the reason and when to ask again', async () => {
    const { pool, clock, state, learn } = await poolOfFakes({ runMs: 10 })
    await learn('a', 10)
    const urgent = [1, 2, 3].map((value) => pool.run(model('a'), input(value), { expires: clock.now() + 50 }))
    const refused = await state(pool.run(model('a'), input(4), { expires: clock.now() + 35 }))
    // Ten ms are left of the first; the two others are less urgent.
    expect(refused).toBe('pending')
    const late = (await state(pool.run(model('a'), input(5), { expires: clock.now() + 55 }))) as RunRefused
    // 10 + 3 × 10 before it, 10 itself would be 50: in time.
    expect(late).toBe('pending')
    const tooLate = (await state(pool.run(model('a'), input(6), { expires: clock.now() + 56 }))) as RunRefused
    expect(tooLate).toBeInstanceOf(RunRefused)
    expect(tooLate).toMatchObject({ reason: 'late', retryAfter: 4, code: 'refused' })
    expect(pool.statistics()).toMatchObject({ refused: 1, refusedBy: { late: 1 } })
    await clock.advance(100)
    await Promise.all(urgent)
  })

  test('what is admitted is in time', async () => {
    const { pool, clock, learn } = await poolOfFakes({ runMs: 10 }, { size: 2 })
    await learn('a', 10)
    await learn('b', 10)
    const runs = Array.from({ length: 40 }, (_, value) =>
      later(pool.run(model(value % 2 ? 'a' : 'b'), input(0), { expires: clock.now() + 65 })),
    )
    await clock.advance(100)
    const outcomes = await Promise.allSettled(runs)
    const failures = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason.name] : []))
    expect(new Set(failures)).toEqual(new Set(['RunRefused']))
    expect(outcomes.length - failures.length).toBeGreaterThanOrEqual(10)
  })

  test('a run that was overtaken until it cannot be in time any more is not begun', async () => {
    const begun: unknown[] = []
    const { pool, clock, state, learn } = await poolOfFakes({
      runMs: ({ name }) => {
        begun.push(name)
        return 10
      },
    })
    await learn('a', 10)
    const before = begun.length
    const running = pool.run(model('a'), input(1), { expires: clock.now() + 50 })
    const overtaken = pool.run(model('a'), input(2), { expires: clock.now() + 34 })
    const urgent = [3, 4].map((value) => pool.run(model('a'), input(value), { expires: clock.now() + 33 }))
    for (const run of [overtaken, ...urgent]) void run.catch(() => {})
    await clock.advance(40)
    expect(await state(overtaken)).toMatchObject({
      code: 'deadline-exceeded',
      message: expect.stringContaining('were left'),
    })
    await Promise.all([running, ...urgent])
    expect(begun.length - before).toBe(3)
  })

  test('without a deadline nothing is refused for being late', async () => {
    const { pool, clock, learn } = await poolOfFakes({ runMs: 10 })
    await learn('a', 10)
    const runs = Array.from({ length: 50 }, () => pool.run(model('a'), input(0)))
    await clock.advance(500)
    await Promise.all(runs)
  })

  test('figures that are wrong do not stay: once a second a run that seems hopeless is let in', async () => {
    let ms = 100
    const { pool, clock, state, learn } = await poolOfFakes({ runMs: () => ms })
    await learn('a', 100)
    ms = 5
    const run = () => later(pool.run(model('a'), input(0), { expires: clock.now() + 50 }))
    const first = run()
    expect(await state(run())).toMatchObject({ reason: 'late' })
    await clock.advance(20)
    await expect(first).resolves.toMatchObject({ runMs: 5 })
    expect(await state(run())).toMatchObject({ reason: 'late' })
    await clock.advance(1_000)
    const second = run()
    await clock.advance(20)
    await expect(second).resolves.toMatchObject({ runMs: 5 })
  })

  test('one slow run locks no model out: where an executor is idle its mean counts, behind others its p99', async () => {
    let ms = 10
    const { pool, clock, state, learn } = await poolOfFakes({ runMs: () => ms })
    await learn('a', 10)
    ms = 200
    const slow = pool.run(model('a'), input(0))
    await clock.advance(200)
    await slow
    ms = 10
    const run = () => later(pool.run(model('a'), input(0), { expires: clock.now() + 60 }))
    // The second is the one a second that is let in to see whether the figures are right.
    const [first, , behind] = [run(), run(), run()]
    expect(await state(behind)).toMatchObject({ reason: 'late' })
    await clock.advance(20)
    await expect(first).resolves.toMatchObject({ runMs: 10 })
    for (let again = 0; again < 5; again++) {
      const next = run()
      await clock.advance(10)
      await expect(next).resolves.toMatchObject({ runMs: 10 })
    }
  })

  test('a model that is not loaded is refused when its load alone takes too long, and then loaded for whoever comes back', async () => {
    const { pool, clock, factory, state } = await poolOfFakes({ loadMs: 300, runMs: 10 })
    const warm = pool.run(model('a'), input(0))
    await clock.advance(310)
    await warm
    factory.executors[0]?.crash()
    await clock.advance(200)
    const refused = await state(pool.run(model('a'), input(0), { expires: clock.now() + 100 }))
    expect(refused).toMatchObject({ reason: 'cold', retryAfter: 300 })
    await clock.advance(300)
    const again = pool.run(model('a'), input(0), { expires: clock.now() + 100 })
    await clock.advance(10)
    expect(await again).toMatchObject({ loadMs: 0 })
  })

  test('can be turned off', async () => {
    const { pool, clock, state, learn } = await poolOfFakes({ runMs: 100 }, { admission: false })
    await learn('a', 100)
    const run = later(pool.run(model('a'), input(0), { expires: clock.now() + 50 }))
    expect(await state(run)).toBe('pending')
  })
})

describe('the queue', () => {
  test('is bounded for each model: one that floods it leaves room for the others', async () => {
    const { pool, clock, state } = await poolOfFakes({ runMs: 10 }, { queue: 3 })
    const flood = Array.from({ length: 10 }, () => later(pool.run(model('a'), input(0))))
    const other = pool.run(model('b'), input(1))
    expect(await state(other)).toBe('pending')
    await clock.advance(200)
    const refused = (await Promise.allSettled(flood)).filter(({ status }) => status === 'rejected')
    expect(refused.length).toBe(6)
    await other
    expect(pool.statistics().refusedBy.full).toBe(6)
  })

  test('is bounded for all models together', async () => {
    const { pool, clock } = await poolOfFakes({ runMs: 10 }, { backlog: 4 })
    const runs = Array.from({ length: 10 }, (_, index) => later(pool.run(model(`m${index}`), input(0))))
    await clock.advance(500)
    expect((await Promise.allSettled(runs)).filter(({ status }) => status === 'fulfilled').length).toBe(5)
  })

  test('models take turns: a hundred runs of one delay a run of another by one run, not by a hundred', async () => {
    const { pool, clock, learn } = await poolOfFakes({ runMs: 10 })
    await learn('a', 10)
    await learn('b', 10)
    const flood = Array.from({ length: 100 }, () => pool.run(model('a'), input(0)))
    const other = pool.run(model('b'), input(1))
    await clock.advance(1_100)
    expect((await other).queueMs).toBeLessThanOrEqual(20)
    await Promise.all(flood)
  })

  test('turns are counted in executor time: a slow model gets as much of it as a fast one', async () => {
    const { pool, clock, learn } = await poolOfFakes({ runMs: ({ name }) => (name === 'slow' ? 40 : 10) })
    await learn('slow', 40)
    await learn('fast', 10)
    const done: string[] = []
    const run = (name: string) => pool.run(model(name), input(0)).then(() => done.push(name))
    const runs = ['slow', 'fast'].flatMap((name) => Array.from({ length: 40 }, () => run(name)))
    await clock.advance(400)
    const slow = done.filter((name) => name === 'slow').length
    expect(done.length - slow).toBeGreaterThanOrEqual(3 * slow)
    await clock.advance(2_000)
    await Promise.all(runs)
  })
})

describe('the desired size', () => {
  test('is what would work off what is pending within the target, at the measured rate', async () => {
    const { pool, clock, learn } = await poolOfFakes({ runMs: 10 }, { target: 100 })
    expect(pool.statistics().desiredSize).toBe(1)
    await learn('a', 10)
    const runs = Array.from({ length: 50 }, () => pool.run(model('a'), input(0)))
    expect(pool.statistics()).toMatchObject({ pendingMs: 500, desiredSize: 5 })
    await clock.advance(500)
    await Promise.all(runs)
    expect(pool.statistics().desiredSize).toBe(1)
  })
})
