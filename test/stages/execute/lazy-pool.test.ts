import { describe, expect, test } from 'vitest'
import { BadConfiguration, standaloneContext } from '../../../pipeline/index.ts'
import { lru } from '../../../stages/execute/cache/index.ts'
import { LazyPool, type LazyPoolOptions } from '../../../stages/execute/lazy-pool.ts'
import { fakeExecutors } from '../../../stages/execute/testing.ts'
import type { Models } from '../../../stages/manage/index.ts'
import { manualClock, settled } from '../../support/manual-clock.ts'
import { input, model } from './pools.ts'

const models = { ids: ['a', 'b', 'c'], source: (id: string) => model(id) } as unknown as Models

function lazy(options: Partial<LazyPoolOptions> = {}) {
  const clock = manualClock()
  const factory = fakeExecutors({ clock, batches: true, runMs: 5 })
  const context = standaloneContext({ clock, side: 'cloud', executors: 1 })
  const pool = new LazyPool({ executors: { device: factory, cloud: factory }, ...options }, models, context)
  return { clock, factory, pool, world: context.world }
}

describe('what execute() runs models with', () => {
  test('starts nothing before it is needed', async () => {
    const { factory, pool } = lazy()
    await pool.warm()
    await settled()
    expect(factory.executors.length).toBe(0)
    await pool.close()
  })

  test('the world hears which models are loaded, and which are no longer', async () => {
    const { clock, pool, world } = lazy({ memory: 20, policy: lru() })
    expect(world.get('resident')).toBeUndefined()
    const heard: unknown[] = []
    for (const name of ['a', 'b', 'c']) {
      const run = pool.get().run(model(name), input(1))
      await clock.advance(1_000)
      await run
      heard.push(world.value('resident'))
    }
    expect(heard[0]).toEqual(['a'])
    // 12.5 bytes are reserved for each before it was measured.
    expect((heard[2] as string[]).includes('a')).toBe(false)
    expect(world.value('resident')).toContain('c')
    await pool.close()
    expect(clock.pending).toBe(0)
  })

  test('pinned models are there from the start and stay', async () => {
    const { clock, pool, world, factory } = lazy({ memory: 25, pin: ['b'] })
    const warm = pool.warm()
    await clock.advance(10)
    await warm
    expect(world.value('resident')).toEqual(['b'])
    for (const name of ['a', 'c', 'a']) {
      const run = pool.get().run(model(name), input(1))
      await clock.advance(2_000)
      await run
      expect(world.value('resident')).toContain('b')
    }
    expect(factory.executors[0]?.loads.filter((name) => name === 'b').length).toBe(1)
    await pool.close()
  })

  test('without a memory everything stays loaded, and pins are loaded first', async () => {
    const { pool, factory, clock } = lazy({ pin: ['b'], warm: 'all' })
    const warm = pool.warm()
    await clock.advance(10)
    await warm
    expect(factory.executors[0]?.loads).toEqual(['b', 'a', 'c'])
    expect(pool.get().cache).toBeUndefined()
    await pool.close()
  })

  test('an unknown model to be warmed ends the executors', async () => {
    const { pool, factory } = lazy({ pin: ['nobody'] })
    const broken = new LazyPool(
      { executors: { device: factory, cloud: factory }, pin: ['nobody'] },
      {
        ...models,
        source: () => {
          throw new BadConfiguration('no such model')
        },
      } as Models,
      standaloneContext({ clock: manualClock(), side: 'cloud' }),
    )
    await expect(broken.warm()).rejects.toThrow(BadConfiguration)
    await settled()
    expect(factory.executors.every(({ state }) => state === 'closed')).toBe(true)
    await pool.close()
  })

  test('a policy without a memory is refused', () => {
    expect(() => lazy({ policy: lru() })).toThrow(BadConfiguration)
  })
})
