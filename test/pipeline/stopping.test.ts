import { expect, it } from 'vitest'
import { memoryTransport } from '../../adapters/memory/index.ts'
import { type Capture, pipeline, type Source } from '../../pipeline/index.ts'
import { answering, delaying, fakeClock } from '../../pipeline/testing/index.ts'

const picture: Capture = { payload: { form: 'image', at: 'captured', bytes: Uint8Array.of(1) } }

/** One capture, which comes when it is told to. */
function onDemand() {
  let give: (next: IteratorResult<Capture>) => void = () => {}
  const source: Source = {
    name: 'on demand',
    kind: 'pull',
    open: () => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise((resolve) => (give = resolve)) }),
    }),
  }
  return { source, show: () => give({ done: false, value: picture }) }
}

it.each([0, 1, 2, 3, 4, 5, 6])(
  'a capture that comes %i turns before the stop is counted whole, or not at all',
  async (turns) => {
    const clock = fakeClock()
    const { source, show } = onDemand()
    const embedded = () => memoryTransport({ clock })
    const running = pipeline(
      'flow',
      { clock, embedded },
      source,
      delaying(() => 50),
      answering(),
    ).run()
    await clock.advance(1)
    show()
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    const drained = running.drain(0)
    await clock.advance(20_000)
    await drained
    const counts = await running.done
    expect(counts.results + counts.failures + counts.dropped).toBe(counts.in)
  },
)

it.each([1, 7, 300, 499])(
  'a capture that was asked for before the stop and comes %i ms after it is counted',
  async (ms) => {
    const clock = fakeClock()
    let given = 0
    const source: Source = {
      name: 'slow',
      kind: 'pull',
      async *open(): AsyncIterable<Capture> {
        for (;;) {
          await new Promise<void>((resolve) => clock.after(500, resolve))
          given++
          yield picture
        }
      },
    }
    const running = pipeline('flow', { clock, embedded: () => memoryTransport({ clock }) }, source, answering()).run()
    await clock.advance(2500 - ms)
    const drained = running.drain(0)
    await clock.advance(20_000)
    await drained
    expect(given).toBe(5)
    expect(running.counts.in).toBe(given)
    expect(running.counts.results + running.counts.failures + running.counts.dropped).toBe(given)
  },
)
