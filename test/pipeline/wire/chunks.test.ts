import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryBroker } from '../../../adapters/memory/index.ts'
import { nodePlatform } from '../../../adapters/platform/index.ts'
import { BadMessage, type Clock, Damaged, join, type Parts, type Transport } from '../../../pipeline/index.ts'
import { fakeClock, faulty, seededRandom, settled } from '../../../pipeline/testing/index.ts'
import { Assembly, ChunkSender, chunkCount } from '../../../pipeline/wire/chunks.ts'
import { mostChunk as chunkBytes } from '../../../pipeline/wire/limits.ts'
import { Path } from '../../../pipeline/wire/path.ts'
import { type Chunk, readChunk } from '../../../pipeline/wire/protocol.ts'

const to = 'chunks'

/** Bytes that differ everywhere, in parts of these sizes. */
function parts(...sizes: readonly number[]): Parts {
  const random = seededRandom(1)
  return sizes.map((size) => Uint8Array.from({ length: size }, () => random() * 256))
}

/** The frames that a sender makes of parts, each acknowledged at once. */
async function framesOf(whole: Parts): Promise<Parts[]> {
  const transport = memoryBroker().connect()
  const frames: Parts[] = []
  const sender = senderOf(transport, whole, fakeClock())
  await transport.subscribe(to, ({ data }) => {
    frames.push(data)
    sender.acknowledge(readChunk(data).header.index)
  })
  sender.start()
  await settled()
  sender.stop()
  return frames
}

const chunksOf = async (whole: Parts) => (await framesOf(whole)).map((frame) => readChunk(frame))

const assemblyOf = (whole: Parts) =>
  new Assembly(
    whole.map((part) => part.byteLength),
    chunkBytes,
    nodePlatform,
  )

const senderOf = (
  transport: Transport,
  whole: Parts,
  clock: Clock,
  path = new Path(),
  onError: (error: unknown) => void = () => {},
) =>
  new ChunkSender({
    transport,
    subject: to,
    version: 1,
    parts: whole,
    chunk: chunkBytes,
    clock,
    platform: nodePlatform,
    path,
    onError,
  })

/** The chunks in another order. */
function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((one) => ({ one, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)
}

const whole = parts(chunkBytes - 5, 10, 0, 3 * chunkBytes + 77)

describe('chunks put together', () => {
  it('are the parts that were sent, in whatever order and however often they came', async () => {
    const chunks = await chunksOf(whole)
    expect(chunks).toHaveLength(5)
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.nat(4), { maxLength: 6 }), (seed, again) => {
        const random = seededRandom(seed)
        const order = shuffled([...chunks, ...again.map((index) => chunks[index] as (typeof chunks)[0])], random)
        const assembly = assemblyOf(whole)
        const seen = new Set<number>()
        for (const chunk of order) {
          seen.add(chunk.header.index)
          expect(assembly.add(chunk)).toBe(seen.size === chunks.length)
        }
        expect(Buffer.concat(assembly.finish()).equals(join(whole))).toBe(true)
      }),
      { numRuns: 20 },
    )
  })

  it('are as long as announced, the last one shorter, and only it carries the digest', async () => {
    const chunks = await chunksOf(whole)
    expect(chunks.map(({ parts: bytes }) => join(bytes).byteLength)).toEqual([
      chunkBytes,
      chunkBytes,
      chunkBytes,
      chunkBytes,
      82,
    ])
    expect(chunks.map(({ header }) => header.digest !== undefined)).toEqual([false, false, false, false, true])
    expect(chunkCount(4 * chunkBytes + 82, chunkBytes)).toBe(5)
  })

  it('say which one is damaged, whatever byte of it changed on the way', async () => {
    const [first = [], second = []] = await framesOf(whole)
    const head = second[0]?.byteLength ?? 0
    const bytes = join(second)
    fc.assert(
      fc.property(fc.integer({ min: head, max: bytes.byteLength - 1 }), fc.nat(7), (at, bit) => {
        const flipped = Uint8Array.from(bytes)
        flipped[at] = (flipped[at] as number) ^ (1 << bit)
        expect(readChunk([flipped], undefined, nodePlatform)).toMatchObject({ header: { index: 1 }, damaged: true })
      }),
    )
    expect(readChunk(first)).toMatchObject({ header: { index: 0 }, damaged: false })
  })

  it('are refused when some are of another message of the same length', async () => {
    const other = await chunksOf(whole.map((part) => part.map((byte) => byte ^ 0x55)))
    const mine = await chunksOf(whole)
    for (const index of [0, 1, 2, 3]) {
      const assembly = assemblyOf(whole)
      for (const [at, chunk] of mine.entries()) assembly.add(at === index ? (other[at] as Chunk) : chunk)
      expect(() => assembly.finish()).toThrow(/not all of one message/)
      expect(() => assembly.add(mine[index] as Chunk)).toThrow(/not all of one message/)
    }
  })

  it('are refused when their digest never came', async () => {
    const assembly = new Assembly([10], chunkBytes, nodePlatform)
    expect(assembly.add({ header: { index: 0 }, parts: parts(10), check: 1 })).toBe(true)
    expect(() => assembly.finish()).toThrow(BadMessage)
  })

  it('are refused when they are longer or shorter than their place, or have none', () => {
    const assembly = new Assembly([chunkBytes + 10], chunkBytes, nodePlatform)
    const add = (index: number, bytes: number) => assembly.add({ header: { index }, parts: parts(bytes), check: 0 })
    expect(() => add(0, chunkBytes - 1)).toThrow(BadMessage)
    expect(() => add(1, 11)).toThrow(BadMessage)
    expect(() => add(2, 1)).toThrow(BadMessage)
  })
})

/** A sender on one side of a faulty link, an assembly that acknowledges on the other. */
async function link(sizes: readonly number[], { acknowledge = true, seed = 1 } = {}) {
  const broker = memoryBroker()
  const clock = fakeClock()
  const near = faulty(broker.connect(), [], { clock, random: seededRandom(seed) })
  const far = broker.connect()
  const sent = parts(...sizes)
  const assembly = new Assembly(sizes, chunkBytes, nodePlatform)
  const path = new Path()
  const errors: unknown[] = []
  const sender = senderOf(near, sent, clock, path, (error) => {
    errors.push(error)
    sender.stop()
  })
  let arrived = 0
  let complete = false
  await far.subscribe(to, ({ data }) => {
    arrived++
    let chunk: Chunk | undefined
    try {
      chunk = readChunk(data)
    } catch (error) {
      expect(error).toBeInstanceOf(Damaged)
    }
    if (!chunk || chunk.damaged) return sender.again(chunk?.header.index)
    complete = assembly.add(chunk)
    if (acknowledge) sender.acknowledge(chunk.header.index)
  })
  return { clock, near, sent, assembly, path, sender, errors, arrived: () => arrived, complete: () => complete }
}

describe('a sender of chunks', () => {
  it('sends lost chunks again until they are acknowledged, and what arrives is whole', async () => {
    const { clock, near, sent, assembly, sender, complete, arrived } = await link([10 * chunkBytes])
    near.use([{ drop: 1 }])
    sender.start()
    await settled()
    expect(arrived()).toBe(0)
    near.use([])
    await clock.advance(5000)
    expect(complete()).toBe(true)
    expect(Buffer.concat(assembly.finish()).equals(join(sent))).toBe(true)
    expect(sender.sentBytes).toBe(12 * chunkBytes)
    expect(clock.pending).toBe(0)
  })

  it('sends damaged chunks again at once, and what arrives is whole', async () => {
    for (const seed of [1, 2, 3]) {
      const { near, sent, assembly, sender, complete, errors } = await link([20 * chunkBytes], { seed })
      near.use([{ corrupt: 0.4 }])
      sender.start()
      await settled()
      expect(near.counts.corrupted).toBeGreaterThan(3)
      // No time has passed: nothing waited for a timer.
      expect(complete()).toBe(true)
      expect(Buffer.concat(assembly.finish()).equals(join(sent))).toBe(true)
      expect(errors).toEqual([])
    }
  })

  it('gives up, by name, where the way damages everything', async () => {
    const { near, sender, errors } = await link([4 * chunkBytes])
    near.use([{ corrupt: 1 }])
    sender.start()
    await settled()
    expect(errors).toMatchObject([{ code: 'damaged' }])
  })

  it('arrives whole over links that lose a share of everything', async () => {
    for (const seed of [1, 2, 3]) {
      const { clock, near, sent, assembly, sender, complete } = await link([6 * chunkBytes + 9, 300], { seed })
      near.use([{ drop: 0.4 }])
      sender.start()
      await clock.advance(60_000)
      expect(complete()).toBe(true)
      expect(Buffer.concat(assembly.finish()).equals(join(sent))).toBe(true)
      expect(clock.pending).toBe(0)
    }
  })

  it('keeps two chunks in flight on a path it does not know, and no more until one is acknowledged', async () => {
    const { clock, sender, arrived } = await link([10 * chunkBytes], { acknowledge: false })
    sender.start()
    await settled()
    expect(arrived()).toBe(2)
    sender.acknowledge(0)
    await settled()
    expect(arrived()).toBe(3)
    sender.stop()
    expect(clock.pending).toBe(0)
  })

  it('keeps as many in flight as the path holds: 1.25 × rate × round trip', async () => {
    const { path, sender, arrived } = await link([20 * chunkBytes], { acknowledge: false })
    path.observeRtt(100)
    path.observeRate((6 * chunkBytes) / 1.25, 100)
    sender.start()
    await settled()
    expect(arrived()).toBe(6)
    sender.stop()
  })

  it('waits while the connection is down, and goes on when it is back', async () => {
    const { clock, near, sender, complete } = await link([4 * chunkBytes])
    near.cut()
    sender.start()
    await clock.advance(10_000)
    expect(complete()).toBe(false)
    near.heal()
    await clock.advance(5000)
    expect(complete()).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it('that cannot publish ends with the error and leaves no timer behind', async () => {
    const clock = fakeClock()
    const transport = memoryBroker().connect({ maxPayload: 1000 })
    const errors: unknown[] = []
    const sender = senderOf(transport, parts(3 * chunkBytes), clock, new Path(), (error) => {
      errors.push(error)
      sender.stop()
    })
    sender.start()
    await clock.advance(10_000)
    expect(errors).toMatchObject([{ code: 'too-large' }])
    expect(clock.pending).toBe(0)
  })

  it('learns the rate of the path from acknowledgements, not from what it put on the wire', async () => {
    const { clock, near, path, sender, complete } = await link([8 * chunkBytes])
    near.use([{ bytesPerSecond: 1_000_000 }])
    sender.start()
    await clock.advance(10_000)
    expect(complete()).toBe(true)
    expect(path.rate).toBeGreaterThan(900)
    expect(path.rate).toBeLessThan(1100)
  })
})
