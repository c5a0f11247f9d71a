import { describe, expect, it } from 'vitest'
import type { Item } from '../../../pipeline/index.ts'
import { packFrame } from '../../../pipeline/index.ts'
import { imageMessage, settled } from '../../../pipeline/testing/index.ts'
import { encodeMessage } from '../../../pipeline/wire/codec.ts'
import { readDown } from '../../../pipeline/wire/hand-over.ts'
import type { Down } from '../../../pipeline/wire/protocol.ts'
import { type Bench, bench, boundary } from './bench.ts'

const of = (device: string, n: number, bytes = 4) =>
  imageMessage({ n, source: `${device}.main`, expires: 60_000 }, { bytes: new Uint8Array(bytes) })

/** Sends a request as a hostile device may: whatever it likes, and nothing afterwards. */
function ask(one: Bench, device: string, n: number, offered?: number): Down[] {
  const said: Down[] = []
  const { header, parts } = encodeMessage(of(device, n), one.clock.now())
  const frame = offered
    ? packFrame({ kind: 'offer', message: header, sizes: [offered], chunk: 65_536 }, [])
    : packFrame({ kind: 'message', message: header }, parts)
  one.near.request(boundary.any(`${device}.main`), frame, {
    onReply: ({ data }) => void said.push(readDown(data).header),
    onError: () => {},
  })
  return said
}

const ends = (said: readonly Down[]) =>
  said.map(({ kind }) => kind).filter((kind) => kind !== 'accept' && kind !== 'working')

describe('a node that several devices share', () => {
  it('is one device’s alone while nobody else is there', async () => {
    const one = bench()
    const node = await one.node('cloud', { capacity: 8 })
    for (let n = 0; n < 8; n++) ask(one, 'greedy', n)
    await settled()
    expect(node.responder.statistics).toMatchObject({ pending: 8, refused: 0 })
  })

  it('has equal places for those who come when it is full', async () => {
    const one = bench()
    const node = await one.node('cloud', { capacity: 8 })
    for (let n = 0; n < 40; n++) ask(one, 'greedy', n)
    await settled()
    for (let n = 0; n < 10; n++) for (const device of ['a', 'b', 'c']) ask(one, device, n)
    for (let n = 40; n < 80; n++) ask(one, 'greedy', n)
    await settled()
    const held = node.taken.filter(({ cancellation }) => !cancellation?.cancelled)
    const places = ['greedy', 'a', 'b', 'c'].map(
      (device) => held.filter(({ source }) => source === `${device}.main`).length,
    )
    expect(places).toEqual([2, 2, 2, 2])
  })

  it('says to whom gave way that it may try again, and loses nothing of one who does', async () => {
    const one = bench()
    const node = await one.node('cloud', { capacity: 2 })
    const ended: Item[] = []
    const calls = [0, 1].map((n) => one.caller.call(of('greedy', n)).then((item) => ended.push(item)))
    await settled()
    const polite = one.device().call(of('polite', 0))
    await settled()
    expect(node.taken.map(({ source }) => source)).toEqual(['greedy.main', 'greedy.main', 'polite.main'])
    node.answer(2)
    await polite
    node.answer(0)
    await one.clock.advance(500)
    node.answer(node.taken.length - 1)
    await Promise.all(calls)
    expect(ended.map(({ kind }) => kind)).toEqual(['message', 'message'])
  })

  it('has room for what others bring in chunks, however much one has offered', async () => {
    const one = bench()
    await one.node('cloud', { capacity: 64, maxArriving: 1_000_000 })
    const hoarding = Array.from({ length: 10 }, (_, n) => ask(one, 'hoarder', n, 100_000))
    await settled()
    const said = ask(one, 'polite', 0, 400_000)
    await settled()
    expect(said).toMatchObject([{ kind: 'accept' }])
    expect(hoarding.flatMap(ends)).toEqual(Array(4).fill('refused'))
  })

  it('ends offers whose chunks do not come long before their time', async () => {
    const one = bench()
    const node = await one.node('cloud', { capacity: 256 })
    const said = Array.from({ length: 256 }, (_, n) => ask(one, 'hoarder', n, 1_000_000))
    await settled()
    expect(node.responder.statistics.pending).toBe(256)
    await one.clock.advance(11_000)
    // The end of their budget of a minute would have been a failure.
    expect(new Set(said.flatMap(ends))).toEqual(new Set(['refused']))
    expect(node.responder.statistics.pending).toBe(0)
    expect(one.clock.pending).toBe(0)
  })

  it('answers the last requests of one message that is sent again and again, and takes others meanwhile', async () => {
    const one = bench()
    const node = await one.node('cloud', { capacity: 4 })
    const all = Array.from({ length: 5000 }, () => ask(one, 'insistent', 0))
    await settled()
    const call = one.caller.call(of('polite', 1))
    for (let turn = 0; turn < 1000 && node.taken.length < 2; turn++) await settled()
    expect(node.taken).toHaveLength(2)
    node.answer(1)
    expect(await call).toMatchObject({ kind: 'message' })
    node.answer(0)
    await settled()
    expect(all.flatMap(ends)).toEqual(Array(4).fill('result'))
  })
})
