import { expect, it } from 'vitest'
import { DeadlineExceeded, ModelLoadFailed } from '../../../../pipeline/index.ts'
import { modelOf } from './fake-host.ts'
import { setUp } from './set-up.ts'

const [old, fresh] = [modelOf('v1'), modelOf('v2')]

async function withAlias(...options: Parameters<typeof setUp>) {
  const all = setUp(...options)
  const first = all.cache.alias('flowers', old)
  await all.clock.advance(10)
  await first
  return all
}

it('a name moves when its new version is loaded, and not before', async () => {
  const { cache, clock } = await withAlias()
  const move = cache.alias('flowers', fresh)
  await clock.advance(9)
  const before = cache.tryLease('flowers')
  expect(before).toMatchObject({ model: old, cold: false })
  before?.release()
  await clock.advance(1)
  await move
  expect(cache.tryLease('flowers')).toMatchObject({ model: fresh, cold: false })
})

it('a move is over when the last lease of the old version has ended, and the old version goes', async () => {
  const { cache, clock, host, events } = await withAlias()
  const held = await cache.lease('flowers')
  let over = false
  const move = cache.alias('flowers', fresh).then(() => {
    over = true
  })
  await clock.advance(1_000)
  expect(over).toBe(false)
  expect(cache.tryLease('flowers')).toMatchObject({ model: fresh })
  expect(host.holds('one', old)).toBe(true)
  held.release()
  await clock.advance(1)
  await move
  expect(host.holds('one', old)).toBe(false)
  expect(events).toContainEqual({ type: 'alias-moved', alias: 'flowers', from: 'v1', to: 'v2' })
})

it('no request fails, none waits, and none gets the old version after a move under load', async () => {
  const { cache, clock } = await withAlias({ budget: 1_000, executors: ['one', 'two'] })
  const versions = [old, fresh, modelOf('v3'), modelOf('v4')]
  const outcomes: Promise<unknown>[] = []
  for (const [index, version] of versions.entries()) {
    let over = index === 0
    const move = cache.alias('flowers', version).then(() => {
      over = true
    })
    for (let each = 0; each < 40; each++) {
      const asked = over
      outcomes.push(
        cache.lease('flowers', { expires: clock.now() + 50 }).then(async (lease) => {
          expect(lease.cold).toBe(false)
          if (asked) expect(lease.model).toBe(version)
          clock.after(3 + (each % 5), () => lease.release())
        }),
      )
      await clock.advance(1)
    }
    await move
    await clock.advance(10)
    expect(cache.holders(version)).not.toEqual([])
  }
  await Promise.all(outcomes)
  expect(cache.statistics()).toMatchObject({ requests: 160, hits: 160, waiting: 0 })
})

it('who waits for the old version when the name moves gets the new one', async () => {
  const { cache, clock } = setUp({ executors: ['one', 'two'] }, { loadMs: (_, model) => (model === old ? 100 : 10) })
  const first = cache.alias('flowers', old)
  await clock.advance(100)
  await first
  await Promise.all([cache.evict(old), clock.advance(1)])
  const lease = cache.lease('flowers')
  const move = cache.alias('flowers', fresh)
  await clock.advance(10)
  await move
  expect(await lease).toMatchObject({ model: fresh, loadMs: 10 })
})

it('the new version is loaded as often as the old one was', async () => {
  const { cache, clock } = await withAlias({ budget: 1_000, executors: ['one', 'two'] })
  const pin = cache.pin('flowers', { copies: 2 })
  await clock.advance(10)
  await pin
  const move = cache.alias('flowers', fresh)
  await clock.advance(9)
  expect(cache.holders('flowers')).toEqual(cache.holders(old))
  await clock.advance(1)
  await move
  expect(cache.holders(fresh)).toHaveLength(2)
  await clock.advance(1)
  expect(cache.holders(old)).toHaveLength(0)
})

it('a pin of a name moves with the name', async () => {
  const { cache, clock } = await withAlias()
  await cache.pin('flowers')
  const move = cache.alias('flowers', fresh)
  await clock.advance(20)
  await move
  await cache.evict(fresh)
  expect(cache.holders(fresh)).toEqual(['one'])
  expect(cache.holders(old)).toEqual([])
})

it('a name stays where it is when the new version cannot be loaded', async () => {
  const { cache } = await withAlias(
    {},
    {
      loadMs: (_, model) => {
        if (model === fresh) throw new ModelLoadFailed('damaged')
        return 10
      },
    },
  )
  await expect(cache.alias('flowers', fresh)).rejects.toThrow('damaged')
  expect(cache.tryLease('flowers')).toMatchObject({ model: old })
})

it('both versions have to fit: the old one does not make room for the new one while it answers', async () => {
  const { cache } = await withAlias({ budget: 199 })
  await expect(cache.alias('flowers', fresh)).rejects.toMatchObject({ reason: 'pinned' })
  expect(cache.tryLease('flowers')).toMatchObject({ model: old })
})

it('a move whose old version is never given back says so, and has moved', async () => {
  const { cache, clock } = await withAlias()
  await cache.lease('flowers')
  const move = expect(cache.alias('flowers', fresh, { within: 500 })).rejects.toThrow(DeadlineExceeded)
  await clock.advance(500)
  await move
  expect(cache.tryLease('flowers')).toMatchObject({ model: fresh })
  // What is leased stays all the same.
  expect(cache.holders(old)).toEqual(['one'])
})

it('moves of one name follow one another', async () => {
  const { cache, clock } = await withAlias({ budget: 1_000 })
  const third = modelOf('v3')
  const moves = Promise.all([cache.alias('flowers', fresh), cache.alias('flowers', third)])
  await clock.advance(30)
  await moves
  expect(cache.tryLease('flowers')).toMatchObject({ model: third })
  await clock.advance(10)
  expect(cache.statistics().copies.map(({ model }) => model)).toEqual(['v3'])
})

it('an old version that another name points to stays', async () => {
  const { cache, clock } = await withAlias()
  await cache.alias('stable', old)
  const move = cache.alias('flowers', fresh)
  await clock.advance(20)
  await move
  expect(cache.tryLease('stable')).toMatchObject({ model: old, cold: false })
})
