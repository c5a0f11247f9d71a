import { describe, expect, it } from 'vitest'
import { DeadlineExceeded, ModelLoadFailed } from '../../../../pipeline/index.ts'
import { modelOf } from './fake-host.ts'
import { setUp } from './set-up.ts'

const a = modelOf('a')

describe('a load that fails', () => {
  it('is tried on another executor before anybody hears of it', async () => {
    const { cache, clock, types } = setUp(
      { executors: ['one', 'two'] },
      {
        loadMs: (executor) => {
          if (executor === 'one') throw new ModelLoadFailed('no')
          return 10
        },
      },
    )
    const lease = cache.lease(a)
    await clock.advance(10)
    expect(await lease).toMatchObject({ executor: 'two' })
    expect(types()).toContain('load-failed')
  })

  it('everywhere is told to those who wait, then refused with when to come back, twice as late each time', async () => {
    let broken = true
    const { cache, clock, host } = setUp(
      {},
      {
        loadMs: () => {
          if (broken) throw new ModelLoadFailed('damaged')
          return 10
        },
      },
    )
    await expect(cache.lease(a)).rejects.toThrow('damaged')
    await expect(cache.lease(a)).rejects.toMatchObject({ reason: 'failing', retryAfter: 1_000 })
    expect(host.loads).toHaveLength(1)
    await clock.advance(1_000)
    await expect(cache.lease(a)).rejects.toThrow(ModelLoadFailed)
    await expect(cache.lease(a)).rejects.toMatchObject({ reason: 'failing', retryAfter: 2_000 })
    await clock.advance(2_000)
    broken = false
    const lease = cache.lease(a)
    await clock.advance(10)
    await lease
  })

  it('because its executor died goes on elsewhere; the third death in a row is taken for the model’s doing', async () => {
    const { cache, clock, down, up } = setUp({ executors: ['one', 'two', 'three', 'four'] })
    const lease = expect(cache.lease(a)).rejects.toThrow('Executors die while they load "a"')
    await clock.advance(5)
    down('one')
    await clock.advance(5)
    down('two')
    await clock.advance(5)
    down('three')
    await lease
    up('five')
    await expect(cache.lease(a)).rejects.toMatchObject({ reason: 'failing' })
    await clock.advance(1_000)
    const later = cache.lease(a)
    await clock.advance(10)
    await later
  })

  it('late is reported, and those who wait for it are not kept', async () => {
    const { cache, clock, events } = setUp({ longestLoad: 100, longestWait: 200 }, { loadMs: () => 1e9 })
    const lease = expect(cache.lease(a)).rejects.toThrow(DeadlineExceeded)
    await clock.advance(200)
    await lease
    expect(events).toContainEqual({ type: 'overdue', executor: 'one', model: 'a', what: 'load' })
    cache.close()
  })
})

describe('an executor that goes', () => {
  it('takes its residency along at once, and a lease of it ends in nothing', async () => {
    const { cache, clock, down } = setUp({ executors: ['one', 'two'] })
    const lease = cache.lease(a)
    await clock.advance(10)
    down('one')
    expect(cache.holders(a)).toEqual([])
    expect(cache.statistics().usedBytes).toBe(0)
    ;(await lease).release()
    const next = cache.lease(a)
    await clock.advance(10)
    expect(await next).toMatchObject({ executor: 'two', cold: true })
  })
})
