import { describe, expect, test } from 'vitest'
import { memoryBroker } from '../../../../adapters/memory/index.ts'
import { Events, type PipelineEvent, packFrame } from '../../../../pipeline/index.ts'
import { Membership } from '../../../../stages/execute/cluster/membership.ts'
import { manualClock } from '../../../support/manual-clock.ts'

function group() {
  const clock = manualClock()
  const broker = memoryBroker()
  const faults: PipelineEvent[] = []
  const member = async (node: string, own = true) => {
    const transport = broker.connect()
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
})
