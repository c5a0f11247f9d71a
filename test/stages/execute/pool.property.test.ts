import fc from 'fast-check'
import { expect, test } from 'vitest'
import { QuintetError } from '../../../pipeline/index.ts'
import { executorPool } from '../../../stages/execute/index.ts'
import { fakeExecutors } from '../../../stages/execute/testing.ts'
import { manualClock, settled } from '../../support/manual-clock.ts'

const model = (name: string) => ({ key: name, name, path: `${name}.onnx`, sha256: '', bytes: 10 })

const happening = fc.oneof(
  fc.record({
    type: fc.constant('run' as const),
    model: fc.constantFrom('a', 'b', 'c'),
    within: fc.option(fc.integer({ min: 1, max: 300 })),
  }),
  fc.record({ type: fc.constant('abort' as const), which: fc.nat(20) }),
  fc.record({ type: fc.constant('crash' as const), which: fc.nat(3) }),
  fc.record({ type: fc.constant('hang' as const), which: fc.nat(3) }),
  fc.record({ type: fc.constant('warm' as const), model: fc.constantFrom('a', 'b') }),
  fc.record({ type: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 100 }) }),
)

test('whatever dies, hangs, is aborted or expires: every run settles once, with an answer or a named error, and nothing stays behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(happening, { maxLength: 60, size: 'max' }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 0, max: 5 }),
      async (happenings, size, queue) => {
        const clock = manualClock()
        const factory = fakeExecutors({ clock, startMs: 20, loadMs: 30, runMs: 10 })
        const restarts = { times: 1_000, within: 60_000, backoff: 1 }
        const pool = executorPool({ factory, size, queue, clock, grace: 50, longestRun: 500, restarts })
        const controllers: AbortController[] = []
        const outcomes: unknown[] = []
        let asked = 0
        const warms: Promise<unknown>[] = []
        for (const each of happenings) {
          const alive = factory.executors.filter(({ state }) => state === 'alive')
          if (each.type === 'run') {
            const controller = new AbortController()
            controllers.push(controller)
            asked += 1
            const expires = each.within === null ? undefined : clock.now() + each.within
            pool.run(model(each.model), [], { signal: controller.signal, expires }).then(
              (report) => outcomes.push(report),
              (error) => outcomes.push(error),
            )
          } else if (each.type === 'abort') controllers[each.which % controllers.length]?.abort()
          else if (each.type === 'crash') alive[each.which % alive.length]?.crash()
          else if (each.type === 'hang') alive[each.which % alive.length]?.hang()
          else if (each.type === 'warm') warms.push(pool.warm([model(each.model)]))
          else await clock.advance(each.ms)
          await settled()
        }
        await clock.advance(60_000)
        await Promise.all(warms)
        expect(outcomes.length).toBe(asked)
        for (const outcome of outcomes) {
          if (outcome instanceof Error) expect(outcome).toBeInstanceOf(QuintetError)
        }
        const answered = outcomes.filter((outcome) => !(outcome instanceof Error)).length
        const { runs, ...now } = pool.statistics()
        expect(now).toMatchObject({ queued: 0, busy: 0, up: size })
        // A run whose caller gave up may still have ended well.
        expect(runs).toBeGreaterThanOrEqual(answered)
        expect(clock.pending).toBe(0)
        await pool.close()
        expect(factory.executors.every(({ state }) => state !== 'alive')).toBe(true)
      },
    ),
    { numRuns: 200 },
  )
})
