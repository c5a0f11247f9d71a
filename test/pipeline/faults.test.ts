import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryTransport } from '../../adapters/memory/index.ts'
import { composer, hop, type PipelineEvent, type PipelineOptions, type pipeline } from '../../pipeline/index.ts'
import type { Link } from '../../pipeline/running/chain.ts'
import {
  answering,
  camera,
  collect,
  delaying,
  dropping,
  erroring,
  failing,
  fakeClock,
  faulty,
  frames,
  losing,
  passThrough,
  seededRandom,
} from '../../pipeline/testing/index.ts'
import { transfer } from '../../stages/index.ts'

const every = fc.integer({ min: 2, max: 6 })
/** A stage or operator that does one wrong thing now and then. */
const trouble = fc.oneof(
  fc.constant(() => passThrough()),
  every.map((n) => () => failing(n)),
  every.map((n) => () => dropping(n)),
  every.map((n) => () => losing(n)),
  every.map((n) => () => erroring(n)),
  fc.record({ ms: fc.nat(60), concurrency: fc.integer({ min: 1, max: 4 }) }).map(
    ({ ms, concurrency }) =>
      () =>
        delaying(({ seq }) => (seq * 37) % (ms + 1), { concurrency }),
  ),
)
const troubles = fc.array(trouble, { maxLength: 3 })

const scenario = fc.record({
  seed: fc.nat(1000),
  count: fc.integer({ min: 0, max: 25 }),
  live: fc.boolean(),
  options: fc.record({
    window: fc.integer({ min: 1, max: 6 }),
    deadline: fc.integer({ min: 20, max: 300 }),
    late: fc.constantFrom('fail' as const, 'answer' as const),
    order: fc.constantFrom('source' as const, 'none' as const),
  }),
  above: troubles,
  wire: fc.boolean(),
  hopped: fc.boolean(),
  below: troubles,
  /** Share of messages that the transport loses. */
  loss: fc.constantFrom(0, 0, 0.1, 0.4),
  drainAt: fc.option(fc.nat(400)),
  leaveAfter: fc.option(fc.nat(6)),
})

/** Composes what the types would not let through: the faults are the point. */
function composed(options: PipelineOptions, source: Parameters<typeof pipeline>[2], links: readonly unknown[]) {
  return (composer() as unknown as (...all: unknown[]) => ReturnType<typeof pipeline>)(
    'flow',
    options,
    source,
    ...links,
  )
}

describe('whatever goes wrong', () => {
  it('messages in = results + failures + dropped, each settled once, and no timer is left', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (one) => {
        const clock = fakeClock()
        const embedded = () =>
          faulty(
            memoryTransport({ clock, onFault: () => {} }),
            [{ drop: one.loss, at: ['request', 'reply', 'publish'] }],
            {
              clock,
              random: seededRandom(one.seed),
            },
          )
        const shown = camera()
        const links: Link[] = [
          ...(one.above.map((make) => make()) as unknown as Link[]),
          ...((one.hopped ? [hop('hop')] : []) as unknown as Link[]),
          ...((one.wire ? [transfer()] : []) as unknown as Link[]),
          ...(one.below.map((make) => make()) as unknown as Link[]),
          answering() as unknown as Link,
        ]
        const options = { ...one.options, clock, embedded }
        const running = composed(options, one.live ? shown : frames(one.count), links).run()
        const settled = new Map<string, number>()
        const told: PipelineEvent[] = []
        running.events.stream.subscribe((event) => {
          if (event.type !== 'settled') return
          told.push(event)
          settled.set(event.item.id, (settled.get(event.item.id) ?? 0) + 1)
        })
        if (one.drainAt !== null) clock.after(one.drainAt, () => void running.drain(one.seed % 200))
        const read =
          one.leaveAfter === null
            ? collect(running)
            : (async () => {
                let left = one.leaveAfter ?? 0
                for await (const _ of running) if (left-- === 0) break
              })()
        await clock.advance(1)
        if (one.live) {
          for (let n = 0; n < one.count; n++) {
            shown.show()
            await clock.advance((n * 29) % 40)
          }
          shown.end()
        }
        // Of 25 messages each may use up its patience of ten seconds, one after the other.
        await clock.advance(400_000)
        await read
        const counts = await running.done
        expect(counts.results + counts.failures + counts.dropped).toBe(counts.in)
        expect([...settled.values()].every((times) => times === 1)).toBe(true)
        expect(told).toHaveLength(counts.in)
        if (one.drainAt === null && one.leaveAfter === null) expect(counts.in).toBe(one.count)
        expect(clock.pending).toBe(0)
      }),
      { numRuns: 150 },
    )
  })
})
