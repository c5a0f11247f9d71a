import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { constantRate, EmulatedLink, linkShape, shaped } from '../../adapters/link/index.ts'
import { memoryTransport } from '../../adapters/memory/index.ts'
import { composer, hop, type Item, type PipelineEvent, Refused } from '../../pipeline/index.ts'
import type { Link } from '../../pipeline/running/chain.ts'
import {
  answering,
  collect,
  delaying,
  dropping,
  failing,
  fakeClock,
  frames,
  passThrough,
} from '../../pipeline/testing/index.ts'
import { transfer } from '../../stages/index.ts'

const every = fc.integer({ min: 2, max: 6 })
const below = fc.array(
  fc.oneof(
    fc.constant(() => passThrough()),
    every.map((n) => () => failing(n)),
    every.map((n) => () => failing(n, () => new Refused('busy', { retryAfter: 30 }))),
    every.map((n) => () => dropping(n)),
    fc.nat(400).map((ms) => () => delaying(({ seq }) => (seq * 37) % (ms + 1), { concurrency: 3 })),
  ),
  { maxLength: 3 },
)

const scenario = fc.record({
  count: fc.integer({ min: 1, max: 12 }),
  options: fc.record({
    window: fc.integer({ min: 1, max: 6 }),
    deadline: fc.integer({ min: 60, max: 2000 }),
    late: fc.constantFrom('fail' as const, 'answer' as const),
    order: fc.constantFrom('source' as const, 'none' as const),
  }),
  hopped: fc.boolean(),
  below,
  /** More than a node takes is refused. */
  capacity: fc.integer({ min: 1, max: 8 }),
  /** Payloads above so many bytes go in chunks. */
  chunkAbove: fc.constantFrom(undefined, 1500),
  drainAt: fc.option(fc.nat(600)),
})
type Scenario = typeof scenario extends fc.Arbitrary<infer S> ? S : never

/** All that can be seen of a run, on a link so slow that a byte more or less would show in the times. */
async function seen(one: Scenario, handsOver: boolean) {
  const clock = fakeClock()
  const link = new EmulatedLink(linkShape({ up: constantRate(4e5), delay: 7 }), clock)
  const onFault = () => {}
  const transport = shaped(memoryTransport({ clock, handsOver, onFault }), link, { onFault })
  expect(transport.handsOver).toBe(handsOver)
  const options = { ...one.options, clock, embedded: () => transport }
  const captures = Array.from({ length: one.count }, (_, n) => ({
    id: `f${n}`,
    payload: { form: 'image', at: 'captured', bytes: new Uint8Array(500 * (n % 5) + 1) } as const,
  }))
  const links = [
    passThrough(),
    ...(one.hopped ? [hop('hop')] : []),
    transfer({ probe: false, ...(one.chunkAbove === undefined ? {} : { chunkAbove: one.chunkAbove }) }),
    ...one.below.map((make) => make()),
    answering(({ seq }) => ({ label: `l${seq}`, score: 1 / (seq + 2) })),
  ] as unknown as Link[]
  // What the types would not let through is the point.
  const compose = composer() as unknown as (...all: unknown[]) => ReturnType<ReturnType<typeof composer>>
  const running = compose('flow', options, frames(captures), ...links).run({ node: 'phone', capacity: one.capacity })
  const told: unknown[] = []
  running.events.stream.subscribe((event) => told.push({ at: clock.now(), ...plain(event) }))
  if (one.drainAt !== null) clock.after(one.drainAt, () => void running.drain(100))
  const all = collect(running)
  await clock.advance(60_000)
  const { answers, counts } = await all
  return { answers, counts, told, passed: [link.up.passed, link.down.passed], pending: clock.pending }
}

/** Without what is drawn for each run. */
function plain(event: PipelineEvent): object {
  if (event.type === 'settled') return { ...event, item: plainItem(event.item) }
  if (event.type === 'attempt-failed') return { ...event, error: String(event.error) }
  return event
}

function plainItem(item: Item): object {
  const { run: _run, ...own } = item
  if (own.kind === 'failure') return { ...own, error: String(own.error) }
  if (own.kind === 'dropped') return own
  const { traceparent: _trace, cancellation, ...rest } = own
  return { ...rest, cancelled: cancellation?.cancelled }
}

describe('a conversation inside one process', () => {
  it('has the same answers, events, accounts, bytes and times whether headers are handed over or written', async () => {
    let crossed = 0
    await fc.assert(
      fc.asyncProperty(scenario, async (one) => {
        const [handed, written] = [await seen(one, true), await seen(one, false)]
        expect(handed).toEqual(written)
        expect(handed.pending).toBe(0)
        crossed += handed.passed[0] as number
      }),
      { numRuns: 60 },
    )
    expect(crossed).toBeGreaterThan(0)
  })
})
