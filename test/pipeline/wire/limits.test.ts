import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BadMessage, evolve, type Item, type Message, TooLarge, type Transport } from '../../../pipeline/index.ts'
import { imageMessage, resultPayload } from '../../../pipeline/testing/index.ts'
import { chunkFor, leastChunk, mostChunk, mostFrame } from '../../../pipeline/wire/limits.ts'
import { inPieces, Pieces } from '../../../pipeline/wire/pieces.ts'
import { bench } from './bench.ts'

const KiB = 1024

function picture(bytes: number, n = 0): Message {
  const words = Uint32Array.from({ length: Math.ceil(bytes / 4) }, (_, at) => Math.imul(at + n, 0x9e3779b1))
  return imageMessage({ n, expires: 60_000 }, { bytes: new Uint8Array(words.buffer, 0, bytes) })
}

/** Comparing a million elements one by one takes seconds. */
function expectBytes(message: Message | undefined, sent: Message): void {
  const [got, wanted] = [message, sent].map((one) => (one?.payload as { bytes: Uint8Array } | undefined)?.bytes)
  expect(got?.byteLength).toBe(wanted?.byteLength)
  expect(Buffer.compare(got ?? Buffer.of(1), wanted ?? Buffer.of(2))).toBe(0)
}

const boxes = (count: number) =>
  Array.from({ length: count }, (_, x) => ({ x, y: 1, width: 2, height: 3, label: `thing ${x}`, score: 0.5 }))

/** A transport whose server's limit the test sets. */
function limited(inner: Transport, limit: () => number): Transport {
  const checked = (data: { byteLength: number }[]) => {
    const bytes = data.reduce((sum, part) => sum + part.byteLength, 0)
    if (bytes > limit()) throw new TooLarge(`${bytes} bytes are more than ${limit()}.`)
  }
  return new Proxy(inner, {
    get(target, key) {
      if (key === 'maxPayload') return limit()
      if (key === 'handsOver') return false
      const value = Reflect.get(target, key, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (key === 'publish' || key === 'request') checked(args[1] as { byteLength: number }[])
        return value.apply(target, args)
      }
    },
  })
}

describe('a transport that takes so many bytes at once', () => {
  it.each([2, 8, 64, 96, 128, 1024])('%s KiB: carries messages and answers of any size, unchanged', async (limit) => {
    const one = bench()
    const maxPayload = limit * KiB
    const transport = one.broker.connect({ clock: one.clock, maxPayload, handsOver: false })
    const node = await one.node('cloud', { transport })
    const caller = one.device({}, one.broker.connect({ clock: one.clock, maxPayload, handsOver: false }))
    const sizes = [0, 1, maxPayload - 800, maxPayload - 300, maxPayload, maxPayload + 1, 256 * KiB, 700 * KiB]
    for (const [n, bytes] of sizes.entries()) {
      const sent = picture(bytes, n)
      const call = caller.call(sent)
      await one.clock.advance(200)
      expectBytes(node.taken[n], sent)
      const answer = resultPayload({ label: `${bytes}`, boxes: boxes(n === 1 ? 1000 : 1) })
      node.settle(evolve(node.taken[n] as Message, { payload: answer }))
      expect(await call).toMatchObject({ kind: 'message', payload: { label: `${bytes}`, boxes: answer.boxes } })
    }
    expect(one.clock.pending).toBe(0)
  })

  it('refuses by name what describes itself in more than that, and a limit below any chunk', async () => {
    const one = bench()
    await one.node('cloud')
    const call = (maxPayload: number, message: Message) =>
      one.device({}, one.broker.connect({ clock: one.clock, maxPayload, handsOver: false })).call(message)
    const models = Array.from({ length: 500 }, (_, n) => `model-number-${n}`)
    const failed = async (item: Promise<Item>) => {
      const ended = await item
      return ended.kind === 'failure' ? `${ended.error.name}: ${ended.error.message}` : ended.kind
    }
    const wide = { ...picture(100_000), open: { models } }
    expect(await failed(call(8 * KiB, wide))).toMatch(/^TooLarge: What describes the message takes \d+ bytes.*8192/)
    expect(await failed(call(1000, picture(100_000)))).toMatch(/^TooLarge: The transport takes 1000 bytes/)
  })

  it('may take less after a reconnection, in the middle of a message: it goes again in shorter chunks', async () => {
    const one = bench()
    const node = await one.node('cloud')
    let limit = 1024 * KiB
    const caller = one.device(
      {},
      limited(one.near, () => limit),
    )
    one.near.use([{ subject: 'in.*.*.*.*.*.*', delay: 100 }])
    const sent = picture(900 * KiB)
    const call = caller.call(sent)
    await one.clock.advance(150)
    limit = 16 * KiB
    await one.clock.advance(10_000)
    expect(node.taken).toHaveLength(1)
    expectBytes(node.taken[0], sent)
    node.answer()
    expect(await call).toMatchObject({ kind: 'message' })
    // And more again: nothing of the shorter chunks is left behind.
    limit = 1024 * KiB
    const next = caller.call(picture(900 * KiB, 1))
    await one.clock.advance(10_000)
    node.answer(1)
    expect(await next).toMatchObject({ kind: 'message', id: 'm1' })
    expect(one.clock.pending).toBe(0)
  })

  it('may take more after a reconnection: what began in chunks is taken whole', async () => {
    const one = bench()
    const node = await one.node('cloud')
    let limit = 16 * KiB
    const caller = one.device(
      {},
      limited(one.near, () => limit),
    )
    // Its chunks are lost, and then the beats of the node: the caller tries again.
    one.near.use([{ subject: 'in.*.*.*.*.*.*', drop: 1 }])
    node.transport.use([{ at: ['reply'], drop: 0 }])
    const sent = picture(100 * KiB)
    const call = caller.call(sent)
    await one.clock.advance(100)
    node.transport.use([{ at: ['reply'], drop: 1 }])
    limit = 1024 * KiB
    await one.clock.advance(900)
    node.transport.use([])
    await one.clock.advance(2000)
    expect(node.taken).toHaveLength(1)
    expectBytes(node.taken[0], sent)
    node.answer()
    expect(await call).toMatchObject({ kind: 'message' })
    expect(one.clock.pending).toBe(0)
  })
})

describe('the length of a chunk', () => {
  it('leaves room for its frame below every limit, and is never more than 128 KiB', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1300, max: 2 ** 26 }), (maxPayload) => {
        const chunk = chunkFor({ maxPayload })
        expect(chunk).toBeGreaterThanOrEqual(leastChunk)
        expect(chunk).toBeLessThanOrEqual(Math.min(mostChunk, mostFrame({ maxPayload }) - 300))
      }),
    )
    expect(chunkFor({ maxPayload: Number.POSITIVE_INFINITY })).toBe(mostChunk)
  })
})

describe('pieces of a reply', () => {
  const whole = Uint8Array.from({ length: 1000 }, (_, at) => at)
  const pieces = [...inPieces([whole], 'one', 300)]

  it('are the reply again', () => {
    const together = new Pieces()
    const added = pieces.map(({ header, part }) => together.add(header, [part]))
    expect(added).toEqual([undefined, undefined, undefined, [whole]])
  })

  it('of which one is missing, or that are of two nodes, are none; and a reply sent again is', () => {
    const together = new Pieces()
    for (const { header, part } of pieces.filter((_, at) => at !== 1)) {
      expect(together.add(header, [part])).toBeUndefined()
    }
    for (const [at, { header, part }] of pieces.entries()) {
      expect(together.add(at === 2 ? { ...header, node: 'two' } : header, [part])).toBeUndefined()
    }
    expect(pieces.map(({ header, part }) => together.add(header, [part])).at(-1)).toEqual([whole])
  })

  it('that do not fit what they say they are of are refused before they are kept', () => {
    const [first] = pieces
    if (!first) throw new Error('no piece')
    for (const header of [
      { ...first.header, of: 299 },
      { ...first.header, of: 2 ** 30 },
    ]) {
      expect(() => new Pieces().add(header, [first.part])).toThrow(BadMessage)
    }
    expect(() => new Pieces().add(first.header, [])).toThrow(BadMessage)
  })
})
