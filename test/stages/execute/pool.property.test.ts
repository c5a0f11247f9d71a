import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Cancellation, QuintetError } from '../../../pipeline/index.ts'
import { modelCache } from '../../../stages/execute/cache/index.ts'
import { type ExecutorPoolOptions, executorPool } from '../../../stages/execute/index.ts'
import { fakeExecutors } from '../../../stages/execute/testing.ts'
import { manualClock, settled } from '../../support/manual-clock.ts'
import { input, model } from './pools.ts'

/** Room for so many models of 10 bytes. */
const memoryFor =
  (models: number): NonNullable<ExecutorPoolOptions['cache']> =>
  (host, clock) =>
    modelCache({ host, clock, budget: models * 10, bytesPerFileByte: 1 })

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
      fc.record({ depth: fc.constantFrom(1, 2), batches: fc.boolean(), wait: fc.constantFrom(0, 15) }),
      // Models that fit into memory together; undefined: all there are.
      fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      async (happenings, size, queue, { depth, batches, wait }, fit) => {
        const clock = manualClock()
        const factory = fakeExecutors({
          clock,
          startMs: 20,
          loadMs: 30,
          runMs: 10,
          depth,
          batches,
          memory: () => (clock.now() % 7 === 0 ? 2 ** 30 : 100),
        })
        const restart = { restarts: 1_000, within: 60_000, first: 1, longest: 50 }
        const pool = executorPool({
          factory,
          size,
          queue,
          clock,
          grace: 50,
          longestRun: 500,
          restart,
          tied: 1,
          ...(batches ? { batch: { size: 4, wait } } : {}),
          ...(fit === undefined ? {} : { cache: memoryFor(fit) }),
        })
        const cancellations: Cancellation[] = []
        const outcomes: unknown[] = []
        let asked = 0
        const warms: Promise<unknown>[] = []
        for (const each of happenings) {
          const alive = factory.executors.filter(({ state }) => state === 'alive')
          if (each.type === 'run') {
            const cancellation = new Cancellation()
            cancellations.push(cancellation)
            asked += 1
            const mark = asked % 256
            const expires = each.within === null ? undefined : clock.now() + each.within
            pool.run(model(each.model), input(asked % 256), { cancellation, expires }).then(
              (report) => outcomes.push({ asked: mark, answered: report.outputs[0]?.bytes[0] }),
              (error) => outcomes.push(error),
            )
          } else if (each.type === 'abort') cancellations[each.which % cancellations.length]?.cancel()
          else if (each.type === 'crash') alive[each.which % alive.length]?.crash()
          else if (each.type === 'hang') alive[each.which % alive.length]?.hang()
          else if (each.type === 'warm') warms.push(pool.warm([model(each.model)]))
          else await clock.advance(each.ms)
          await settled()
        }
        await clock.advance(60_000)
        await Promise.allSettled(warms)
        expect(outcomes.length).toBe(asked)
        for (const outcome of outcomes) {
          if (outcome instanceof Error) expect(outcome).toBeInstanceOf(QuintetError)
          else expect((outcome as { answered: number }).answered).toBe((outcome as { asked: number }).asked)
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
