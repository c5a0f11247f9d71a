import { describe, expect, it } from 'vitest'
import { Cancelled, DeadlineExceeded, ModelLoadFailed, UnknownModel } from '../../../../pipeline/index.ts'
import { modelOf } from './fake-host.ts'
import { setUp } from './set-up.ts'

const [a, b, c] = [modelOf('a'), modelOf('b'), modelOf('c')]

describe('a lease', () => {
  it('of a cold model waits for its load and says for how long', async () => {
    const { cache, clock } = setUp()
    const lease = cache.lease(a)
    await clock.advance(10)
    expect(await lease).toMatchObject({ executor: 'one', model: a, cold: true, loadMs: 10 })
    expect(clock.pending).toBe(0)
  })

  it('of a loaded model comes at once', async () => {
    const { cache, clock } = setUp()
    const first = cache.lease(a)
    await clock.advance(10)
    ;(await first).release()
    expect(await cache.lease(a)).toMatchObject({ cold: false, loadMs: 0 })
    expect(cache.tryLease(a)).toMatchObject({ cold: false })
    expect(cache.tryLease(b)).toBeUndefined()
  })

  it('is shared: a thousand requests for one cold model load it once', async () => {
    const { cache, clock, host } = setUp({ executors: ['one', 'two'] })
    const leases = Array.from({ length: 1_000 }, () => cache.lease(a))
    await clock.advance(10)
    for (const lease of await Promise.all(leases)) lease.release()
    expect(host.loads).toEqual(['a@one'])
    expect(cache.statistics()).toMatchObject({ requests: 1_000, cold: 1_000, loads: 1, coalescing: 1_000, waiting: 0 })
  })

  it('keeps its model: what is in use is never evicted, and who needs its room waits', async () => {
    const { cache, clock, host } = setUp({ budget: 100, patience: 1e6 })
    const held = cache.lease(a)
    await clock.advance(10)
    const waiting = cache.lease(b)
    await clock.advance(1_000)
    expect(host.holds('one', a)).toBe(true)
    ;(await held).release()
    await clock.advance(11)
    expect(await waiting).toMatchObject({ model: b, loadMs: 1_011 })
    expect(host.holds('one', a)).toBe(false)
  })

  it('that has been waited for too long takes no new ones beside it, so that a busy model starves nobody', async () => {
    const { cache, clock } = setUp({ budget: 100, patience: 50 })
    const first = cache.lease(a)
    await clock.advance(10)
    const other = cache.lease(b)
    await clock.advance(50)
    expect(cache.tryLease(a)).toBeUndefined()
    ;(await first).release()
    await clock.advance(11)
    expect(await other).toMatchObject({ model: b })
  })

  it('ends once, however often it is released', async () => {
    const { cache, clock } = setUp()
    const pending = [cache.lease(a), cache.lease(a)]
    await clock.advance(10)
    const [lease] = await Promise.all(pending)
    lease?.release()
    lease?.release()
    expect(cache.statistics().copies).toMatchObject([{ leases: 1 }])
  })

  it('given up while its model loads does not stop the load for the others', async () => {
    const { cache, clock, host } = setUp()
    const giveUp = new AbortController()
    const given = cache.lease(a, { signal: giveUp.signal })
    const late = cache.lease(a, { expires: clock.now() + 5 })
    const patient = cache.lease(a)
    giveUp.abort()
    await expect(given).rejects.toThrow(Cancelled)
    const overdue = expect(late).rejects.toThrow(DeadlineExceeded)
    await clock.advance(10)
    await overdue
    expect(await patient).toMatchObject({ cold: true })
    expect(host.loads).toEqual(['a@one'])
    expect(cache.statistics()).toMatchObject({ requests: 3, cold: 1, failed: 1, givenUp: 1 })
  })

  it('is to be had on certain executors only, where the caller says so', async () => {
    const { cache, clock, down } = setUp({ executors: ['one', 'two'] })
    const first = cache.lease(a, { executors: ['two'] })
    await clock.advance(10)
    expect(await first).toMatchObject({ executor: 'two' })
    expect(cache.tryLease(a, { executors: ['one'] })).toBeUndefined()
    const second = cache.lease(a, { executors: ['one'] })
    await clock.advance(10)
    expect(await second).toMatchObject({ executor: 'one', cold: true })
    await expect(cache.lease(b, { executors: ['none'] })).rejects.toMatchObject({ reason: 'no-executor' })
    const third = expect(cache.lease(b, { executors: ['one'] })).rejects.toMatchObject({ reason: 'no-executor' })
    down('one')
    await third
  })

  it('goes to the copy with the fewest leases', async () => {
    const { cache, clock } = setUp({ executors: ['one', 'two'] })
    const pin = cache.pin(a, { copies: 2 })
    await clock.advance(20)
    await pin
    const taken = [cache.tryLease(a), cache.tryLease(a)].map((lease) => lease?.executor)
    expect(taken.sort()).toEqual(['one', 'two'])
  })

  it('waits for the first executor', async () => {
    const { cache, clock, up } = setUp({ executors: [] })
    const lease = cache.lease(a)
    await clock.advance(100)
    up('one')
    await clock.advance(10)
    expect(await lease).toMatchObject({ executor: 'one', loadMs: 110 })
  })
})

describe('a refusal', () => {
  it('comes at once for a model that no budget would hold', async () => {
    const { cache, events } = setUp({ budget: 99 })
    await expect(cache.lease(a)).rejects.toMatchObject({ name: 'LeaseRefused', reason: 'too-large' })
    expect(events).toContainEqual({ type: 'refused', model: 'a', reason: 'too-large' })
    expect(cache.statistics()).toMatchObject({ requests: 1, refused: { 'too-large': 1 }, waiting: 0 })
  })

  it('comes at once when pinned models leave no room', async () => {
    const { cache, clock } = setUp()
    const pinned = Promise.all([cache.pin(a), cache.pin(b)])
    await clock.advance(20)
    await pinned
    await expect(cache.lease(c)).rejects.toMatchObject({ reason: 'pinned' })
    await expect(cache.pin(c)).rejects.toMatchObject({ reason: 'pinned' })
  })

  it('comes at once when the load would take too long, with when to come back, and the load begins', async () => {
    const { cache, clock } = setUp({}, { loadMs: () => 400 })
    const first = cache.lease(a)
    await clock.advance(400)
    ;(await first).release()
    const late = cache.lease(b, { expires: clock.now() + 399 })
    await expect(late).rejects.toMatchObject({ reason: 'cold', retryAfter: 400 })
    await clock.advance(400)
    expect(cache.holders(b)).toEqual(['one'])
  })

  it('makes no room for a load that nobody can wait for, unless it is worth more than what goes', async () => {
    const { cache, clock, host } = setUp({ budget: 100 }, { loadMs: () => 400 })
    const first = cache.lease(a)
    await clock.advance(400)
    ;(await first).release()
    const hurried = () =>
      expect(cache.lease(b, { expires: clock.now() + 10 })).rejects.toMatchObject({ reason: 'cold' })
    // Never asked for before, against one that was asked for just now.
    await clock.advance(10)
    cache.tryLease(a)?.release()
    await hurried()
    await clock.advance(1_000)
    expect(host.loads).toEqual(['a@one'])
    // Asked for again and again, against one that nobody wants any more.
    for (let each = 0; each < 5; each++) {
      await clock.advance(500)
      if (cache.holders(b).length === 0) await hurried()
    }
    await clock.advance(500)
    expect(host.loads).toEqual(['a@one', 'b@one'])
  })

  it('says how many wait when too many do', async () => {
    const { cache } = setUp({ waiting: 1 })
    cache.lease(a).catch(() => {})
    await expect(cache.lease(a)).rejects.toMatchObject({ reason: 'crowded' })
    cache.close()
  })

  it('names the aliases there are', async () => {
    const { cache } = setUp()
    await expect(cache.lease('flowers')).rejects.toThrow(UnknownModel)
  })

  it('comes after the end, and those who wait are told', async () => {
    const { cache, clock } = setUp()
    const waiting = expect(cache.lease(a)).rejects.toThrow(Cancelled)
    cache.close()
    await waiting
    await expect(cache.lease(a)).rejects.toMatchObject({ reason: 'closed' })
    await clock.advance(10)
    expect(clock.pending).toBe(0)
  })
})

describe('a pin', () => {
  it('loads its copies, keeps them from eviction, and replaces those that an executor took along', async () => {
    const { cache, clock, down, up } = setUp({ executors: ['one', 'two'], budget: 300 })
    const pin = cache.pin(a, { copies: 2 })
    await clock.advance(20)
    await pin
    for (const model of [b, c, modelOf('d')]) {
      const lease = cache.lease(model)
      await clock.advance(20)
      ;(await lease).release()
    }
    expect(cache.holders(a)).toHaveLength(2)
    down('one')
    up('three')
    await clock.advance(20)
    expect(cache.holders(a)).toHaveLength(2)
    cache.unpin(a)
    for (const model of [b, c, modelOf('d')]) {
      const lease = cache.lease(model)
      await clock.advance(20)
      ;(await lease).release()
    }
    expect(cache.holders(a)).toHaveLength(0)
  })

  it('of a model that cannot be loaded says so and is tried again', async () => {
    let broken = true
    const { cache, clock } = setUp(
      {},
      {
        loadMs: () => {
          if (broken) throw new ModelLoadFailed('damaged')
          return 10
        },
      },
    )
    await expect(cache.pin(a)).rejects.toThrow('damaged')
    broken = false
    await clock.advance(1_010)
    expect(cache.holders(a)).toEqual(['one'])
    cache.close()
  })
})

describe('the churn guard', () => {
  it('keeps a model for the time that its load took, so that two that do not fit together do not only load', async () => {
    const { cache, clock, host } = setUp({ budget: 100, guard: 1 }, { loadMs: () => 100 })
    const first = cache.lease(a)
    await clock.advance(100)
    ;(await first).release()
    const second = cache.lease(b)
    await clock.advance(99)
    expect(host.loads).toEqual(['a@one'])
    await clock.advance(102)
    expect(await second).toMatchObject({ loadMs: 201 })
  })
})

describe('prefetching', () => {
  it('fills free room', async () => {
    const { cache, clock } = setUp()
    const loaded = cache.prefetch(a)
    await clock.advance(10)
    expect(await loaded).toBe(true)
    expect(cache.tryLease(a)).toMatchObject({ cold: false })
  })

  it('never drives out what is worth more', async () => {
    const { cache, clock } = setUp({ budget: 100 })
    const lease = cache.lease(a)
    await clock.advance(10)
    ;(await lease).release()
    expect(await cache.prefetch(b)).toBe(false)
    expect(cache.holders(a)).toEqual(['one'])
  })

  it('loads a model that is asked for regularly shortly before its time', async () => {
    const hour = 3_600_000
    const { cache, clock } = setUp({ budget: 100, prefetch: {} })
    const ask = async (model = a) => {
      const lease = cache.lease(model)
      await clock.advance(20)
      const granted = await lease
      granted.release()
      return granted
    }
    for (let each = 0; each < 6; each++) {
      await ask()
      await clock.advance(hour / 2)
      await ask(b)
      await clock.advance(hour / 2 - 40)
      if (each === 5) expect(cache.holders(a)).toEqual(['one'])
    }
    expect(await ask()).toMatchObject({ cold: false })
    cache.close()
  })
})

describe('a busy model', () => {
  it('gets a further copy, into free room', async () => {
    const { cache, clock } = setUp({ executors: ['one', 'two'] })
    const first = cache.lease(a)
    await clock.advance(10)
    ;(await first).release(100)
    const held = []
    for (let each = 0; each < 10; each++) {
      held.push(cache.tryLease(a))
      await clock.advance(50)
    }
    expect(cache.holders(a)).toEqual(['one', 'two'])
    for (const lease of held) lease?.release(100)
  })
})
