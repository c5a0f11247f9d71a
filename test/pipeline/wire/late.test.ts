import { describe, expect, it } from 'vitest'
import {
  Cancellation,
  ExecutorLost,
  failure,
  type Item,
  type Message,
  Refused,
  type Result,
  StageFailed,
  type Transport,
} from '../../../pipeline/index.ts'
import { imageMessage, settled } from '../../../pipeline/testing/index.ts'
import type { Caller, CallerOptions } from '../../../pipeline/wire/caller.ts'
import { mostChunk } from '../../../pipeline/wire/limits.ts'
import { type Bench, bench, type Node } from './bench.ts'

const labelOf = (item: Item | undefined) => (item as Message<Result>).payload.label

/** A bench whose device tells how many of its conversations are open, and the bytes of what it published. */
function watched(options: Partial<CallerOptions> = {}) {
  const one = bench()
  const open = new Set<object>()
  const sent: number[] = []
  const transport: Transport = {
    get connected() {
      return one.near.connected
    },
    kind: one.near.kind,
    maxPayload: one.near.maxPayload,
    handsOver: one.near.handsOver === true,
    closed: one.near.closed,
    publish: (subject, data, headers) => {
      sent.push(data.reduce((sum, { byteLength }) => sum + byteLength, 0))
      one.near.publish(subject, data, headers)
    },
    subscribe: (...args) => one.near.subscribe(...args),
    serve: (...args) => one.near.serve(...args),
    drain: () => one.near.drain(),
    request(...args) {
      const conversation = one.near.request(...args)
      const key = {}
      open.add(key)
      return {
        close: () => {
          open.delete(key)
          conversation.close()
        },
      }
    },
  }
  return { ...one, caller: one.device(options, transport), open, sent }
}

interface Call {
  item?: Item
  /** How often it has ended. */
  ends: number
}

function calling(caller: Caller, message: Message): Call {
  const call: Call = { ends: 0 }
  void caller.call(message).then((item) => {
    call.item = item
    call.ends += 1
  })
  return call
}

const last = (node: Node) => node.taken.length - 1

/** Both nodes have answered once. */
async function pair(one: Bench): Promise<readonly [Node, Node]> {
  const nodes = [await one.node('a'), await one.node('b')] as const
  for (const [n, node] of nodes.entries()) {
    void one.caller.call(imageMessage({ n: 100 + n }))
    await settled()
    node.answer(last(node))
    await settled()
  }
  return nodes
}

const hush = (node: Node) => node.transport.use([{ at: ['reply'], drop: 1 }])
const speak = (node: Node) => node.transport.use([])

/** Node `a` was silent about a message, which is now at `b`. */
async function silenced(one: Bench, change: Parameters<typeof imageMessage>[0] = {}) {
  const [a, b] = await pair(one)
  const call = calling(one.caller, imageMessage({ expires: 60_000, ...change }))
  await one.clock.advance(60)
  hush(a)
  await one.clock.advance(800)
  expect(b.taken.at(-1)).toMatchObject({ id: 'm0', attempt: 2 })
  speak(a)
  return { a, b, call }
}

const breakers = (one: Bench) =>
  one.seen.flatMap((event) =>
    event.type === 'breaker' ? [`${event.node} ${event.state} ${event.verdict ?? ''}`.trim()] : [],
  )

/** Who gets each of four messages. */
async function spread(one: Bench, nodes: readonly Node[]): Promise<number[]> {
  const before = nodes.map(({ taken }) => taken.length)
  for (let n = 1; n < 5; n++) void one.caller.call(imageMessage({ n, expires: 120_000 }))
  await settled()
  return nodes.map(({ taken }, at) => taken.length - (before[at] as number))
}

describe('an answer to a try that was given up', () => {
  it('is the message’s, once; who works on it now hears that nobody waits, and nothing is left open', async () => {
    const one = watched()
    const { a, b, call } = await silenced(one)
    expect(one.open.size).toBe(2)
    a.answer(last(a), 'late')
    await settled()
    expect(call.item).toMatchObject({ kind: 'message', attempt: 2, crossing: { node: 'a', bytes: 4 } })
    expect(labelOf(call.item)).toBe('late')
    expect(b.taken.at(-1)?.cancellation?.cancelled).toBe(true)
    b.answer(last(b), 'in vain')
    await one.clock.advance(10_000)
    expect(call.ends).toBe(1)
    expect(a.responder.statistics).toMatchObject({ received: 2, results: 2, cancelled: 0, pending: 0 })
    expect(b.responder.statistics).toMatchObject({ received: 2, results: 1, cancelled: 1, pending: 0 })
    expect(one.seen.filter(({ type }) => type === 'attempt-failed')).toHaveLength(1)
    expect(one.open.size).toBe(0)
    expect(one.clock.pending).toBe(0)
  })

  it('says that its node was slow and not gone: it gets messages again at once', async () => {
    const one = watched()
    const { a, b } = await silenced(one)
    expect(breakers(one)).toEqual(['a open silent'])
    a.answer(last(a))
    await settled()
    expect(breakers(one)).toEqual(['a open silent', 'a closed late'])
    expect(one.reports.at(-1)).toMatchObject({ node: 'a' })
    expect(Math.min(...(await spread(one, [a, b])))).toBeGreaterThan(0)
  })

  it('leaves its node passed by where that did worse since', async () => {
    const one = watched()
    const { a, b, call } = await silenced(one)
    await one.clock.advance(4_000)
    const trial = calling(one.caller, imageMessage({ n: 9, expires: one.clock.now() + 60_000 }))
    await settled()
    expect(a.taken.at(-1)).toMatchObject({ id: 'm9' })
    a.settle(failure(a.taken.at(-1) as Message, 'execute', new ExecutorLost('killed')))
    await settled()
    a.answer(last(a) - 1, 'late')
    await settled()
    expect(labelOf(call.item)).toBe('late')
    b.answer(last(b))
    await settled()
    expect(trial.item).toMatchObject({ kind: 'message' })
    expect(await spread(one, [a, b])).toEqual([0, 4])
  })

  it('ends a message also while it waits for its next try', async () => {
    const one = watched()
    const { a, b, call } = await silenced(one)
    b.settle(failure(b.taken.at(-1) as Message, 'execute', new Refused('later', { retryAfter: 20_000 })))
    await settled()
    expect(call.item).toBeUndefined()
    a.answer(last(a), 'late')
    await settled()
    expect(labelOf(call.item)).toBe('late')
    expect(one.open.size).toBe(0)
    expect(one.clock.pending).toBe(0)
  })

  it('is taken also from a node that had kept the message for too long, where it was on its way', async () => {
    const one = watched()
    const [a, b] = await pair(one)
    const call = calling(one.caller, imageMessage({ expires: 60_000 }))
    await one.clock.advance(60)
    one.near.use([{ at: ['publish'], drop: 1 }])
    for (let ms = 0; ms < 10_000 && b.taken.length < 2; ms += 50) await one.clock.advance(50)
    one.near.use([])
    expect(b.taken.at(-1)).toMatchObject({ id: 'm0', attempt: 2 })
    expect(one.seen.find(({ type }) => type === 'attempt-failed')).toMatchObject({
      error: { code: 'node-lost', message: expect.stringContaining('gives signs of life') },
    })
    a.answer(last(a), 'late')
    await settled()
    expect(labelOf(call.item)).toBe('late')
    expect(b.responder.statistics).toMatchObject({ cancelled: 1, pending: 0 })
    expect(one.open.size).toBe(0)
    expect(one.clock.pending).toBe(0)
  })

  it('is none where it is no answer: the later try says how the message ends', async () => {
    const one = watched()
    const { a, b, call } = await silenced(one)
    a.settle(failure(a.taken.at(-1) as Message, 'execute', new StageFailed('execute')))
    await settled()
    expect(call.item).toBeUndefined()
    expect(one.open.size).toBe(1)
    b.answer(last(b), 'second')
    await settled()
    expect(call.item).toMatchObject({ kind: 'message', attempt: 2, crossing: { node: 'b' } })
    expect(a.responder.statistics).toMatchObject({ cancelled: 0, pending: 0 })
    expect(one.open.size).toBe(0)
  })

  it('blames nobody where one of the group was silent, and it is heard of again', async () => {
    const one = watched()
    const node = await one.node('cloud')
    hush(node)
    const call = calling(one.caller, imageMessage({ expires: 60_000 }, { bytes: new Uint8Array(100_000) }))
    await one.clock.advance(2_000)
    expect(one.open.size).toBe(2)
    speak(node)
    await one.clock.advance(300)
    node.answer()
    await settled()
    expect(call).toMatchObject({ ends: 1, item: { kind: 'message', attempt: 2, crossing: { bytes: 100_000 } } })
    expect(breakers(one)).toEqual([])
    expect(node.responder.statistics).toMatchObject({ received: 1, results: 1, pending: 0 })
    expect(one.open.size).toBe(0)
    expect(one.clock.pending).toBe(0)
  })

  it('counts each chunk that was sent once, where only together its tries sent the message', async () => {
    const one = watched({ chunkAbove: mostChunk })
    const node = await one.node('cloud')
    one.near.use([{ subject: 'in.*.*.*.*.*.*', delay: 100 }])
    const bytes = new Uint8Array(9 * mostChunk)
    const call = calling(one.caller, imageMessage({ expires: 60_000 }, { bytes }))
    await one.clock.advance(250)
    const first = one.sent.length
    hush(node)
    await one.clock.advance(2_000)
    speak(node)
    for (let ms = 0; ms < 20_000 && node.taken.length === 0; ms += 100) await one.clock.advance(100)
    node.answer()
    await settled()
    const chunks = one.sent.filter((size) => size > mostChunk)
    expect(first).toBeGreaterThan(0)
    expect(chunks.length).toBeGreaterThan(9)
    expect(call).toMatchObject({
      ends: 1,
      item: { kind: 'message', crossing: { bytes: chunks.length * mostChunk } },
    })
    expect(one.open.size).toBe(0)
    expect(one.clock.pending).toBe(0)
  })
})

describe('a try that was given up', () => {
  it('is cancelled at its node when a later one is answered', async () => {
    const one = watched()
    const { a, b, call } = await silenced(one)
    b.answer(last(b), 'second')
    await settled()
    expect(labelOf(call.item)).toBe('second')
    expect(a.taken.at(-1)?.cancellation?.cancelled).toBe(true)
    a.answer(last(a), 'in vain')
    await one.clock.advance(10_000)
    expect(call.ends).toBe(1)
    expect(a.responder.statistics).toMatchObject({ received: 2, results: 1, cancelled: 1, pending: 0 })
    expect(b.responder.statistics).toMatchObject({ received: 2, results: 2, cancelled: 0, pending: 0 })
    expect(one.open.size).toBe(0)
    expect(one.clock.pending).toBe(0)
  })

  it.each(['its time is over', 'nobody waits for it'])('is cancelled as the later one is, when %s', async (why) => {
    const one = watched()
    const cancellation = new Cancellation()
    const { a, b, call } = await silenced(one, { expires: 5_000, cancellation })
    if (why === 'nobody waits for it') cancellation.cancel()
    else await one.clock.advance(5_000)
    await settled()
    expect(call.item).toMatchObject({
      kind: 'failure',
      error: { code: why === 'nobody waits for it' ? 'cancelled' : 'deadline-exceeded' },
    })
    if (why === 'nobody waits for it') {
      for (const { responder } of [a, b]) expect(responder.statistics).toMatchObject({ cancelled: 1 })
    }
    for (const node of [a, b]) {
      expect(node.taken.at(-1)?.cancellation?.cancelled).toBe(true)
      expect(node.responder.statistics).toMatchObject({ pending: 0 })
    }
    a.answer(last(a))
    await settled()
    expect(call.ends).toBe(1)
    expect(one.open.size).toBe(0)
    expect(one.clock.pending).toBe(0)
  })

  it('leaves the message its own cancellation', async () => {
    for (const cancellation of [undefined, new Cancellation()]) {
      const one = watched()
      const { b, call } = await silenced(one, cancellation ? { cancellation } : {})
      b.answer(last(b))
      await settled()
      expect((call.item as Message).cancellation).toBe(cancellation)
    }
  })

  it('is one of a bounded number that are open', async () => {
    const one = watched()
    const node = await one.node('cloud')
    hush(node)
    const call = calling(one.caller, imageMessage({ expires: 600_000 }))
    await one.clock.advance(300_000)
    expect(one.open.size).toBeLessThanOrEqual(9)
    expect(one.seen.filter(({ type }) => type === 'attempt').length).toBeGreaterThan(20)
    speak(node)
    node.answer()
    await settled()
    expect(call.item).toMatchObject({ kind: 'message' })
    expect(one.open.size).toBe(0)
    expect(one.clock.pending).toBe(0)
  })
})

describe('a node that says everything a second late', () => {
  it('answers all the same, beside one that does not: each message ends once, and each node’s figures add up', async () => {
    const one = watched()
    const answering = (name: string, ms: number): Promise<Node> =>
      one.node(name, {
        capacity: 256,
        accept: (message) => {
          const node = nodes.get(name) as Node
          const at = node.taken.push(message) - 1
          one.clock.after(ms, () => node.answer(at))
        },
      })
    const nodes = new Map<string, Node>()
    const a = await answering('a', 20)
    nodes.set('a', a).set('b', await answering('b', 600))
    const calls: Call[] = []
    for (let n = 0; n < 200; n++) {
      if (n === 20) a.transport.use([{ at: ['reply'], delay: 1_000 }])
      calls.push(calling(one.caller, imageMessage({ n, expires: one.clock.now() + 10_000 })))
      await one.clock.advance(50)
    }
    await one.clock.advance(20_000)
    expect(calls.filter(({ ends, item }) => ends !== 1 || item?.kind !== 'message')).toEqual([])
    const late = ({ item }: Call) => item?.kind === 'message' && item.attempt === 2 && item.crossing?.node === 'a'
    expect(calls.some(late)).toBe(true)
    for (const { responder } of nodes.values()) {
      const figures = responder.statistics as Record<'results' | 'failures' | 'dropped' | 'cancelled', number>
      const { results, failures, dropped, cancelled } = figures
      expect(figures).toMatchObject({ received: results + failures + dropped + cancelled, pending: 0 })
    }
    expect(one.open.size).toBe(0)
    expect(one.clock.pending).toBe(0)
  })
})
