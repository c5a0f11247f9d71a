import { describe, expect, it } from 'vitest'
import {
  BadMessage,
  type Dialects,
  Events,
  type Failure,
  type ImagePayload,
  type Item,
  type Message,
  VersionMismatch,
} from '../../../pipeline/index.ts'
import { faulty, imageMessage, settled } from '../../../pipeline/testing/index.ts'
import type { ResponderOptions } from '../../../pipeline/wire/responder-options.ts'
import { changed, release } from '../../support/dialects.ts'
import { type Bench, bench } from './bench.ts'

const errorOf = (item: Item) => (item as Failure).error

/** A device of one release, on the bench's broker. */
const deviceOf = (one: Bench, dialects: Dialects, options = {}) =>
  one.device(options, faulty(one.broker.connect({ clock: one.clock }), [], { clock: one.clock, dialects }))

/** A node of one release. */
const nodeOf = (one: Bench, name: string, dialects: Dialects, options: Partial<ResponderOptions> = {}) =>
  one.node(name, {
    transport: faulty(one.broker.connect({ clock: one.clock }), [], { clock: one.clock, dialects }),
    ...options,
  })

/** The versions of all that goes up, in order. */
async function watched(one: Bench): Promise<number[]> {
  const versions: number[] = []
  await one.broker.connect().subscribe('in.>', ({ data }) => versions.push(data[0]?.[1] as number))
  return versions
}

async function answered(caller: Bench['caller'], node: Awaited<ReturnType<typeof nodeOf>>, n: number) {
  const call = caller.call(imageMessage({ n }))
  await settled()
  node.answer(node.taken.length - 1, `answer ${n}`)
  await settled()
  const item = (await call) as Message
  expect(item).toMatchObject({ kind: 'message', attempt: 1, payload: { label: `answer ${n}` } })
}

describe('two releases', () => {
  const ranges: readonly (readonly [number, number])[] = [
    [1, 1],
    [1, 2],
    [2, 3],
    [1, 4],
    [3, 4],
    [4, 4],
  ]
  const pairs = ranges.flatMap((up) => ranges.map((down) => ({ up, down })))
  const common = ({ up, down }: (typeof pairs)[number]) => {
    const highest = Math.min(up[1], down[1])
    return highest >= Math.max(up[0], down[0]) ? highest : undefined
  }

  it.each(pairs.filter((pair) => common(pair) !== undefined))(
    'that have a version in common speak the highest of them, from the second message on: $up and $down',
    async ({ up, down }) => {
      const one = bench()
      const versions = await watched(one)
      const node = await nodeOf(one, 'cloud', release(...down))
      const caller = deviceOf(one, release(...up), { attempts: 1 })
      await answered(caller, node, 0)
      const before = versions.length
      expect(before).toBeLessThanOrEqual(2)
      await answered(caller, node, 1)
      expect(versions.slice(before)).toEqual([common({ up, down })])
      expect(one.seen.filter(({ type }) => type !== 'attempt')).toEqual([])
      expect(one.clock.pending).toBe(0)
    },
  )

  it.each(pairs.filter((pair) => common(pair) === undefined))(
    'that have none in common say so by name, with what both speak: $up and $down',
    async ({ up, down }) => {
      const one = bench()
      const versions = await watched(one)
      const node = await nodeOf(one, 'cloud', release(...down))
      const caller = deviceOf(one, release(...up))
      const words = ([least, most]: readonly [number, number]) =>
        least === most ? `version ${least}` : `versions ${least} to ${most}`
      for (const [n, plan] of [{}, {}, { target: 'node:cloud' as const }].entries()) {
        const error = errorOf(await caller.call(imageMessage({ n, plan })))
        expect(error).toBeInstanceOf(VersionMismatch)
        expect(error).toMatchObject({ code: 'version-mismatch', retryable: true })
        expect(error.message).toContain(`"cloud" speaks ${words(down)} of the wire, this side ${words(up)}`)
      }
      // Once that is known, a message is sent once more at most: another node may have come.
      expect(versions.length).toBeLessThanOrEqual(10)
      expect(node.taken).toEqual([])
      expect(node.responder.statistics).toMatchObject({ unspoken: versions.length, failures: 0, received: 0 })
      expect(one.clock.pending).toBe(0)
    },
  )

  it('carry large messages in chunks, cancellations and probes in the version they have found', async () => {
    const one = bench()
    const versions = await watched(one)
    const node = await nodeOf(one, 'cloud', release(2, 3))
    const caller = deviceOf(one, release(2, 4), { chunkAbove: 256 * 1024 })
    await answered(caller, node, 0)
    versions.length = 0
    const bytes = Uint8Array.from({ length: 700_000 }, (_, at) => at & 0xff)
    const large = caller.call(imageMessage({ n: 1 }, { bytes }))
    await one.clock.advance(100)
    const taken = node.taken[1]?.payload as ImagePayload
    expect(Buffer.compare(taken.bytes, bytes)).toBe(0)
    node.answer(1)
    expect(await large).toMatchObject({ kind: 'message' })
    const message = imageMessage({ n: 2, expires: one.clock.now() + 200 })
    const late = caller.call(message)
    await one.clock.advance(250)
    await late
    expect(node.responder.statistics).toMatchObject({ pending: 0 })
    expect(new Set(versions)).toEqual(new Set([3]))
    expect(versions.length).toBeGreaterThan(7)
  })
})

describe('one group of several releases', () => {
  it('is spoken to in a version that every node heard of understands', async () => {
    const one = bench()
    const versions = await watched(one)
    const nodes = [await nodeOf(one, 'old', release(1, 2)), await nodeOf(one, 'new', release(1, 3))]
    const caller = deviceOf(one, release(1, 3))
    for (let n = 0; n < 12; n++) {
      const call = caller.call(imageMessage({ n }))
      await settled()
      const node = nodes.find(({ taken }) => taken.at(-1)?.id === `m${n}`)
      node?.answer(node.taken.length - 1)
      expect(await call).toMatchObject({ kind: 'message', attempt: 1 })
    }
    expect(nodes.every(({ taken }) => taken.length > 0)).toBe(true)
    expect(versions.at(-1)).toBe(2)
    expect(one.seen.filter(({ type }) => type !== 'attempt')).toEqual([])
  })

  it('is spoken to node by node where there is no version that all understand', async () => {
    const one = bench()
    const nodes = [await nodeOf(one, 'old', release(1, 1)), await nodeOf(one, 'new', release(3, 3))]
    const caller = deviceOf(one, release(1, 3), { attempts: 1 })
    for (let n = 0; n < 12; n++) {
      const call = caller.call(imageMessage({ n }))
      await settled()
      const node = nodes.find(({ taken }) => taken.at(-1)?.id === `m${n}`)
      node?.answer(node.taken.length - 1)
      expect(await call).toMatchObject({ kind: 'message', attempt: 1 })
    }
    expect(nodes.every(({ taken }) => taken.length > 0)).toBe(true)
  })

  it('answers though one of it speaks nothing that the device does', async () => {
    const one = bench()
    const stranger = await nodeOf(one, 'stranger', release(4, 4))
    const node = await nodeOf(one, 'cloud', release(1, 2))
    const caller = deviceOf(one, release(1, 2), { attempts: 1 })
    for (let n = 0; n < 6; n++) await answered(caller, node, n)
    expect(stranger.taken).toEqual([])
    expect(stranger.responder.statistics.unspoken).toBeGreaterThan(0)
  })
})

describe('a node that comes back as another release under its name', () => {
  it.each([
    ['newer', release(1, 1), release(2, 3)],
    ['older', release(2, 3), release(1, 1)],
  ])('answers at once, at no cost to the message: %s', async (_what, before, after) => {
    const one = bench()
    const caller = deviceOf(one, release(1, 3), { attempts: 1 })
    const first = await nodeOf(one, 'cloud', before)
    await answered(caller, first, 0)
    await first.responder.close()
    const second = await nodeOf(one, 'cloud', after)
    await answered(caller, second, 1)
    expect(one.seen.filter(({ type }) => type !== 'attempt')).toEqual([])
    expect(one.seen).toHaveLength(2)
  })
})

describe('a message that was sent again in another version', () => {
  it('is answered to each who waits, in the version that each asked in', async () => {
    const one = bench()
    const node = await nodeOf(one, 'cloud', release(1, 2))
    const [old, young] = [deviceOf(one, release(1, 1)), deviceOf(one, release(2, 2))]
    const calls = [old, young].map((caller) => caller.call(imageMessage()))
    await settled()
    expect(node.taken).toHaveLength(1)
    node.answer()
    for (const item of await Promise.all(calls)) expect(item).toMatchObject({ kind: 'message' })
  })
})

describe('a required field that is not known', () => {
  const required = changed((header) => ({ ...header, region: 'north', must: ['region'] }))

  it('of a message is refused by the node, by name, once', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const item = await deviceOf(one, required).call(imageMessage())
    expect(errorOf(item)).toBeInstanceOf(BadMessage)
    expect(errorOf(item).message).toMatch(/"region" must be understood/)
    expect(node.taken).toEqual([])
    expect(node.responder.statistics).toMatchObject({ failures: 1, received: 0 })
    expect(one.clock.pending).toBe(0)
  })

  it('of a reply is refused by the device, by name, and the node hears of it and works no longer', async () => {
    const one = bench()
    const heard: unknown[] = []
    const events = new Events()
    events.stream.subscribe((event) => {
      if (event.type === 'fault') heard.push(event.error)
    })
    const node = await nodeOf(one, 'cloud', required, { events })
    // So that it is known where to: a cancellation goes to who holds it.
    const call = one.caller.call(imageMessage({ plan: { target: 'node:cloud' } }))
    await one.clock.advance(600)
    const item = await call
    expect(errorOf(item)).toBeInstanceOf(BadMessage)
    expect(errorOf(item).message).toMatch(/"region" must be understood/)
    expect(node.taken).toHaveLength(1)
    expect(node.taken[0]?.cancellation?.cancelled).toBe(true)
    expect(heard).toEqual([expect.objectContaining({ message: expect.stringMatching(/"region" must be understood/) })])
    expect(node.responder.statistics).toMatchObject({ pending: 0, cancelled: 1 })
    expect(one.clock.pending).toBe(0)
  })

  it('that may be passed over is, on both sides', async () => {
    const one = bench()
    const more = changed((header) => ({ ...header, region: 'north' }))
    const node = await nodeOf(one, 'cloud', more)
    await answered(deviceOf(one, more), node, 0)
  })
})
