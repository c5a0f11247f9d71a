import { describe, expect, it } from 'vitest'
import { type EvictionPolicy, lru } from '../../../../stages/execute/cache/index.ts'
import { modelOf } from './fake-host.ts'
import { setUp } from './set-up.ts'

const [a, b, c] = [modelOf('a'), modelOf('b'), modelOf('c')]

/** Evicts the least recently used; `broken`: how many more of each of its methods' calls throw. */
function fragile() {
  const broken = { worth: 0, used: 0, evicted: 0 }
  const policy = lru()
  const breaking = (method: keyof typeof broken) => {
    if (broken[method] > 0) {
      broken[method] -= 1
      throw new Error(`${method} is broken`)
    }
  }
  const fragile: EvictionPolicy = {
    ...policy,
    name: 'fragile',
    worth(use, now) {
      breaking('worth')
      return policy.worth(use, now)
    },
    used: () => breaking('used'),
    evicted: () => breaking('evicted'),
  }
  return { broken, policy: fragile }
}

/** A cache that is full of `a` and `b`, so that the next load has to weigh them. */
async function full(options: Parameters<typeof setUp>[0] = {}) {
  const { broken, policy } = fragile()
  const set = setUp({ budget: 200, policy, ...options })
  for (const model of [a, b]) {
    const lease = set.cache.lease(model)
    await set.clock.advance(10)
    ;(await lease).release()
  }
  const sum = () => {
    const { requests, hits, cold, refused, failed, givenUp, waiting } = set.cache.statistics() as unknown as Record<
      string,
      number
    > & { refused: Record<string, number> }
    const refusals = Object.values(refused).reduce((all, each) => all + each, 0)
    return [requests, (hits ?? 0) + (cold ?? 0) + refusals + (failed ?? 0) + (givenUp ?? 0) + (waiting ?? 0)]
  }
  return { ...set, broken, sum }
}

describe('a cache whose policy throws', () => {
  it('in a turn serves those who wait after a pause, and goes on', async () => {
    const { cache, clock, host, broken, events, sum } = await full({ restart: { first: 100 } })
    broken.worth = 1
    const lease = cache.lease(c)
    await clock.advance(99)
    expect(host.loads).toHaveLength(2)
    expect(events).toContainEqual({ type: 'crashed', error: new Error('worth is broken'), final: false })
    await clock.advance(20)
    const held = await lease
    expect(held.model).toBe(c)
    held.release()
    expect(host.violations).toEqual([])
    expect(cache.statistics().usedBytes).toBe(200)
    const [requests, ended] = sum()
    expect(ended).toBe(requests)
  })

  it('goes on leasing what is loaded while it pauses', async () => {
    const { cache, broken } = await full({ restart: { first: 1_000 } })
    broken.worth = 1
    cache.lease(c).catch(() => {})
    expect(cache.tryLease(b)).toMatchObject({ model: b, cold: false })
    cache.close()
  })

  it('as it is told of a request, or of an eviction, fails no request and loses no memory', async () => {
    const { cache, clock, host, broken, sum } = await full({ restart: { first: 50 } })
    broken.used = 1
    ;(await cache.lease(a)).release()
    await clock.advance(50)
    broken.evicted = 1
    const lease = cache.lease(c)
    await clock.advance(200)
    ;(await lease).release()
    await clock.advance(10)
    expect(host.violations).toEqual([])
    expect(cache.statistics().usedBytes).toBe(200)
    const [requests, ended] = sum()
    expect(ended).toBe(requests)
  })

  it('again and again loads nothing until it has rested: those who wait and come hear why, and hits go on', async () => {
    const { cache, clock, broken, events, sum } = await full({ restart: { restarts: 2, first: 10 } })
    broken.worth = Number.POSITIVE_INFINITY
    const waiting = cache.lease(c)
    const heard = expect(waiting).rejects.toMatchObject({ reason: 'given-up', code: 'refused' })
    await clock.advance(30)
    await heard
    expect(events.filter(({ type }) => type === 'crashed')).toHaveLength(3)
    expect(events).toContainEqual(expect.objectContaining({ type: 'crashed', final: true }))
    await expect(cache.lease(c)).rejects.toThrow('worth is broken')
    await expect(cache.pin(c)).rejects.toMatchObject({ reason: 'given-up' })
    expect(await cache.prefetch(b)).toBe(true)
    ;(await cache.lease(a)).release()
    const [requests, ended] = sum()
    expect(ended).toBe(requests)
    broken.worth = 0
    await clock.advance(10_000)
    expect(events.filter(({ type }) => type === 'rested')).toHaveLength(1)
    const again = cache.lease(c)
    await clock.advance(2_000)
    ;(await again).release()
    cache.close()
    expect(clock.pending).toBe(0)
  })

  it('and is closed in its pause starts nothing, and leaves no timer', async () => {
    const { cache, clock, broken } = await full({ restart: { first: 5_000 } })
    broken.worth = 1
    const lease = expect(cache.lease(c)).rejects.toThrow('The cache was closed')
    cache.close()
    await lease
    expect(clock.pending).toBe(0)
  })
})
