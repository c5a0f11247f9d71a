import { describe, expect, test } from 'vitest'
import { LinkEstimate } from '../../../../stages/decide/index.ts'

/** Crossings of changing size over a link of so many ms and MB/s. */
function cross(link: LinkEstimate, edge: string, rtt: number, rate: number, times: number, now = 0): void {
  for (let i = 0; i < times; i++) {
    const bytes = [1_000, 300_000, 1_200_000][i % 3] as number
    link.observe(edge, bytes, rtt + bytes / rate / 1e3, now + i)
  }
}

describe('LinkEstimate', () => {
  test('knows nothing at first, and says so', () => {
    const link = new LinkEstimate()
    expect([link.edge, link.mean(1000), link.uplink, link.rtt, link.downlink]).toEqual(Array(5).fill(undefined))
    expect(link.due(0)).toBe(true)
  })

  test('tells round trip and uplink apart', () => {
    const link = new LinkEstimate()
    cross(link, 'a', 20, 2.5, 60)
    expect(link.rtt).toBeCloseTo(20.4, 0)
    expect(link.downlink).toBeCloseTo(10.2, 0)
    expect(Math.abs((link.uplink ?? 0) - 20e6) / 20e6).toBeLessThan(0.1)
    expect(Math.abs((link.mean(2_000_000) ?? 0) - 820) / 820).toBeLessThan(0.1)
  })

  test('a handover starts fresh, and coming back finds what was known', () => {
    const link = new LinkEstimate()
    cross(link, 'wifi', 5, 10, 60)
    const before = link.mean(1_000_000) as number
    cross(link, 'cellular', 60, 0.5, 9)
    expect(link.count).toBe(9)
    expect(link.mean(1_000_000)).toBeGreaterThan(1500)
    link.observe('wifi', 300_000, 35, 100)
    expect(Math.abs((link.mean(1_000_000) as number) - before) / before).toBeLessThan(0.1)
  })

  test('a probe is due when nothing was heard for as long as it is told', () => {
    const link = new LinkEstimate({ staleAfter: 100 })
    link.observe('a', 1000, 5, 1000)
    expect(link.due(1100)).toBe(false)
    expect(link.due(1101)).toBe(true)
    expect(link.age(1050)).toBe(50)
  })

  test('what did not get through counts when it took longer than predicted', () => {
    const link = new LinkEstimate()
    cross(link, 'a', 5, 10, 30)
    const before = link.mean(500_000) as number
    link.observeAtLeast(500_000, before / 2, 50)
    expect(link.mean(500_000)).toBe(before)
    for (let i = 0; i < 3; i++) link.observeAtLeast(500_000, 5000, 50)
    expect(link.mean(500_000)).toBeGreaterThan(1000)
  })

  test('forgets the edge it has not heard of for longest when there are too many', () => {
    const link = new LinkEstimate({ remember: 2 })
    for (const [at, edge] of ['a', 'b', 'c'].entries()) link.observe(edge, 1000, 10, at)
    expect(Object.keys(link.save().edges)).toEqual(['b', 'c'])
  })

  test('is the same after a restore, but stale', () => {
    const one = new LinkEstimate()
    cross(one, 'a', 20, 2.5, 30)
    const two = new LinkEstimate()
    two.restore(JSON.parse(JSON.stringify(one.save())))
    expect(two.mean(400_000)).toBe(one.mean(400_000))
    expect(two.due(30)).toBe(true)
  })
})
