import { describe, expect, it } from 'vitest'
import { memoryBroker } from '../../../adapters/memory/index.ts'
import { NoResponders, type Transport, TransportClosed } from '../../../pipeline/index.ts'
import { type Fault, type FaultyTransport, faulty, seededRandom } from '../../../pipeline/testing/index.ts'
import { Asked, answer, Faults, said, text, whole } from '../../contract/support.ts'
import { type ManualClock, manualClock, settled } from '../../support/manual-clock.ts'

interface Bench {
  readonly clock: ManualClock
  readonly near: FaultyTransport
  readonly far: Transport
  readonly faults: Faults
}

function bench(faults: readonly Fault[], seed = 1): Bench {
  const broker = memoryBroker()
  const clock = manualClock()
  const reported = new Faults()
  const near = faulty(broker.connect(), faults, { clock, random: seededRandom(seed), onFault: reported.report })
  return { clock, near, far: broker.connect(), faults: reported }
}

/** Collects what arrives. */
async function listen(transport: Transport, subject: string): Promise<string[]> {
  const seen: string[] = []
  await transport.subscribe(subject, (delivery) => seen.push(said(delivery)))
  return seen
}

describe('faulty transport', () => {
  it('drops a share of messages, counts them, and drops the same ones for the same seed', async () => {
    const run = async (seed: number) => {
      const { near, far } = bench([{ drop: 0.3 }], seed)
      const seen = await listen(far, 'x')
      for (let n = 0; n < 1000; n++) near.publish('x', text(String(n)))
      await settled()
      await settled()
      expect(seen.length + near.counts.dropped).toBe(1000)
      expect(near.counts).toMatchObject({ passed: seen.length, delayed: 0, duplicated: 0 })
      return seen
    }
    const first = await run(7)
    expect(first.length).toBeGreaterThan(600)
    expect(first.length).toBeLessThan(800)
    expect(await run(7)).toEqual(first)
    expect(await run(8)).not.toEqual(first)
  })

  it('meets only the subjects and the points it was asked to', async () => {
    const { near, far } = bench([
      { subject: 'in.*.a', drop: 1 },
      { subject: 'answers', at: ['answer'], drop: 1 },
    ])
    const seen = await listen(far, 'in.>')
    await far.serve('answers', (request) => request.reply(text('unheard')))
    await far.serve('others', (request) => request.reply(text('heard')))
    near.publish('in.x.a', text('lost'))
    near.publish('in.x.b', text('kept'))
    const asked = new Asked(near, 'answers')
    expect(said(await answer(near, 'others'))).toBe('heard')
    expect(seen).toEqual(['kept'])
    expect(asked.replies).toEqual([])
    expect(near.counts.dropped).toBe(2)
  })

  it('duplicates messages and requests alike', async () => {
    const { near, far } = bench([{ duplicate: 1 }])
    const seen = await listen(far, 'x')
    await far.serve('q', (request) => request.reply(text('once more')))
    near.publish('x', text('twin'))
    expect((await new Asked(near, 'q').heard(2)).map(said)).toEqual(['once more', 'once more'])
    expect(seen).toEqual(['twin', 'twin'])
    expect(near.counts.duplicated).toBe(2)
  })

  it('changes one bit of a copy, never the sender’s own bytes', async () => {
    const { near, far } = bench([{ corrupt: 1 }])
    const sent = [Buffer.alloc(100), Buffer.alloc(100)]
    let got: Buffer = Buffer.alloc(0)
    await far.subscribe('x', (delivery) => {
      got = whole(delivery.data)
    })
    near.publish('x', sent)
    await settled()
    const bits = got.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)
    expect(got.length).toBe(200)
    expect(bits).toBe(1)
    expect(whole(sent).every((byte) => byte === 0)).toBe(true)
    expect(near.counts.corrupted).toBe(1)
  })

  it('delays on the clock it was given and keeps the order', async () => {
    const { near, far, clock } = bench([{ delay: [10, 100] }])
    const seen = await listen(far, 'x')
    for (let n = 0; n < 20; n++) near.publish('x', text(String(n)))
    await clock.advance(9)
    expect(seen).toEqual([])
    await clock.advance(91)
    expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => String(n)))
    expect(near.counts.delayed).toBe(20)
  })

  it('lets messages overtake each other when asked to', async () => {
    const { near, far, clock } = bench([{ delay: [10, 100], reorder: true }])
    const seen = await listen(far, 'x')
    for (let n = 0; n < 20; n++) near.publish('x', text(String(n)))
    await clock.advance(100)
    expect(seen.length).toBe(20)
    expect(seen).not.toEqual(Array.from({ length: 20 }, (_, n) => String(n)))
  })

  it('lets no more bytes pass than its rate', async () => {
    const { near, far, clock } = bench([{ bytesPerSecond: 1000 }])
    const seen = await listen(far, 'x')
    for (let n = 0; n < 10; n++) near.publish('x', [Buffer.alloc(100)])
    await clock.advance(499)
    expect(seen.length).toBe(4)
    await clock.advance(501)
    expect(seen.length).toBe(10)
  })

  it('delays requests and replies, and still says that nobody listens', async () => {
    const { near, far, clock } = bench([{ at: ['request', 'answer'], delay: 50 }])
    await far.serve('q', (request) => request.reply(text('late')))
    const asked = new Asked(near, 'q')
    const missed = new Asked(near, 'nobody')
    await clock.advance(50)
    expect(await missed.error).toBeInstanceOf(NoResponders)
    expect(asked.replies).toEqual([])
    await settled()
    await clock.advance(50)
    expect((await asked.heard()).map(said)).toEqual(['late'])
  })

  it('sends nothing for a conversation closed while its request was delayed', async () => {
    const { near, far, clock } = bench([{ delay: 50 }])
    const seen = await listen(far, 'q')
    new Asked(near, 'q').conversation.close()
    await clock.advance(50)
    expect(seen).toEqual([])
  })

  it('acts on replies of the side that serves', async () => {
    const { near, far } = bench([{ at: ['reply'], drop: 1 }])
    await near.serve('q', (request) => request.reply(text('lost')))
    await far.serve('fence', (request) => request.reply([]))
    const asked = new Asked(far, 'q')
    await answer(far, 'fence')
    await settled()
    expect(asked.replies).toEqual([])
    expect(near.counts.dropped).toBe(1)
  })

  it('cut: sending throws, nothing arrives, what was on its way is lost and counted; healed, all is back', async () => {
    const { near, far, clock } = bench([{ at: ['publish'], delay: 50 }])
    const seen = await listen(far, 'out')
    const heard = await listen(near, 'in')
    near.publish('out', text('under way'))
    near.cut()
    expect(near.connected).toBe(false)
    expect(() => near.publish('out', [])).toThrow(TransportClosed)
    expect(() => near.request('out', [], { onReply: () => {}, onError: () => {} })).toThrow(TransportClosed)
    far.publish('in', text('missed'))
    await settled()
    expect(near.counts.cut).toBe(2)
    near.heal()
    expect(near.connected).toBe(true)
    near.publish('out', text('again'))
    far.publish('in', text('heard'))
    await clock.advance(50)
    expect({ seen, heard }).toEqual({ seen: ['again'], heard: ['heard'] })
  })

  it('tells a delayed request when the transport beneath closes', async () => {
    const { near } = bench([{ delay: 50 }])
    const asked = new Asked(near, 'q')
    await near.drain()
    expect(await asked.error).toBeInstanceOf(TransportClosed)
    expect(asked.errors).toBe(1)
  })

  it('takes new faults in the middle, and reports rejections of late deliveries', async () => {
    const { near, far, clock, faults } = bench([])
    await near.serve('q', async () => Promise.reject(new Error('late trouble')))
    near.use([{ at: ['delivery'], delay: 50 }])
    far.publish('q', [])
    await settled()
    await clock.advance(50)
    expect((await faults.first()).message).toContain('late trouble')
  })
})
