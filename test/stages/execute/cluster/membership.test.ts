import { describe, expect, test } from 'vitest'
import { memoryBroker } from '../../../../adapters/memory/index.ts'
import { type Dialects, Events, type PipelineEvent, packFrame, VersionMismatch } from '../../../../pipeline/index.ts'
import { faulty } from '../../../../pipeline/testing/index.ts'
import { Membership } from '../../../../stages/execute/cluster/membership.ts'
import { release } from '../../../support/dialects.ts'
import { manualClock } from '../../../support/manual-clock.ts'

function group() {
  const clock = manualClock()
  const broker = memoryBroker()
  const faults: PipelineEvent[] = []
  const member = async (node: string, own = true, dialects?: Dialects) => {
    const transport = faulty(broker.connect(), [], { clock, ...(dialects ? { dialects } : {}) })
    const events = new Events()
    events.stream.subscribe((event) => faults.push(event))
    const self = () => ({ node, bytes: 1, pending: 2, loading: [], holding: [], aliases: [] })
    const membership = new Membership({
      transport,
      tenant: 'main',
      pipeline: 'flowers',
      node,
      clock,
      events,
      beat: 500,
      self: own ? self : undefined,
    })
    const joined = membership.join(100)
    await clock.advance(100)
    await joined
    return { membership, transport, names: () => membership.others.map((other) => other.node).sort() }
  }
  return { clock, member, faults, broker }
}

describe('nodes of one pipeline', () => {
  test('know of each other as soon as they have joined, and no longer once one has left', async () => {
    const { clock, member, faults } = group()
    const [one, two] = [await member('one'), await member('two')]
    const three = await member('three')
    expect(three.names()).toEqual(['one', 'two'])
    expect(one.names()).toEqual(['three', 'two'])
    await two.membership.close()
    await clock.advance(1)
    expect(one.names()).toEqual(['three'])
    // Who only looks is no member.
    expect((await member('observer', false)).names()).toEqual(['one', 'three'])
    expect(one.names()).toEqual(['three'])
    expect(faults).toEqual([])
  })

  test('forget one that says nothing for three beats, and at once one that nobody reaches', async () => {
    const { clock, member } = group()
    const [one, two, three] = [await member('one'), await member('two'), await member('three')]
    // As if killed: nothing of it is heard any more.
    await two.transport.drain()
    await clock.advance(1_400)
    expect(one.names()).toEqual(['three', 'two'])
    await clock.advance(1_100)
    expect(one.names()).toEqual(['three'])
    one.membership.lost('three')
    expect(one.names()).toEqual([])
    await clock.advance(500)
    expect(one.names()).toEqual(['three'])
    await three.membership.close()
  })

  test('believe nothing that is no announcement, or that speaks for another', async () => {
    const { clock, member, faults, broker } = group()
    const one = await member('one')
    const stranger = broker.connect()
    const here = { kind: 'here', node: 'two', bytes: 0, pending: 0, loading: [], holding: [], aliases: [] }
    stranger.publish('mon.main.flowers.two', packFrame({ ...here, node: 'three' }))
    stranger.publish('mon.main.flowers.two', packFrame({ ...here, loading: ['no key'] }))
    stranger.publish('mon.main.flowers.two', [new Uint8Array(200_000)])
    await clock.advance(1)
    expect(one.names()).toEqual([])
    expect(faults.map((event) => event.type === 'fault' && (event.error as { code?: string }).code)).toEqual(
      Array(3).fill('bad-message'),
    )
    stranger.publish('mon.main.flowers.two', packFrame(here))
    await clock.advance(1)
    expect(one.names()).toEqual(['two'])
  })

  test('of several releases say what they say in a version that all of them understand', async () => {
    const { clock, member, faults, broker } = group()
    const versions: number[] = []
    await broker.connect().subscribe('mon.>', ({ data }) => versions.push(data[0]?.[1] as number))
    const [one, two] = [await member('one', true, release(2, 3)), await member('two', true, release(1, 3))]
    await clock.advance(600)
    expect(versions.at(-1)).toBe(3)
    const three = await member('three', true, release(1, 2))
    await clock.advance(600)
    expect(versions.at(-1)).toBe(2)
    expect([one.names(), two.names(), three.names()]).toEqual([
      ['three', 'two'],
      ['one', 'three'],
      ['one', 'two'],
    ])
    const observer = await member('observer', false, release(1, 2))
    expect(observer.names()).toEqual(['one', 'three', 'two'])
    expect(faults).toEqual([])
  })

  test('that have no version in common say so once, and each still knows the others', async () => {
    const { clock, member, faults } = group()
    const one = await member('one', true, release(1, 1))
    const both = await member('both', true, release(1, 3))
    const three = await member('three', true, release(3, 3))
    await clock.advance(3_000)
    expect([one.names(), both.names(), three.names()]).toEqual([['both'], ['one', 'three'], ['both']])
    const errors = faults.map((event) => (event as { error?: unknown }).error)
    expect(errors).toHaveLength(2)
    for (const error of errors) expect(error).toBeInstanceOf(VersionMismatch)
    expect(errors.map((error) => (error as Error).message).sort()).toEqual([
      expect.stringContaining('Node "one" speaks version 1 of the wire, this side version 3'),
      expect.stringContaining('Node "three" speaks version 3 of the wire, this side version 1'),
    ])
  })
})
