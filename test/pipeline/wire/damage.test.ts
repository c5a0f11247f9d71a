import { describe, expect, it } from 'vitest'
import { Damaged, type Failure, type Message, type Result } from '../../../pipeline/index.ts'
import { imageMessage, seededRandom, settled } from '../../../pipeline/testing/index.ts'
import { bench } from './bench.ts'

const picture = (bytes: number, n = 0) =>
  imageMessage({ n }, { bytes: Uint8Array.from({ length: bytes }, (_, at) => (at * 31) & 0xff) })

const bytesOf = (message: Message | undefined) => (message as ReturnType<typeof picture>).payload.bytes

describe('a message over a way that damages', () => {
  it('is sent again, at once the first time, and what is taken is what was sent', async () => {
    const one = bench()
    const node = await one.node('cloud')
    one.near.use([{ at: ['request'], corrupt: 1 }])
    const call = one.caller.call(picture(5000))
    // Before the answer to the first try is there.
    one.near.use([])
    await settled()
    expect(node.taken).toHaveLength(1)
    expect(Buffer.from(bytesOf(node.taken[0])).equals(picture(5000).payload.bytes)).toBe(true)
    node.answer()
    expect(await call).toMatchObject({ kind: 'message', attempt: 2, crossing: { node: 'cloud' } })
    expect(node.responder.statistics).toMatchObject({ damaged: 1, received: 1, results: 1, failures: 0 })
    const failed = one.seen.filter((event) => event.type === 'attempt-failed')
    expect(failed).toMatchObject([{ error: { code: 'damaged' } }])
    expect(one.seen.some(({ type }) => type === 'node-lost')).toBe(false)
  })

  it('is tried as long as its budget lasts, more often than nodes may fail it, and never answered wrongly', async () => {
    const one = bench()
    const node = await one.node('cloud')
    one.near.use([{ corrupt: 1 }])
    const call = one.caller.call(picture(2000))
    await one.clock.advance(9_000)
    expect(one.near.counts.corrupted).toBeGreaterThan(15)
    expect(node.taken).toEqual([])
    one.near.use([])
    await one.clock.advance(600)
    node.answer()
    expect(await call).toMatchObject({ kind: 'message' })
  })

  it('fails by the name of what happened when its budget ends meanwhile', async () => {
    const one = bench()
    await one.node('cloud')
    one.near.use([{ corrupt: 1 }])
    const call = one.caller.call(picture(2000))
    await one.clock.advance(10_100)
    expect(((await call) as Failure).error).toBeInstanceOf(Damaged)
    expect(one.clock.pending).toBe(0)
  })

  it('is answered by the same bytes in chunks, of which only the damaged ones go twice', async () => {
    const one = bench({ chunkAbove: 10_000 })
    const node = await one.node('cloud')
    one.near.use([{ subject: 'in.main.flowers.device.main.cloud.*', corrupt: 0.3 }])
    const sent = picture(4_000_000)
    const call = one.caller.call(sent)
    await settled()
    expect(one.near.counts.corrupted).toBeGreaterThan(3)
    expect(Buffer.from(bytesOf(node.taken[0])).equals(sent.payload.bytes)).toBe(true)
    node.answer()
    const item = (await call) as Message<Result>
    expect(item).toMatchObject({ kind: 'message', attempt: 1 })
    const again = (item.crossing?.bytes ?? 0) - sent.payload.bytes.byteLength
    expect(again).toBeGreaterThan(0)
    expect(again).toBeLessThanOrEqual(one.near.counts.corrupted * 128 * 1024)
    expect(node.responder.statistics.damaged).toBe(one.near.counts.corrupted)
  })

  it('is asked again when its answer was damaged', async () => {
    const one = bench()
    const node = await one.node('cloud')
    node.transport.use([{ at: ['reply'], corrupt: 1 }])
    const call = one.caller.call(picture(100))
    await settled()
    node.answer(0, 'first')
    node.transport.use([])
    // A good one may follow a bad one for as long as a beat.
    await one.clock.advance(300)
    expect(node.taken).toHaveLength(2)
    node.answer(1, 'second')
    expect(await call).toMatchObject({ kind: 'message', payload: { label: 'second' } })
  })

  it('is answered rightly or fails by name, whatever is damaged where', async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const one = bench({ chunkAbove: 3000 })
      const random = seededRandom(seed)
      const echo = (message: Message) => `${bytesOf(message).reduce((sum, byte) => (sum * 31 + byte) | 0, 0)}`
      const node = await one.node('cloud')
      node.transport.use([{ at: ['reply'], corrupt: 0.2 }])
      one.near.use([{ corrupt: 0.2 }])
      const sent = Array.from({ length: 40 }, (_, n) => picture(1 + Math.floor(random() * 6000), n))
      const calls = sent.map((message) => one.caller.call(message))
      let answered = 0
      for (let step = 0; step < 400; step++) {
        await one.clock.advance(25)
        for (; answered < node.taken.length; answered++) node.answer(answered, echo(node.taken[answered] as Message))
      }
      const items = await Promise.all(calls)
      for (const [n, item] of items.entries()) {
        expect(item).toMatchObject({ kind: 'message', payload: { label: echo(sent[n] as Message) } })
      }
    }
  })
})
