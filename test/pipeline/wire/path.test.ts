import { describe, expect, it } from 'vitest'
import { Path } from '../../../pipeline/wire/path.ts'

const chunk = 128 * 1024

describe('a path', () => {
  it('that nothing is known of holds two chunks and 2 Mbit/s', () => {
    const path = new Path()
    expect([path.rtt, path.rate, path.inFlight(chunk)]).toEqual([undefined, undefined, 2])
    expect(path.uploadTime(2_000_000 / 8)).toBe(1000)
  })

  it('holds more chunks the faster and the longer it is, from two up to 64', () => {
    const held = (rate: number, rtt: number) => {
      const path = new Path()
      path.observeRtt(rtt)
      path.observeRate(rate * 10, 10)
      return path.inFlight(chunk)
    }
    expect(held(250, 20)).toBe(2)
    expect(held(10_000, 100)).toBe(Math.ceil((1.25 * 10_000 * 100) / chunk))
    expect(held(1e9, 100)).toBe(64)
  })

  it('believes the shortest round trip, and a longer one only by and by', () => {
    const path = new Path()
    for (const ms of [50, 20, 80]) path.observeRtt(ms)
    expect(path.rtt).toBeCloseTo(20.2)
    for (let n = 0; n < 200; n++) path.observeRtt(80)
    expect(path.rtt).toBe(80)
  })

  it('forgets a rate that it has not seen for ten samples', () => {
    const path = new Path()
    path.observeRate(10_000, 1)
    for (let n = 0; n < 10; n++) path.observeRate(100, 1)
    expect(path.rate).toBe(100)
  })

  it('expects a message to take as long as on the slowest of the recent rates', () => {
    const path = new Path()
    expect(path.uploadTime(250)).toBe(1)
    for (const rate of [1500, 250, 1000]) path.observeRate(rate, 1)
    expect(path.rate).toBe(1500)
    expect(path.uploadTime(200_000)).toBe(800)
  })

  it('learns nothing from what took no time', () => {
    const path = new Path()
    path.observeRate(1000, 0)
    expect(path.rate).toBeUndefined()
  })
})
