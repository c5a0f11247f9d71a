import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { Crowding } from '../../../pipeline/wire/crowding.ts'

function idle(crowding: Crowding, count = 50, ms = 20, kind = 'a') {
  const random = seededRandom(1)
  for (let i = 0; i < count; i++) crowding.observe(kind, ms * (0.9 + 0.2 * random()), 0, true)
}

describe('the slowdown of a node', () => {
  it('is 1 before anything was seen, and about 1 while messages are alone', () => {
    const crowding = new Crowding()
    expect(crowding.slowdown).toBe(1)
    idle(crowding)
    expect(crowding.slowdown).toBeLessThan(1.1)
  })

  it('is how many times longer messages stay than alone, waiting included', () => {
    const crowding = new Crowding()
    idle(crowding)
    for (let i = 0; i < 40; i++) crowding.observe('a', 60, 40, false)
    expect(crowding.slowdown).toBeGreaterThan(2.8)
    expect(crowding.slowdown).toBeLessThan(3.2)
  })

  it('counts the slower run of a crowded processor, too, not only what waits', () => {
    const crowding = new Crowding()
    idle(crowding)
    for (let i = 0; i < 40; i++) crowding.observe('a', 40, 0, false)
    expect(crowding.slowdown).toBeCloseTo(2, 0)
  })

  it('falls again when messages are alone again', () => {
    const crowding = new Crowding()
    idle(crowding)
    for (let i = 0; i < 40; i++) crowding.observe('a', 200, 180, false)
    idle(crowding)
    expect(crowding.slowdown).toBeLessThan(1.1)
  })

  it('is not raised by kinds that take long by themselves', () => {
    const crowding = new Crowding()
    idle(crowding, 50, 20, 'quick')
    idle(crowding, 50, 900, 'slow')
    expect(crowding.slowdown).toBeLessThan(1.1)
  })

  it('takes the work besides the waiting for the time alone where no message ever was', () => {
    const crowding = new Crowding()
    for (let i = 0; i < 40; i++) crowding.observe('a', 100, 80, false)
    expect(crowding.slowdown).toBeCloseTo(5, 0)
  })
})
