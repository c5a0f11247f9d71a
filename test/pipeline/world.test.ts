import { describe, expect, it } from 'vitest'
import { World } from '../../pipeline/index.ts'
import { fakeClock } from '../../pipeline/testing/index.ts'

describe('world', () => {
  it('knows nothing that nobody has told it', () => {
    const world = new World(fakeClock())
    expect(world.get('link')).toBeUndefined()
    expect(world.value('battery')).toBeUndefined()
    expect(world.age('battery')).toBe(Number.POSITIVE_INFINITY)
  })

  it('says who knew a thing, and since when', async () => {
    const clock = fakeClock(1000)
    const world = new World(clock)
    world.set('battery', 0.5, 'phone')
    await clock.advance(30)
    expect(world.get('battery')).toEqual({ value: 0.5, at: 1000, owner: 'phone' })
    expect(world.age('battery')).toBe(30)
  })

  it('takes what is older than asked for as unknown', async () => {
    const clock = fakeClock()
    const world = new World(clock)
    world.set('inFlight', 3, 'flight')
    await clock.advance(50)
    expect(world.value('inFlight')).toBe(3)
    expect(world.value('inFlight', 50)).toBe(3)
    expect(world.value('inFlight', 49)).toBeUndefined()
  })

  it('replaces what it knew', () => {
    const world = new World(fakeClock())
    world.set('inFlight', 3, 'flight')
    world.set('inFlight', 0, 'flight')
    expect(world.value('inFlight')).toBe(0)
  })
})
