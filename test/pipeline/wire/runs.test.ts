import { describe, expect, it } from 'vitest'
import { memoryBroker } from '../../../adapters/memory/index.ts'
import {
  type Answer,
  type Capture,
  failure,
  type Message,
  type PipelineEvent,
  pipeline,
  type Result,
  type Source,
  StageFailed,
  stage,
  transfer,
} from '../../../adapters/node/index.ts'
import { Boundary, Events, packFrame } from '../../../pipeline/index.ts'
import { answering, collect, delaying, fakeClock, imageMessage, settled } from '../../../pipeline/testing/index.ts'
import { encodeMessage } from '../../../pipeline/wire/codec.ts'
import { readDown } from '../../../pipeline/wire/hand-over.ts'
import { Holders } from '../../../pipeline/wire/holders.ts'
import type { Down } from '../../../pipeline/wire/protocol.ts'
import { bench, boundary } from './bench.ts'

const labelOf = (item: unknown) => (item as Message<Result>).payload.label
const of = (run: string, bytes = [1, 2]) => imageMessage({ run }, { bytes: Uint8Array.from(bytes) }) as Message

/** What a node says of a message that is sent by hand. */
function said(one: ReturnType<typeof bench>, message: Message): Down[] {
  const all: Down[] = []
  const { header, parts } = encodeMessage(message, one.clock.now())
  one.near.request(boundary.any(message.source), packFrame({ kind: 'message', message: header }, parts), {
    onReply: ({ data }) => void all.push(readDown(data).header),
    onError: () => {},
  })
  return all
}

describe('two processes of one device name', () => {
  it('get their own answers, though source, id and bytes are the same', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const calls = ['a', 'b'].map((run) => one.caller.call(of(run)))
    await settled()
    expect(node.taken.map(({ run }) => run)).toEqual(['a', 'b'])
    node.answer(1, 'second')
    node.answer(0, 'first')
    expect((await Promise.all(calls)).map(labelOf)).toEqual(['first', 'second'])
    expect(node.released.toSorted()).toEqual(['device.main.m0@a', 'device.main.m0@b'])
  })

  it('cannot cancel one another', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const call = one.caller.call(of('a'))
    await settled()
    one.near.publish(boundary.node('device.main', 'cloud'), packFrame({ kind: 'cancel', id: 'm0', run: 'b' }))
    one.near.publish(boundary.node('device.main', 'cloud'), packFrame({ kind: 'cancel', id: 'm0' }))
    await settled()
    node.answer(0, 'mug')
    expect(labelOf(await call)).toBe('mug')
    expect(node.responder.statistics).toMatchObject({ cancelled: 0, results: 1 })
  })

  it('are told of each other, once a minute, and so is whoever watches the node', async () => {
    const one = bench()
    const watched: PipelineEvent[] = []
    const events = new Events()
    events.stream.subscribe((event) => watched.push(event))
    const node = await one.node('cloud', { events })
    const heard: Down[][] = []
    for (const run of ['a', 'b', 'a', 'b', 'a', 'b']) {
      heard.push(said(one, of(run)))
      await settled()
      node.answer(node.taken.length - 1)
    }
    expect(heard.map((all) => all.filter(({ kind }) => kind === 'shared').length)).toEqual([0, 0, 1, 1, 0, 0])
    const shared = { type: 'name-shared', device: 'device', node: 'cloud' }
    expect(watched).toEqual([shared, shared])
  })
})

describe('the holders of a name', () => {
  it('are not shared by a device that was started anew, however often and quickly', () => {
    const holders = new Holders(fakeClock())
    for (const run of ['a', 'a', 'b', 'b', 'b', 'c', 'd', 'd', 'e', 'f', 'f']) {
      expect(holders.shared('phone', run)).toBe(false)
    }
  })

  it('are shared where two speak in turn, but for those that were silent for a minute', async () => {
    const clock = fakeClock()
    const holders = new Holders(clock)
    expect(['a', 'b', 'a', 'b'].map((run) => holders.shared('phone', run))).toEqual([false, false, true, true])
    expect(holders.shared('tablet', 'a')).toBe(false)
    await clock.advance(60_000)
    expect(holders.shared('phone', 'b')).toBe(false)
  })

  it('are remembered of so many devices and processes alone', () => {
    const holders = new Holders(fakeClock())
    holders.shared('phone', 'a')
    for (let n = 0; n < 5000; n++) holders.shared(`d${n}`, 'a')
    expect(holders.shared('phone', 'b')).toBe(false)
    for (let n = 0; n < 100; n++) expect(holders.shared('phone', `r${n}`)).toBe(false)
  })
})

describe('a try that joins another', () => {
  it('is another message where its bytes are others, or more: that one is refused by name, the first goes on', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const first = said(one, of('a', [1, 2]))
    await settled()
    const others = [said(one, of('a', [1, 3])), said(one, of('a', [1, 2, 3])), said(one, of('a', [1, 2]))]
    await settled()
    for (const other of others.slice(0, 2)) {
      expect(other).toMatchObject([{ kind: 'failure', code: 'bad-message', reason: expect.stringMatching(/"m0"/) }])
    }
    expect(node.taken).toHaveLength(1)
    node.answer(0, 'mug')
    await settled()
    for (const joined of [first, others[2]]) expect(joined).toMatchObject([{ kind: 'result' }])
  })
})

describe('pipelines of one device name', () => {
  const frames = (label: number, ids: readonly string[]): Source => ({
    name: 'frames',
    kind: 'pull',
    async *open(): AsyncIterable<Capture> {
      for (const id of ids) yield { id, payload: { form: 'image', at: 'captured', bytes: Uint8Array.of(label) } }
    },
  })
  const ids = Array.from({ length: 50 }, (_, n) => `p${n}`)
  const flowOf = (clock: ReturnType<typeof fakeClock>, label: number, own = ids) =>
    pipeline(
      'flow',
      { clock, window: 8 },
      frames(label, own),
      transfer(),
      delaying(20, { concurrency: 8 }),
      answering(({ payload }) => ({ label: `${payload.form === 'image' ? payload.bytes[0] : '?'}` })),
    )
  const labels = (answers: readonly Answer[]) => [...new Set(answers.map(({ label }) => label))]

  it.each([true, false])('and the same ids never see each other’s answers (handed over: %s)', async (handsOver) => {
    const clock = fakeClock()
    const broker = memoryBroker()
    const connect = () => broker.connect({ clock, handsOver })
    const cloud = await flowOf(clock, 0).cloud(connect())
    const both = await Promise.all([1, 2].map((label) => flowOf(clock, label).device(connect(), { node: 'phone' })))
    const events: PipelineEvent[] = []
    for (const { events: own } of both) own.stream.subscribe((event) => events.push(event))
    const collected = both.map((running) => collect(running))
    await clock.advance(5000)
    const [one, two] = await Promise.all(collected)
    expect(one?.answers).toHaveLength(50)
    expect(two?.answers).toHaveLength(50)
    expect(labels(one?.answers ?? [])).toEqual(['1'])
    expect(labels(two?.answers ?? [])).toEqual(['2'])
    expect(events.filter(({ type }) => type === 'name-shared')).toMatchObject([
      { device: 'phone' },
      { device: 'phone' },
    ])
    await cloud.drain()
  })

  it('one after the other, the second started while the first one’s messages are held, keep their own', async () => {
    const clock = fakeClock()
    const broker = memoryBroker()
    const cloud = await flowOf(clock, 0).cloud(broker.connect({ clock }))
    const first = await flowOf(clock, 1).device(broker.connect({ clock }), { node: 'phone' })
    await clock.advance(10)
    // As if it was killed: nothing of it is cancelled.
    const second = await flowOf(clock, 2).device(broker.connect({ clock }), { node: 'phone' })
    const all = collect(second)
    await clock.advance(5000)
    expect(labels((await all).answers)).toEqual(['2'])
    void first.drain(0)
    await clock.advance(20_000)
    await cloud.drain()
  })
})

describe('a stage that makes a failure by hand', () => {
  it('ends its message, though what tells the processes apart is missing in it', async () => {
    const clock = fakeClock()
    const broker = memoryBroker()
    const flow = pipeline(
      'flow',
      { clock },
      {
        name: 'one',
        kind: 'pull',
        async *open(): AsyncIterable<Capture> {
          yield { payload: { form: 'image', at: 'captured', bytes: Uint8Array.of(1) } }
        },
      },
      transfer(),
      stage('odd', (message: Message) => {
        const { run: _run, ...failed } = failure(message, 'odd', new StageFailed('odd', { cause: new Error('no') }))
        return failed
      }),
      answering(),
    )
    const cloud = await flow.cloud(broker.connect({ clock }))
    const all = collect(await flow.device(broker.connect({ clock })))
    await clock.advance(100)
    expect((await all).failures).toMatchObject([{ error: { code: 'stage-failed' } }])
    await cloud.drain()
  })
})

describe('the subjects that a node may name for chunks', () => {
  it('are its own, of that source, alone', () => {
    const wire = Boundary.wire('main', 'flowers')
    const own = wire.chunks('phone.main', 'cloud', 'k1')
    expect(wire.isForChunks(own, 'phone.main', 'cloud')).toBe(true)
    for (const subject of [
      'elsewhere',
      '$JS.API.STREAM.DELETE.all',
      wire.any('phone.main'),
      wire.node('phone.main', 'cloud'),
      wire.chunks('phone.main', 'other', 'k1'),
      wire.chunks('phone.other', 'cloud', 'k1'),
      wire.chunks('phone.main', 'cloud', ''),
      `${own}.more`,
      own.replace('in.', 'cmd.'),
      own.replace('flowers', 'other'),
    ]) {
      expect(wire.isForChunks(subject, 'phone.main', 'cloud')).toBe(false)
    }
  })

  it('are checked before anything is sent there: the message goes elsewhere, no byte to a stranger', async () => {
    const one = bench({ chunkAbove: 10 })
    const strange: unknown[] = []
    await one.broker.connect().subscribe('elsewhere.>', (delivery) => strange.push(delivery))
    const liar = one.broker.connect({ clock: one.clock })
    let asked = 0
    const lying = await liar.serve(
      boundary.anyPattern(),
      (request) => {
        asked++
        request.reply(packFrame({ kind: 'accept', node: 'liar', subject: 'elsewhere.phone' }))
      },
      { group: 'quintet' },
    )
    const call = one.caller.call(of('a', new Array(1000).fill(1)))
    await settled()
    await lying.close()
    await one.clock.advance(10_000)
    expect(asked).toBeGreaterThan(0)
    expect(strange).toEqual([])
    const item = await call
    expect(item).toMatchObject({ kind: 'failure' })
    expect(one.seen).toContainEqual(
      expect.objectContaining({ type: 'attempt-failed', error: expect.objectContaining({ code: 'bad-message' }) }),
    )
  })
})
