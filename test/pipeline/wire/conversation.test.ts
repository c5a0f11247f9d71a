import { describe, expect, it } from 'vitest'
import {
  BadInput,
  BadMessage,
  Cancellation,
  Cancelled,
  Damaged,
  DeadlineExceeded,
  ExecutorLost,
  type Failure,
  failure,
  type Item,
  type Message,
  NodeLost,
  NoResponders,
  packFrame,
  Refused,
  type Result,
  StageFailed,
  TooLarge,
  TransportClosed,
} from '../../../pipeline/index.ts'
import { droppedItem, imageMessage, settled } from '../../../pipeline/testing/index.ts'
import { encodeMessage } from '../../../pipeline/wire/codec.ts'
import { readDown } from '../../../pipeline/wire/hand-over.ts'
import { mostChunk as chunkBytes, leastChunk } from '../../../pipeline/wire/limits.ts'
import type { Down } from '../../../pipeline/wire/protocol.ts'
import { type Bench, bench, boundary, type Node } from './bench.ts'

const errorOf = (item: Item) => (item as Failure).error
const labelOf = (item: Item) => (item as Message<Result>).payload.label
const large = (bytes: number, n = 0) =>
  imageMessage({ n }, { bytes: Uint8Array.from({ length: bytes }, (_, at) => (at * 31) & 0xff) })

function expectSame(taken: Message | undefined, asked: ReturnType<typeof large>): void {
  const { payload } = taken as typeof asked
  expect(Buffer.from(payload.bytes).equals(asked.payload.bytes)).toBe(true)
}

/** Starts a call and tells whether it has ended. */
function calling(promise: Promise<Item>) {
  const state: { item?: Item; promise: Promise<Item> } = { promise }
  void promise.then((item) => {
    state.item = item
  })
  return state
}

/** Everything said about one message, with the time it was said. */
function listening(one: Bench, message: Message) {
  const said: { at: number; header: Down }[] = []
  const { header, parts } = encodeMessage(message, one.clock.now())
  one.near.request(boundary.any(message.source), packFrame({ kind: 'message', message: header }, parts), {
    onReply: ({ data }) => void said.push({ at: one.clock.now(), header: readDown(data).header }),
    onError: () => {},
  })
  return said
}

/** Both nodes have answered once, so that both are known. */
async function acquainted(one: Bench, nodes: readonly Node[]): Promise<void> {
  for (const [n, node] of nodes.entries()) {
    const call = one.caller.call(imageMessage({ n: 100 + n }))
    await settled()
    node.answer(node.taken.length - 1)
    await call
  }
}

describe('a call', () => {
  it('comes back as the same message with its answer, what crossing took, and who answered', async () => {
    const one = bench()
    const node = await one.node('cloud-1')
    const asked = imageMessage({ n: 3, plan: { model: 'm' }, timings: { capture: 2 } })
    const call = one.caller.call(asked)
    await one.clock.advance(20)
    expect(node.taken).toMatchObject([{ id: 'm3', side: 'cloud', seq: 3, expires: 10_000, payload: asked.payload }])
    node.answer(0, 'tulip')
    const item = (await call) as Message<Result>
    expect(item).toMatchObject({
      ...asked,
      payload: { form: 'result', label: 'tulip' },
      timings: { capture: 2, transfer: 0 },
      crossing: { at: 'captured', encoding: 'original', bytes: 4, node: 'cloud-1' },
    })
    expect(one.reports).toEqual([{ node: 'cloud-1', load: { pending: 1, capacity: 16, slowdown: 1 } }])
    expect(one.clock.pending).toBe(0)
  })

  it('books as transfer what was not spent below the wire', async () => {
    const one = bench()
    const node = await one.node('cloud')
    one.near.use([{ delay: 30 }])
    const call = one.caller.call(imageMessage())
    await one.clock.advance(50)
    node.answer()
    expect((await call) as Message).toMatchObject({ timings: { transfer: 30 } })
  })

  it('ends as the failure that happened below, of the same class, named after the stage where it happened', async () => {
    const one = bench()
    const node = await one.node('cloud')
    for (const error of [
      new BadInput('torn'),
      new StageFailed('x', { cause: new Error('y') }),
      new TooLarge('too big'),
    ]) {
      const call = one.caller.call(imageMessage())
      await settled()
      node.settle(failure(node.taken.at(-1) as Message, 'preprocess', error))
      const item = (await call) as Failure
      expect(item).toMatchObject({ kind: 'failure', id: 'm0', stage: 'preprocess', attempt: 1 })
      expect(item.error).toBeInstanceOf(error.constructor)
      expect(item.error).toMatchObject({ name: error.name, code: error.code, message: error.message })
    }
    expect(one.clock.pending).toBe(0)
  })

  it('learns how long the way is from a failure as from an answer: else a way on which all fail stays slow for ever', async () => {
    const one = bench()
    const node = await one.node('cloud')
    one.near.use([{ delay: 400 }])
    for (const n of [0, 1]) {
      const call = one.caller.call(imageMessage({ n }, { bytes: new Uint8Array(100_000) }))
      await one.clock.advance(400)
      node.settle(failure(node.taken.at(-1) as Message, 'preprocess', new DeadlineExceeded('no time left')))
      await call
      one.near.use([])
    }
    expect(one.caller.path.expects(100_000)?.upload).toBeLessThan(1)
  })

  it('does not take the time that a node kept a message before it refused it for the way', async () => {
    const one = bench({ attempts: 1 })
    const node = await one.node('cloud')
    const call = one.caller.call(imageMessage({}, { bytes: new Uint8Array(100_000) }))
    await one.clock.advance(40)
    node.settle(failure(node.taken.at(-1) as Message, 'execute', new Refused('no room')))
    expect(errorOf(await call)).toBeInstanceOf(Refused)
    expect(one.caller.path.expects(100_000)?.upload).toBeLessThan(1)
  })

  it('ends as dropped when it was let go below', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const call = one.caller.call(imageMessage())
    await settled()
    node.settle({ ...droppedItem(), reason: 'overflow' })
    expect(await call).toMatchObject({ kind: 'dropped', id: 'm0', reason: 'overflow' })
  })

  it('fails at once when nobody listens, and when the node that the plan names does not', async () => {
    const one = bench()
    expect(errorOf(await one.caller.call(imageMessage()))).toBeInstanceOf(NoResponders)
    await one.node('here')
    const item = await one.caller.call(imageMessage({ plan: { target: 'node:gone' } }))
    expect(errorOf(item)).toBeInstanceOf(NoResponders)
    expect(one.clock.now()).toBe(0)
  })

  it('goes to the node that the plan names', async () => {
    const one = bench()
    const nodes = [await one.node('a'), await one.node('b')] as const
    for (let n = 0; n < 4; n++) void one.caller.call(imageMessage({ n, plan: { target: 'node:b' } }))
    await settled()
    expect(nodes.map(({ taken }) => taken.length)).toEqual([0, 4])
  })

  it('with no time left, or that nobody waits for, is not sent', async () => {
    const one = bench()
    const node = await one.node('cloud')
    expect(errorOf(await one.caller.call(imageMessage({ expires: 0 })))).toBeInstanceOf(DeadlineExceeded)
    const cancelled = new Cancellation()
    cancelled.cancel()
    expect(errorOf(await one.caller.call(imageMessage({ cancellation: cancelled })))).toBeInstanceOf(Cancelled)
    expect(node.taken).toEqual([])
  })

  it('ends when its budget ends, and the holder hears of it', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const call = calling(one.caller.call(imageMessage({ expires: 400 })))
    await one.clock.advance(399)
    expect(call.item).toBeUndefined()
    await one.clock.advance(1)
    expect(errorOf(call.item as Item)).toBeInstanceOf(DeadlineExceeded)
    expect(node.taken[0]?.cancellation?.cancelled).toBe(true)
    expect(node.released).toEqual(['device.main.m0'])
    expect(one.clock.pending).toBe(0)
  })

  it('that nobody waits for any longer ends at once, and the holder hears of it', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const gone = new Cancellation()
    const call = one.caller.call(imageMessage({ cancellation: gone }))
    await one.clock.advance(60)
    gone.cancel()
    expect(errorOf(await call)).toBeInstanceOf(Cancelled)
    await settled()
    expect(node.taken[0]?.cancellation?.cancelled).toBe(true)
    expect(node.released).toEqual(['device.main.m0'])
    expect(node.responder.statistics).toMatchObject({ cancelled: 1, pending: 0 })
    expect(one.clock.pending).toBe(0)
  })

  it('is answered over a round trip that is longer than three beats', async () => {
    const one = bench()
    const node = await one.node('far')
    one.near.use([{ delay: 450, at: ['request', 'publish', 'answer'] }])
    const call = calling(one.caller.call(imageMessage()))
    for (let ms = 0; ms < 9000 && !call.item; ms += 50) {
      await one.clock.advance(50)
      for (const [n] of node.taken.entries()) node.answer(n)
    }
    expect(call.item).toMatchObject({ kind: 'message' })
    expect(one.clock.now()).toBeLessThan(2500)
  })

  it('waits for a lost connection as long as its budget lasts, and counts that as no try', async () => {
    const one = bench({ attempts: 1 })
    const node = await one.node('cloud')
    one.near.cut()
    const call = calling(one.caller.call(imageMessage()))
    const late = calling(one.caller.call(imageMessage({ n: 1, expires: 2000 })))
    await one.clock.advance(5000)
    expect(errorOf(late.item as Item)).toBeInstanceOf(TransportClosed)
    expect(call.item).toBeUndefined()
    one.near.heal()
    await one.clock.advance(1000)
    expect(node.taken.map(({ id }) => id)).toEqual(['m0'])
    node.answer()
    expect(await call.promise).toMatchObject({ kind: 'message' })
  })

  it('fails at once when the transport is closed for good', async () => {
    const one = bench()
    await one.near.drain()
    await settled()
    expect(errorOf(await one.caller.call(imageMessage()))).toBeInstanceOf(TransportClosed)
    expect(one.clock.now()).toBe(0)
  })

  it('fails, and is not crashed, by replies that are no messages, where nobody else is heard of', async () => {
    const one = bench({ attempts: 2 })
    await one.broker.connect().serve(boundary.anyPattern(), ({ reply }) => reply([Uint8Array.of(1, 2, 3)]))
    const call = calling(one.caller.call(imageMessage()))
    await one.clock.advance(1000)
    expect(errorOf(call.item as Item)).toBeInstanceOf(BadMessage)
    expect(one.clock.pending).toBe(0)
  })

  it('is not ended by a frame that cannot be read: it is told of, and passed over', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const tap = one.broker.connect()
    const inboxes: ((data: Uint8Array[]) => void)[] = []
    await tap.serve(boundary.anyPattern(), ({ reply }) => void inboxes.push(reply))
    const call = calling(one.caller.call(imageMessage()))
    await settled()
    for (let n = 0; n < 5; n++) {
      for (const reply of inboxes) reply([Uint8Array.of(1, 2, 3)])
      await one.clock.advance(240)
    }
    expect(call.item).toBeUndefined()
    node.answer()
    expect(await call.promise).toMatchObject({ kind: 'message', attempt: 1 })
    expect(one.seen.filter(({ type }) => type === 'stray')).toHaveLength(5)
    expect(one.clock.pending).toBe(0)
  })
})

describe('a call that is tried again', () => {
  it('goes to the same place after the time that a refusal names', async () => {
    const one = bench()
    const node = await one.node('cloud', { capacity: 1 })
    const first = one.caller.call(imageMessage({ n: 0 }))
    const second = calling(one.caller.call(imageMessage({ n: 1 })))
    await one.clock.advance(40)
    node.answer(0)
    await first
    expect(node.taken).toHaveLength(1)
    await one.clock.advance(20)
    expect(node.taken[1]).toMatchObject({ id: 'm1', attempt: 2 })
    node.answer(1)
    expect(await second.promise).toMatchObject({ kind: 'message', attempt: 2 })
    expect(one.seen).toContainEqual(expect.objectContaining({ type: 'refused', id: 'm1', node: 'cloud' }))
  })

  it('fails as refused when all its tries were refused', async () => {
    const one = bench({ attempts: 3 })
    const node = await one.node('cloud', { capacity: 1 })
    void one.caller.call(imageMessage({ n: 0 }))
    const second = calling(one.caller.call(imageMessage({ n: 1 })))
    await one.clock.advance(3000)
    expect(errorOf(second.item as Item)).toBeInstanceOf(Refused)
    expect((second.item as Failure).attempt).toBe(3)
    expect(node.responder.statistics).toMatchObject({ refused: 3, received: 1 })
  })

  it('carries a stage’s own refusal to the sender, with the time after which to come again', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const call = one.caller.call(imageMessage())
    await settled()
    node.settle(failure(node.taken[0] as Message, 'execute', new Refused('cold', { retryAfter: 300 })))
    await one.clock.advance(299)
    expect(node.taken).toHaveLength(1)
    await one.clock.advance(1)
    expect(node.taken).toHaveLength(2)
    node.answer(1)
    expect(await call).toMatchObject({ kind: 'message', attempt: 2 })
  })

  it('starts at once when an executor was lost below', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const call = one.caller.call(imageMessage())
    await settled()
    node.settle(failure(node.taken[0] as Message, 'execute', new ExecutorLost('killed')))
    await settled()
    expect(node.taken[1]).toMatchObject({ id: 'm0', attempt: 2 })
    node.answer(1)
    expect(await call).toMatchObject({ kind: 'message', attempt: 2 })
    expect(one.seen.map(({ type }) => type)).toEqual(['attempt', 'attempt-failed', 'attempt'])
  })

  it('goes to another node under the same id when its holder misses three beats', async () => {
    const one = bench()
    const [a, b] = [await one.node('a'), await one.node('b')]
    await acquainted(one, [a, b])
    const call = one.caller.call(imageMessage())
    await one.clock.advance(60)
    expect(a.taken.at(-1)).toMatchObject({ id: 'm0', attempt: 1 })
    a.transport.cut()
    await one.clock.advance(739)
    expect(b.taken).toHaveLength(1)
    await one.clock.advance(1)
    expect(b.taken.at(-1)).toMatchObject({ id: 'm0', attempt: 2 })
    expect(one.seen).toContainEqual({ type: 'node-lost', node: 'a', id: 'm0' })
    b.answer(1)
    expect(await call).toMatchObject({ kind: 'message', attempt: 2, crossing: { node: 'b' } })
  })

  it('and all after it pass the lost node by, until it has answered one that is its trial', async () => {
    const one = bench()
    const [a, b] = [await one.node('a'), await one.node('b')]
    await acquainted(one, [a, b])
    void one.caller.call(imageMessage({ expires: 60_000 }))
    await one.clock.advance(60)
    a.transport.cut()
    await one.clock.advance(740)
    const before = a.taken.length
    const ask = async (n: number) => {
      void one.caller.call(imageMessage({ n, expires: 60_000 }))
      await settled()
    }
    for (let n = 1; n < 5; n++) await ask(n)
    a.transport.heal()
    await one.clock.advance(3_999)
    for (let n = 5; n < 9; n++) await ask(n)
    expect(a.taken.length).toBe(before)
    await one.clock.advance(1)
    for (let n = 9; n < 13; n++) await ask(n)
    expect(a.taken.length).toBe(before + 1)
    a.answer(a.taken.length - 1)
    await settled()
    for (let n = 13; n < 17; n++) await ask(n)
    expect(a.taken.length).toBe(before + 3)
  })

  it('goes elsewhere when its node closes with the message in hand', async () => {
    const one = bench()
    const [a, b] = [await one.node('a'), await one.node('b')]
    await acquainted(one, [a, b])
    const call = one.caller.call(imageMessage())
    await one.clock.advance(60)
    await a.responder.close()
    await settled()
    expect(b.taken.at(-1)).toMatchObject({ id: 'm0', attempt: 2 })
    b.answer(1)
    expect(await call).toMatchObject({ kind: 'message', attempt: 2 })
  })

  it('joins the work that is held still, instead of doing it twice', async () => {
    const one = bench()
    const node = await one.node('cloud')
    node.transport.use([{ at: ['reply'], drop: 1 }])
    const call = one.caller.call(imageMessage())
    await one.clock.advance(800)
    node.transport.use([])
    await one.clock.advance(300)
    expect(node.taken).toHaveLength(1)
    node.answer()
    expect(await call).toMatchObject({ kind: 'message', attempt: 2 })
    expect(node.responder.statistics).toMatchObject({ received: 1, results: 1, pending: 0 })
  })

  it('ends when its budget ends where nobody ever answers, and before that where another plan may answer it', async () => {
    const one = bench({ attempts: 2 })
    await one.broker.connect().serve(boundary.anyPattern(), () => {})
    const patient = calling(one.caller.call(imageMessage()))
    const hasty = calling(one.device({ outage: 5_000 }).call(imageMessage({ n: 1 })))
    await one.clock.advance(9_999)
    expect(patient.item).toBeUndefined()
    expect(errorOf(hasty.item as Item)).toBeInstanceOf(NodeLost)
    await one.clock.advance(1)
    expect(errorOf(patient.item as Item)).toBeInstanceOf(DeadlineExceeded)
    expect(one.clock.pending).toBe(0)
  })
})

describe('a holder', () => {
  it('says nothing before an answer that takes less than 50 ms', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const said = listening(one, imageMessage())
    await one.clock.advance(49)
    node.answer()
    await one.clock.advance(1000)
    expect(said.map(({ header }) => header.kind)).toEqual(['result'])
  })

  it('accepts after 50 ms, gives a sign of life every 250 ms, and then answers', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const said = listening(one, imageMessage())
    await one.clock.advance(900)
    node.answer()
    await settled()
    expect(said.map(({ at, header }) => [at, header.kind])).toEqual([
      [50, 'accept'],
      [300, 'working'],
      [550, 'working'],
      [800, 'working'],
      [900, 'result'],
    ])
    expect(said.at(-1)?.header).toMatchObject({ node: 'cloud', residence: 900 })
  })

  it('fails what is out of budget, tells its worker, and hears no answer afterwards', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const said = listening(one, imageMessage({ expires: 120 }))
    await one.clock.advance(200)
    expect(said.at(-1)?.header).toMatchObject({ kind: 'failure', code: 'deadline-exceeded' })
    expect(node.taken[0]?.cancellation?.cancelled).toBe(true)
    const count = said.length
    node.answer()
    await settled()
    expect(said).toHaveLength(count)
    expect(node.responder.statistics).toMatchObject({ failures: 1, results: 0, pending: 0 })
  })

  it('says of late work that it is late, and of a closing node that it closed, whatever the work ends as', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const heeding = (n: number) => {
      const { cancellation } = node.taken[n] as Message
      cancellation?.listen(() => node.settle(failure(node.taken[n] as Message, 'execute', cancellation.reason)))
    }
    const late = listening(one, imageMessage({ expires: 120 }))
    await settled()
    heeding(0)
    await one.clock.advance(200)
    expect(late.at(-1)?.header).toMatchObject({ kind: 'failure', code: 'deadline-exceeded' })
    expect(node.taken[0]?.cancellation?.reason).toBeInstanceOf(DeadlineExceeded)
    const held = listening(one, imageMessage({ n: 1 }))
    await settled()
    heeding(1)
    await node.responder.close()
    expect(held.map(({ header }) => header)).toMatchObject([{ kind: 'failure', code: 'node-lost', retryable: true }])
  })

  it('refuses what exceeds its capacity, and says when to come again', async () => {
    const one = bench()
    const node = await one.node('cloud', { capacity: 2 })
    for (let n = 0; n < 2; n++) listening(one, imageMessage({ n }))
    const said = listening(one, imageMessage({ n: 2 }))
    await settled()
    expect(said).toMatchObject([{ header: { kind: 'refused', node: 'cloud', retryAfter: expect.any(Number) } }])
    expect(said[0]?.header).not.toMatchObject({ retryAfter: 0 })
    expect(node.taken).toHaveLength(2)
  })

  /** A node at which one message takes as long as all that are there: it has seen two stay for 40 ms each. */
  async function busy(one: Bench): Promise<Node> {
    const node = await one.node('cloud')
    for (const n of [0, 1]) {
      const call = one.caller.call(imageMessage({ n: 100 + n }))
      await one.clock.advance(40)
      node.answer(node.taken.length - 1)
      await call
    }
    return node
  }

  it('refuses a message that would be too late behind those it holds, and says by how much', async () => {
    const one = bench()
    const node = await busy(one)
    for (const n of [0, 1]) listening(one, imageMessage({ n }))
    const expires = one.clock.now() + 100
    const said = listening(one, imageMessage({ n: 2, expires }))
    await settled()
    expect(said).toMatchObject([
      { header: { kind: 'refused', retryAfter: 20, reason: expect.stringContaining('120 ms, and 100 ms are left') } },
    ])
    expect(node.taken.map(({ id }) => id)).not.toContain('m2')
    const later = listening(one, imageMessage({ n: 3, expires: expires + 20 }))
    await settled()
    expect(later).toEqual([])
    expect(node.taken.map(({ id }) => id)).toContain('m3')
  })

  it('takes a message where it holds none, however long the last ones stayed', async () => {
    const one = bench()
    const node = await busy(one)
    listening(one, imageMessage({ n: 2, expires: one.clock.now() + 5 }))
    await settled()
    expect(node.taken.map(({ id }) => id)).toContain('m2')
  })

  it('gives a message the time that is left once the way is taken off, and all of it where that leaves none', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const asked = (n: number, link: { rtt: number; upload: number }) => {
      const { header, parts } = encodeMessage(
        imageMessage({ n, expires: one.clock.now() + 200 }),
        one.clock.now(),
        link,
      )
      one.near.request(boundary.any('device.main'), packFrame({ kind: 'message', message: header }, parts), {
        onReply: () => {},
        onError: () => {},
      })
    }
    asked(0, { rtt: 20, upload: 50 })
    asked(1, { rtt: 20, upload: 500 })
    await settled()
    expect(node.taken.map(({ expires }) => expires - one.clock.now())).toEqual([130, 200])
  })

  it('refuses a message that a device sends in another’s name', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const { header, parts } = encodeMessage(imageMessage({ source: 'victim.main' }), 0)
    const said: Down[] = []
    one.near.request(boundary.any('thief.main'), packFrame({ kind: 'message', message: header }, parts), {
      onReply: ({ data }) => void said.push(readDown(data).header),
      onError: () => {},
    })
    await settled()
    expect(said).toMatchObject([{ kind: 'failure', code: 'bad-message' }])
    expect(node.taken).toEqual([])
  })

  it('keeps messages of one id apart when they are of different devices: none joins or cancels another’s', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const gone = new Cancellation()
    const mine = one.caller.call(imageMessage({ source: 'one.main' }))
    const theirs = one.device().call(imageMessage({ source: 'two.main', cancellation: gone }))
    await one.clock.advance(60)
    expect(node.taken.map(({ source }) => source)).toEqual(['one.main', 'two.main'])
    gone.cancel()
    await settled()
    expect(node.taken.map(({ cancellation }) => cancellation?.cancelled)).toEqual([false, true])
    node.answer(0, 'mine')
    expect(labelOf(await mine)).toBe('mine')
    expect(errorOf(await theirs)).toBeInstanceOf(Cancelled)
  })

  it('keeps passes of one message apart: each has its own answer, and its own cancellation', async () => {
    const one = bench({ chunkAbove: chunkBytes })
    const node = await one.node('cloud')
    const gone = new Cancellation()
    const first = one.caller.call({ ...large(2 * chunkBytes), plan: { model: 'a' } })
    const second = one.caller.call({ ...large(2 * chunkBytes), plan: { model: 'b' }, pass: 1, cancellation: gone })
    const third = one.caller.call({ ...large(2 * chunkBytes), plan: { model: 'c' }, pass: 2 })
    await one.clock.advance(60)
    expect(node.taken.map(({ id, pass, plan }) => [id, pass, plan.model])).toEqual([
      ['m0', undefined, 'a'],
      ['m0', 1, 'b'],
      ['m0', 2, 'c'],
    ])
    gone.cancel()
    await settled()
    expect(node.taken.map(({ cancellation }) => cancellation?.cancelled)).toEqual([false, true, false])
    node.answer(2, 'third')
    node.answer(0, 'first')
    expect([labelOf(await first), labelOf(await third)]).toEqual(['first', 'third'])
    expect(await second).toMatchObject({ kind: 'failure', pass: 1, error: { code: 'cancelled' } })
    expect(node.responder.statistics).toMatchObject({ pending: 0, results: 2, cancelled: 1 })
  })

  it('hears that a message is not wanted also when it has not yet said that it holds it', async () => {
    const one = bench()
    const node = await one.node('cloud')
    await acquainted(one, [node])
    const gone = new Cancellation()
    const call = one.caller.call(imageMessage({ cancellation: gone }))
    await one.clock.advance(10)
    gone.cancel()
    await call
    expect(node.taken[1]?.cancellation?.cancelled).toBe(true)
    expect(node.responder.statistics).toMatchObject({ pending: 0, cancelled: 1 })
  })

  it('tells with every reply how crowded it is, refusals and failures too', async () => {
    const one = bench({ attempts: 1 })
    const node = await one.node('cloud', { capacity: 2 })
    for (let n = 0; n < 20; n++) {
      const call = one.caller.call(imageMessage({ n }))
      await one.clock.advance(20)
      node.answer(n)
      await call
    }
    expect(one.reports.at(-1)?.load.slowdown).toBeCloseTo(1)
    for (let n = 20; n < 60; n += 2) {
      const calls = [one.caller.call(imageMessage({ n })), one.caller.call(imageMessage({ n: n + 1 }))]
      await one.clock.advance(80)
      for (const at of [n, n + 1]) node.answer(at)
      await Promise.all(calls)
    }
    expect(one.reports.at(-2)?.load.slowdown).toBeGreaterThan(3)
    const before = one.reports.length
    const calls = [60, 61, 62].map((n) => one.caller.call(imageMessage({ n })))
    expect(errorOf(await (calls[2] as Promise<Item>))).toBeInstanceOf(Refused)
    node.settle(failure(node.taken.at(-1) as Message, 'there', new StageFailed('there')))
    await calls[1]
    expect(one.reports.slice(before)).toMatchObject([{ load: { pending: 2 } }, { load: { pending: 2 } }])
    for (const { load } of one.reports.slice(before)) expect(load.slowdown).toBeGreaterThan(3)
    node.answer(60)
    await calls[0]
  })

  it('answers bytes that are no message with a named error, and goes on', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const said: Down[] = []
    for (const data of [[Uint8Array.of(1)], packFrame({ kind: 'poem' }), packFrame({ kind: 'message', message: {} })]) {
      one.near.request(boundary.any('device.main'), data, {
        onReply: (delivery) => void said.push(readDown(delivery.data).header),
        onError: () => {},
      })
    }
    one.near.publish(boundary.node('device.main', 'cloud'), [Uint8Array.of(2)])
    one.near.publish(boundary.chunks('device.main', 'cloud', 'm0'), [Uint8Array.of(3)])
    await settled()
    expect(said.map((down) => down.kind === 'failure' && down.code)).toEqual(Array(3).fill('bad-message'))
    const call = one.caller.call(imageMessage())
    await settled()
    node.answer()
    expect(await call).toMatchObject({ kind: 'message' })
  })

  it('replies a named error for an answer that no frame can carry', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const call = one.caller.call(imageMessage())
    await settled()
    node.answer(0, 'x'.repeat(600_000))
    expect(errorOf(await call)).toBeInstanceOf(TooLarge)
    expect(node.responder.statistics).toMatchObject({ pending: 0, results: 0, failures: 1 })
  })
})

describe('a holder that drains', () => {
  it('finishes what it holds, and refuses what comes meanwhile', async () => {
    const one = bench({ attempts: 1 })
    const node = await one.node('cloud')
    const held = one.caller.call(imageMessage())
    await one.clock.advance(60)
    const drained = node.responder.drain(1000)
    await settled()
    const refused = one.caller.call(imageMessage({ n: 1, plan: { target: 'node:cloud' } }))
    expect(errorOf(await refused)).toBeInstanceOf(Refused)
    node.answer()
    expect(await held).toMatchObject({ kind: 'message' })
    await drained
    expect(one.clock.pending).toBe(0)
    // For a while it may only be reconnecting; then it is gone.
    const after = calling(one.caller.call(imageMessage({ n: 2 })))
    await one.clock.advance(10_000)
    expect(errorOf(after.item as Item)).toBeInstanceOf(NoResponders)
  })

  it('waits no longer than it is given', async () => {
    const one = bench({ attempts: 1 })
    const node = await one.node('cloud')
    const held = calling(one.caller.call(imageMessage()))
    await one.clock.advance(60)
    const drained = node.responder.drain(500)
    await one.clock.advance(499)
    expect(held.item).toBeUndefined()
    await one.clock.advance(1)
    await drained
    expect(errorOf(held.item as Item)).toBeInstanceOf(NodeLost)
    expect(node.taken[0]?.cancellation?.cancelled).toBe(true)
    expect(one.clock.pending).toBe(0)
  })
})

describe('a large message', () => {
  const chunked = { chunkAbove: 256 * 1024 }

  it('goes in chunks to the one node that accepted it, and arrives as it was', async () => {
    const one = bench(chunked)
    const nodes = [await one.node('a'), await one.node('b')]
    const asked = large(5 * chunkBytes + 3)
    const call = one.caller.call(asked)
    await one.clock.advance(100)
    expect(nodes.map(({ taken }) => taken.length).sort()).toEqual([0, 1])
    const node = nodes.find(({ taken }) => taken.length > 0) as Node
    expectSame(node.taken[0], asked)
    node.answer()
    expect(await call).toMatchObject({ kind: 'message', crossing: { bytes: asked.payload.bytes.byteLength } })
    expect(one.clock.pending).toBe(0)
  })

  it('arrives though chunks and acknowledgements are lost', async () => {
    const one = bench(chunked)
    const node = await one.node('cloud')
    one.near.use([{ subject: 'in.*.*.*.*.*.*', drop: 0.3 }])
    node.transport.use([{ at: ['reply'], drop: 0.2 }])
    const asked = { ...large(9 * chunkBytes), expires: 60_000 }
    const call = calling(one.caller.call(asked))
    for (let ms = 0; ms < 59_000 && !call.item; ms += 100) {
      await one.clock.advance(100)
      for (const [n] of node.taken.entries()) node.answer(n)
    }
    expect(call.item).toMatchObject({ kind: 'message' })
    expectSame(node.taken[0], asked)
    expect(one.clock.pending).toBe(0)
  })

  it('whose last acknowledgement is lost is not sent again and again while it is worked on', async () => {
    const one = bench({ chunkAbove: chunkBytes })
    const node = await one.node('cloud')
    one.near.use([{ subject: 'in.*.*.*.*.*.*', delay: 10 }])
    const call = calling(one.caller.call({ ...large(2 * chunkBytes), expires: 60_000 }))
    await one.clock.advance(5)
    node.transport.use([{ at: ['reply'], drop: 1 }])
    await one.clock.advance(10)
    node.transport.use([])
    expect(node.taken).toHaveLength(1)
    await one.clock.advance(30_000)
    node.answer()
    await one.clock.advance(1)
    expect((call.item as Message<Result>).crossing?.bytes).toBe(4 * chunkBytes)
    expect(one.clock.pending).toBe(0)
  })

  it('whose acceptance was lost is told again where to send its chunks', async () => {
    const one = bench(chunked)
    const node = await one.node('cloud')
    node.transport.use([{ at: ['reply'], drop: 1 }])
    const call = one.caller.call(large(3 * chunkBytes))
    await one.clock.advance(10)
    node.transport.use([])
    await one.clock.advance(300)
    expect(node.taken).toHaveLength(1)
    node.answer()
    expect(await call).toMatchObject({ kind: 'message', attempt: 1 })
  })

  it('that is damaged whenever it is sent fails by that name when its budget ends', async () => {
    const one = bench(chunked)
    const node = await one.node('cloud')
    one.near.use([{ subject: 'in.*.*.*.*.*.*', corrupt: 1 }])
    const call = calling(one.caller.call(large(3 * chunkBytes)))
    await one.clock.advance(5000)
    expect(node.taken).toEqual([])
    await one.clock.advance(5500)
    expect(errorOf(call.item as Item)).toBeInstanceOf(Damaged)
    expect(node.responder.statistics).toMatchObject({ pending: 0 })
  })

  it('above what a node takes is refused before anything is sent', async () => {
    const one = bench(chunked)
    const node = await one.node('cloud', { maxBytes: 300 * 1024 })
    expect(errorOf(await one.caller.call(large(4 * chunkBytes)))).toBeInstanceOf(TooLarge)
    expect(node.taken).toEqual([])
  })

  it('waits its turn where too many arrive at once, and leaves its room when it ends', async () => {
    const one = bench({ ...chunked, attempts: 50 })
    const node = await one.node('cloud', { maxArriving: 4 * chunkBytes })
    one.near.use([{ subject: 'in.*.*.*.*.*.*', delay: 300 }])
    const gone = new Cancellation()
    const first = one.caller.call({ ...large(3 * chunkBytes), cancellation: gone })
    const second = calling(one.caller.call(large(3 * chunkBytes, 1)))
    await one.clock.advance(200)
    expect(node.responder.statistics).toMatchObject({ pending: 1 })
    gone.cancel()
    await first
    await one.clock.advance(3000)
    expect(node.taken.map(({ id }) => id)).toEqual(['m1'])
    node.answer()
    expect(await second.promise).toMatchObject({ kind: 'message' })
    expect(one.clock.pending).toBe(0)
  })

  it('goes in chunks by itself where the transport takes no more at once', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const small = one.broker.connect({ maxPayload: 200 * 1024 })
    const call = one.device({}, small).call(large(3 * chunkBytes))
    await one.clock.advance(100)
    expect(node.taken).toHaveLength(1)
    node.answer()
    expect(await call).toMatchObject({ kind: 'message' })
  })

  it('offered empty, or in chunks of next to nothing, is a bad message', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const { header } = encodeMessage(imageMessage(), 0)
    const said: Down[] = []
    for (const offer of [
      { sizes: [0], chunk: chunkBytes },
      { sizes: [10], chunk: leastChunk - 1 },
    ]) {
      one.near.request(boundary.any('device.main'), packFrame({ kind: 'offer', message: header, ...offer }), {
        onReply: ({ data }) => void said.push(readDown(data).header),
        onError: () => {},
      })
    }
    await settled()
    expect(said.map((down) => down.kind === 'failure' && down.code)).toEqual(['bad-message', 'bad-message'])
    expect(node.responder.statistics).toMatchObject({ pending: 0 })
  })
})
