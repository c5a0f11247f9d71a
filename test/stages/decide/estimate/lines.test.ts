import { describe, expect, test } from 'vitest'
import { World } from '../../../../pipeline/index.ts'
import { fakeClock } from '../../../../pipeline/testing/index.ts'

import { Lines } from '../../../../stages/decide/estimate/lines.ts'

const world = () => new World(fakeClock())

/** Crossings of changing size over a way of so many ms and MB/s, one every half second. */
function cross(lines: Lines, edge: string, rtt: number, rate: number, times: number, from = 0): number {
  for (let i = 0; i < times; i++) {
    const bytes = [20_000, 300_000, 1_200_000][i % 3] as number
    lines.crossed(edge, bytes, rtt + bytes / rate / 1e3, from + i * 500)
  }
  return from + times * 500
}

function takes(lines: Lines, bytes: number, now: number, target: 'any' | `node:${string}` = 'any', late = 1): number {
  const { base, byte } = lines.line(target, world(), now, late)
  return base + byte * bytes
}

describe('Lines', () => {
  test('tell what any size takes from crossings of a few', () => {
    const lines = new Lines()
    const now = cross(lines, 'a', 20, 2.5, 90)
    expect(Math.abs(takes(lines, 2_000_000, now) - 820) / 820).toBeLessThan(0.15)
  })

  test('go by what the world says of a link that nobody took', () => {
    const here = world()
    here.set('link', { rtt: 40, uplink: 8e6 }, 'test')
    const { base, byte } = new Lines().line('any', here, 0)
    expect([base, byte]).toEqual([40, 1e-3])
  })

  test('one crossing of twenty seconds does not make the next seem as slow', () => {
    const lines = new Lines()
    const now = cross(lines, 'a', 20, 2.5, 60)
    const before = takes(lines, 300_000, now)
    lines.crossed('a', 300_000, 20_000, now + 20_000)
    expect(takes(lines, 300_000, now + 22_500)).toBeLessThan(2 * before)
    expect(takes(lines, 300_000, now + 60_000)).toBeLessThan(1.2 * before)
  })

  test('a handover starts fresh, and coming back finds what was known', () => {
    const lines = new Lines()
    const left = cross(lines, 'wifi', 5, 10, 60)
    const before = takes(lines, 1_000_000, left)
    const back = cross(lines, 'cellular', 60, 0.5, 9, left)
    expect(takes(lines, 1_000_000, back)).toBeGreaterThan(1500)
    lines.crossed('wifi', 300_000, 35, back)
    expect(Math.abs(takes(lines, 1_000_000, back + 100) - before) / before).toBeLessThan(0.15)
  })

  test('what did not get through makes the way slower until somebody answers', () => {
    const lines = new Lines()
    const now = cross(lines, 'a', 20, 2.5, 60)
    const before = takes(lines, 300_000, now)
    lines.notThrough(300_000, 3000)
    expect(lines.overdue).toBe(1)
    expect(takes(lines, 300_000, now)).toBeGreaterThan(3000)
    lines.crossed('a', 300_000, 140, now + 500)
    expect(lines.overdue).toBe(0)
    expect(takes(lines, 300_000, now + 1000)).toBeLessThan(1.3 * before)
  })

  test('a round trip tells that the way is open again', () => {
    const lines = new Lines()
    const now = cross(lines, 'a', 20, 2.5, 60)
    lines.notThrough(300_000, 3000)
    lines.probed('a', 100, 20, now + 6000)
    expect(lines.overdue).toBe(0)
    expect(takes(lines, 300_000, now + 6000)).toBeLessThan(250)
  })

  test('what is late on one edge is held against that edge alone', () => {
    const lines = new Lines()
    const now = cross(lines, 'b', 20, 2.5, 30, cross(lines, 'a', 20, 2.5, 30))
    lines.notThrough(300_000, 3000)
    expect(lines.current).toBe('b')
    expect(takes(lines, 300_000, now, 'node:a')).toBeLessThan(250)
    expect(takes(lines, 300_000, now, 'node:b')).toBeGreaterThan(3000)
  })

  test('what is usual is the same after a restore', () => {
    const one = new Lines()
    cross(one, 'a', 20, 2.5, 60)
    const two = new Lines()
    two.restore(JSON.parse(JSON.stringify(one.save())))
    expect(two.current).toBe('a')
    const late = 1e9
    expect(takes(two, 300_000, late)).toBeCloseTo(takes(one, 300_000, late), 3)
  })

  test('forget the edge they have not heard of for longest when there are too many', () => {
    const lines = new Lines({ remember: 2 })
    for (const [at, edge] of ['a', 'b', 'a', 'c'].entries()) lines.crossed(edge, 1000, 10, at)
    expect(Object.keys(lines.save().ways)).toEqual(['a', 'c'])
  })
})
