import { describe, expect, it } from 'vitest'
import { modelOf } from './fake-host.ts'
import { setUp } from './set-up.ts'

const [a, b, c] = [modelOf('a'), modelOf('b'), modelOf('c')]

describe('memory', () => {
  it('is kept for what loads need while they go on: two at a time only where that fits, one alone always', async () => {
    const start = async (budget: number) => {
      const { cache, clock, host } = setUp({ executors: ['one', 'two'], budget, loadBytesPerFileByte: 1 })
      const leases = [a, b].map((model) => cache.lease(model))
      await clock.advance(5)
      const first = host.loads.length
      await clock.advance(20)
      await Promise.all(leases)
      return first
    }
    expect(await start(400)).toBe(2)
    expect(await start(399)).toBe(1)
  })

  it('for what a load alone needs while it goes on is made before it begins, unless what is loaded is in use', async () => {
    const start = async (inUse: boolean) => {
      const { cache, clock, host } = setUp({ budget: 300, loadBytesPerFileByte: 1 })
      for (const model of [a, b]) {
        const lease = cache.lease(model)
        await clock.advance(10)
        if (inUse) await lease
        else (await lease).release()
      }
      const third = cache.lease(c)
      await clock.advance(20)
      await third
      return [a, b, c].map((model) => host.holds('one', model))
    }
    expect(await start(false)).toEqual([false, true, true])
    expect(await start(true)).toEqual([true, true, true])
  })

  it('of what goes counts until its unload is done', async () => {
    const { cache, clock, host } = setUp({ budget: 100 }, { unloadMs: () => 500 })
    const first = cache.lease(a)
    await clock.advance(10)
    ;(await first).release()
    const second = cache.lease(b)
    await clock.advance(499)
    expect(host.loads).toEqual(['a@one'])
    await clock.advance(11)
    expect(await second).toMatchObject({ loadMs: 510 })
  })

  it('that a failed unload keeps counts as used until its executor goes', async () => {
    const { cache, clock, types, up, down } = setUp(
      { budget: 200 },
      {
        beforeUnload: (_, key) => {
          if (key === a.key) throw new Error('no')
        },
      },
    )
    for (const model of [a, b]) {
      const lease = cache.lease(model)
      await clock.advance(10)
      ;(await lease).release()
    }
    // a does not go, so b has to.
    const third = cache.lease(c)
    await clock.advance(20)
    ;(await third).release()
    expect(types()).toContain('unload-failed')
    expect(cache.statistics().usedBytes).toBe(200)
    down('one')
    expect(cache.statistics().usedBytes).toBe(0)
    up('one')
    const again = cache.lease(a)
    await clock.advance(10)
    await again
  })

  it('that was under-predicted is repaid by one eviction, not by many', async () => {
    const large = modelOf('large', 100)
    const { cache, clock, events, host } = setUp(
      { budget: 500 },
      {
        residentBytes: (model) => (model === large ? 190 : model.bytes),
      },
    )
    for (const model of [a, b, c, modelOf('d')]) {
      const lease = cache.lease(model)
      await clock.advance(10)
      ;(await lease).release()
    }
    const lease = cache.lease(large)
    await clock.advance(10)
    ;(await lease).release()
    await clock.advance(10)
    expect(events).toContainEqual({ type: 'debt', bytes: 90 })
    expect(events.filter(({ type }) => type === 'evicted')).toMatchObject([{ model: 'a', reason: 'debt' }])
    expect(host.bytes).toBe(490)
  })

  it('is reserved by what a model took before', async () => {
    const { cache, clock, events } = setUp({ budget: 1_000 }, { residentBytes: ({ bytes }) => bytes * 3 })
    const first = cache.lease(a)
    await clock.advance(10)
    ;(await first).release()
    await Promise.all([cache.evict(a), clock.advance(1)])
    const second = cache.lease(a)
    await clock.advance(10)
    await second
    expect(events.filter(({ type }) => type === 'loaded')).toMatchObject([
      { predictedBytes: 100, residentBytes: 300 },
      { predictedBytes: 300, residentBytes: 300 },
    ])
  })
})
