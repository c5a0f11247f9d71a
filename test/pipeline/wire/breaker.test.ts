import { describe, expect, it } from 'vitest'
import {
  BadInput,
  ExecutionFailed,
  ExecutorLost,
  failure,
  type Item,
  type Message,
  packFrame,
  type QuintetError,
  Refused,
  type Transport,
} from '../../../pipeline/index.ts'
import { droppedItem, imageMessage } from '../../../pipeline/testing/index.ts'
import type { ResponderOptions } from '../../../pipeline/wire/responder-options.ts'
import { bench, type Node } from './bench.ts'

type Parts = readonly Uint8Array[]

/** What a node does with all that it gets, for as long as it is bad. */
interface Kind {
  readonly name: string
  /** Instead of answering a message. */
  readonly spoil?: (node: Node, message: Message) => void
  /** Instead of each of its replies; undefined: none. */
  readonly reply?: (data: Parts) => Parts | undefined
  /** Milliseconds that the device gives each message. Default 2,000. */
  readonly budget?: number
}

const failing = (error: () => QuintetError) => (node: Node, message: Message) =>
  node.settle(failure(message, 'execute', error()))
const dropping =
  (reason: 'filtered' | 'overflow') =>
  (node: Node, { id, source }: Message) =>
    node.settle({ ...droppedItem(), id, source, reason })
const noResult = packFrame(
  { kind: 'result', node: 'bad', residence: 1, load: { pending: 1, capacity: 9 }, outcome: {} },
  [],
)

const kinds: readonly Kind[] = [
  { name: 'fails all', spoil: failing(() => new ExecutionFailed('the runtime is broken')) },
  { name: 'calls every picture damaged', spoil: failing(() => new BadInput('no picture')) },
  { name: 'loses its executor with each', spoil: failing(() => new ExecutorLost('killed')) },
  { name: 'drops all as filtered', spoil: dropping('filtered') },
  { name: 'drops all as too many', spoil: dropping('overflow') },
  { name: 'refuses all', spoil: failing(() => new Refused('not now')) },
  { name: 'refuses all for longer than any budget', spoil: failing(() => new Refused('no', { retryAfter: 1e300 })) },
  { name: 'beats for ever', spoil: () => {} },
  { name: 'beats for ever, where there is no time to go elsewhere', spoil: () => {}, budget: 500 },
  { name: 'replies bytes that are no frame', reply: () => [Uint8Array.of(1, 2, 3)] },
  { name: 'replies results that are none', reply: () => noResult },
  { name: 'is silent', reply: () => undefined },
  { name: 'is silent, where there is no time to go elsewhere', reply: () => undefined, budget: 500 },
]

/** A transport whose served replies are what `reply` makes of them. */
function spoiled(transport: Transport, reply: (data: Parts) => Parts | undefined): Transport {
  const serve: Transport['serve'] = (subject, handler, options) =>
    transport.serve(
      subject,
      (request) =>
        handler({
          ...request,
          reply: (data) => {
            const said = reply(data)
            if (said) request.reply(said)
          },
        }),
      options,
    )
  return new Proxy(transport, {
    get(target, name) {
      if (name === 'serve') return serve
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** A device, two nodes that answer within 20 ms, and one of a kind. */
async function world({ spoil, reply }: Kind) {
  const one = bench()
  const state = { bad: true, got: 0 }
  const node = async (name: string, change: Partial<ResponderOptions> = {}) => {
    const opened: Node = await one.node(name, {
      capacity: 64,
      accept: (message) => {
        const at = opened.taken.push(message) - 1
        if (name === 'bad') state.got++
        if (name === 'bad' && state.bad && spoil) queueMicrotask(() => spoil(opened, message))
        else one.clock.after(20, () => opened.answer(at))
      },
      ...change,
    })
  }
  await node('good-1')
  await node('good-2')
  const transport = one.broker.connect({ clock: one.clock })
  await node('bad', { transport: reply ? spoiled(transport, (data) => (state.bad ? reply(data) : data)) : transport })
  return { one, state }
}

describe('one bad node of three', () => {
  it.each(kinds)('that $name costs 2 % of the messages at most, and is taken back once it is well', async (kind) => {
    const { one, state } = await world(kind)
    const { budget = 2_000 } = kind
    const ends: { readonly from: number; item?: Item }[] = []
    const send = async (ms: number) => {
      for (const until = one.clock.now() + ms; one.clock.now() < until; ) {
        const n = ends.length
        const end: { from: number; item?: Item } = { from: state.got }
        ends.push(end)
        const expires = one.clock.now() + budget
        void one.caller.call(imageMessage({ n, captured: one.clock.now(), expires })).then((item) => {
          end.item = item
        })
        await one.clock.advance(50)
      }
    }
    await send(60_000)
    await one.clock.advance(budget)
    const later = ends.filter(({ from }) => from >= 10)
    const lost = later.filter(({ item }) => item?.kind !== 'message')
    expect(ends.every(({ item }) => item !== undefined)).toBe(true)
    expect(ends.length).toBe(1200)
    expect(lost.length / ends.length).toBeLessThanOrEqual(0.02)
    // It was passed by: its share would be a third.
    expect(state.got / ends.length).toBeLessThan(0.05)
    state.bad = false
    const before = { sent: ends.length, got: state.got }
    await send(20_000)
    const back = { sent: ends.length, got: state.got }
    await send(10_000)
    await one.clock.advance(budget)
    expect(ends.slice(before.sent).every(({ item }) => item?.kind === 'message')).toBe(true)
    // Within twenty seconds it has its share again.
    expect(state.got - back.got).toBeGreaterThan((ends.length - back.sent) / 4)
    expect(one.clock.pending).toBe(0)
  })
})
