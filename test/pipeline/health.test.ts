import { describe, expect, it } from 'vitest'
import { memoryBroker } from '../../adapters/memory/index.ts'
import { amend, type Capture, Health, type PipelineEvent, pipeline, Quarantined } from '../../pipeline/index.ts'
import { answering, camera, collect, fakeClock, frames } from '../../pipeline/testing/index.ts'
import { transfer } from '../../stages/index.ts'

describe('the health of a half', () => {
  it('tells of the first reason that there is, when it comes and when it goes', () => {
    const health = new Health()
    const told: (string | undefined)[] = []
    const end = health.listen(() => told.push(health.reason))
    health.works('a')
    health.fails('a', 'A is broken.')
    health.fails('b', 'B is broken.')
    health.works('a')
    health.works('b')
    end()
    health.fails('a', 'A is broken.')
    expect(told).toEqual(['A is broken.', 'B is broken.', undefined])
  })
})

describe('a node that cannot work', () => {
  it('leaves the group, says so, and joins it again once it can', async () => {
    const clock = fakeClock()
    const broker = memoryBroker()
    const shown = camera()
    const ran: string[] = []
    const ills = new Map<string, Health>()
    const pipe = pipeline(
      'ill',
      { clock, window: 8, deadline: 5_000 },
      shown,
      transfer({ probe: false }),
      amend('work', (message, { context }) => {
        ills.set(context.node, context.health)
        ran.push(context.node)
        return message
      }),
      answering(),
    )
    const a = await pipe.cloud(broker.connect({ clock }), { node: 'a' })
    const b = await pipe.cloud(broker.connect({ clock }), { node: 'b' })
    const told: PipelineEvent[] = []
    a.events.stream.subscribe((event) => told.push(event))
    const device = await pipe.device(broker.connect({ clock }), { node: 'phone' })
    const answers = collect(device)
    const show = async (count: number) => {
      const before = ran.length
      for (let n = 0; n < count; n++) {
        shown.show()
        await clock.advance(30)
      }
      return ran.slice(before)
    }
    await clock.advance(1)
    expect(new Set(await show(8))).toEqual(new Set(['a', 'b']))
    ills.get('a')?.fails('executors', 'All executors are dead.')
    await clock.advance(1)
    expect(a.ill).toEqual({ cloud: 'All executors are dead.' })
    expect(a.statistics.cloud).toMatchObject({ serving: 0 })
    expect(await show(8)).toEqual(Array(8).fill('b'))
    ills.get('a')?.works('executors')
    await clock.advance(1_000)
    expect(a.ill).toEqual({})
    expect(a.statistics.cloud).toMatchObject({ serving: 1 })
    expect(new Set(await show(8))).toEqual(new Set(['a', 'b']))
    expect(told).toEqual([
      { type: 'out-of-service', node: 'a', segment: 'cloud', reason: 'All executors are dead.' },
      { type: 'in-service', node: 'a', segment: 'cloud' },
    ])
    shown.end()
    await clock.advance(100)
    await answers
    expect(await device.done).toMatchObject({ in: 24, results: 24, failures: 0, dropped: 0 })
    await Promise.all([a.drain(0), b.drain(0)])
  })
})

describe('what a node knows to be suspect', () => {
  it('is refused when it comes again under another id, and kept to be looked into', async () => {
    const clock = fakeClock()
    const broker = memoryBroker()
    let runs = 0
    // The same bytes each time.
    const captures: Capture[] = [1, 2, 3].map(() => ({
      payload: { form: 'image', at: 'captured', bytes: Uint8Array.of(6, 6, 6) },
    }))
    const pipe = pipeline(
      'suspect',
      { clock, window: 1, deadline: 5_000 },
      frames(captures),
      transfer({ probe: false }),
      amend('work', () => {
        runs++
        throw new Quarantined([{ executor: 'x-1', code: 'executor-lost' }])
      }),
      answering(),
    )
    const cloud = await pipe.cloud(broker.connect({ clock }), { node: 'a' })
    for (const name of ['phone-1', 'phone-2']) {
      const device = await pipe.device(broker.connect({ clock }), { node: name })
      const answers = collect(device)
      await clock.advance(1_000)
      await answers
      expect(await device.done).toMatchObject({ in: 3, failures: 3 })
      expect(device.quarantined).toHaveLength(1)
    }
    expect(runs).toBe(1)
    expect(cloud.quarantined).toMatchObject([
      { source: 'phone-1.main', evidence: [{ executor: 'x-1', code: 'executor-lost' }], bytes: 3 },
    ])
    await cloud.drain(0)
  })
})
