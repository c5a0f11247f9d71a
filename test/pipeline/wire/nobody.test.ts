import { describe, expect, it } from 'vitest'
import { type Item, NoResponders } from '../../../pipeline/index.ts'
import { imageMessage } from '../../../pipeline/testing/index.ts'
import { type Bench, bench } from './bench.ts'

const tries = ({ seen }: Bench) => seen.filter(({ type }) => type === 'attempt').length
const errors = (items: readonly Item[]) => items.flatMap((item) => (item.kind === 'failure' ? [item.error] : []))

/** Frames at 30 a second, each with so many ms to live. */
async function stream(one: Bench, count: number, budget: number): Promise<Promise<Item>[]> {
  const calls: Promise<Item>[] = []
  for (let n = 0; n < count; n++) {
    calls.push(one.caller.call(imageMessage({ n, captured: one.clock.now(), expires: one.clock.now() + budget })))
    await one.clock.advance(33)
  }
  return calls
}

describe('a boundary that nobody serves', () => {
  it('is said to be so, in one wording that says what to start, and few look again', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const first = one.caller.call(imageMessage())
    await one.clock.advance(1)
    node.answer()
    await first
    await node.responder.close()
    const before = tries(one)
    const calls = await stream(one, 160, 1000)
    await one.clock.advance(10_000)
    const failed = errors(await Promise.all(calls))
    expect(failed).toHaveLength(160)
    for (const error of failed) expect(error).toBeInstanceOf(NoResponders)
    expect([...new Set(failed.map(({ message }) => message))]).toEqual([
      'Nobody serves what stands below the wire of "flowers". Start a cloud half of this pipeline, or plan "answered".',
    ])
    // 5.3 s: a dozen looks while it may come back, then four a second.
    expect(tries(one) - before).toBeLessThanOrEqual(20)
    expect(one.clock.pending).toBe(0)
  })

  it('answers all that waited, in time, once somebody serves again', async () => {
    const one = bench()
    const gone = await one.node('cloud')
    const first = one.caller.call(imageMessage())
    await one.clock.advance(1)
    gone.answer()
    await first
    await gone.responder.close()
    const calls = await stream(one, 30, 5000)
    const node = await one.node('again', { capacity: 64 })
    await one.clock.advance(600)
    expect(node.taken).toHaveLength(30)
    for (const [n] of node.taken.entries()) node.answer(n)
    for (const item of await Promise.all(calls)) expect(item.kind).toBe('message')
    expect(one.clock.pending).toBe(0)
  })

  it('and never was served fails at once, and is found within a beat once somebody serves', async () => {
    const one = bench()
    const calls = await stream(one, 30, 5000)
    const failed = errors(await Promise.all(calls))
    expect(failed).toHaveLength(30)
    expect(tries(one)).toBeLessThanOrEqual(5)
    const node = await one.node('cloud')
    await one.clock.advance(250)
    const call = one.caller.call(imageMessage({ n: 50 }))
    await one.clock.advance(1)
    node.answer()
    expect((await call).kind).toBe('message')
  })

  it('is not asked again above a node that says so of what stands below it', async () => {
    const one = bench()
    const node = await one.node('edge')
    const call = one.caller.call(imageMessage())
    await one.clock.advance(1)
    const [taken] = node.taken
    if (!taken) throw new Error('nothing came')
    const error = new NoResponders('st.main.flowers.deep')
    node.settle({ ...taken, kind: 'failure', stage: 'deep', error } as never)
    expect(errors([await call])).toMatchObject([{ code: 'no-responders', message: error.message }])
    expect(tries(one)).toBe(1)
  })

  it('looks again after one that looked for all had no time left to hear', async () => {
    const one = bench()
    const gone = await one.node('cloud')
    const first = one.caller.call(imageMessage())
    await one.clock.advance(1)
    gone.answer()
    await first
    await gone.responder.close()
    const early = one.caller.call(imageMessage({ n: 1, expires: 300 }))
    await one.clock.advance(10)
    // Who comes back says nothing yet: the one that looks is not answered.
    const node = await one.node('mute')
    node.transport.use([{ at: ['reply', 'answer'], drop: 1 }])
    await one.clock.advance(400)
    expect((await early).kind).toBe('failure')
    node.transport.use([])
    const call = one.caller.call(imageMessage({ n: 2, expires: 9000 }))
    await one.clock.advance(2000)
    for (const [n] of node.taken.entries()) node.answer(n)
    await one.clock.advance(100)
    expect((await call).kind).toBe('message')
  })
})
