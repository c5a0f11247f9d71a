import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { Pace } from '../../../../stages/decide/estimate/pace.ts'
import { normal } from '../support.ts'

const [every, takes] = [500, 100]

/** A crossing every half second, each so many times as long as usual. */
function cross(pace: Pace, times: readonly number[], from = 0): number {
  times.forEach((one, i) => {
    pace.observe(from + i * every, from + i * every + takes, one)
  })
  return from + times.length * every
}

/** Outages of one crossing in ten that is eight times as long, all others as usual. */
const outages = Array.from({ length: 200 }, (_, i) => (i % 10 === 9 ? 8 : 1))
/** Twenty at a usual pace, twenty at a third of it, in turns. */
const regimes = Array.from({ length: 240 }, (_, i) => (Math.floor(i / 20) % 2 === 0 ? 1 : 3))

function expected(pace: Pace, now: number): number {
  pace.at(now)
  return pace.factor
}

describe('Pace', () => {
  test('is as usual, and may be off, while nothing was observed', () => {
    const pace = new Pace()
    pace.at(0)
    expect(pace.factor).toBe(1)
    expect(pace.deviation).toBeGreaterThan(0.2)
  })

  test('learns that an outage is over with the next crossing where it always was', () => {
    const pace = new Pace()
    const now = cross(pace, outages)
    expect(expected(pace, now)).toBeLessThan(1.3)
  })

  test('learns that what is slow stays slow where it always did', () => {
    const pace = new Pace()
    const now = cross(pace, regimes.slice(0, 225))
    expect(expected(pace, now)).toBeGreaterThan(2.3)
    expect(expected(pace, now)).toBeLessThan(3.2)
  })

  test('what was seen long ago says less than what was seen just now', () => {
    const pace = new Pace()
    const now = cross(pace, [1, 1, 1, 6])
    const [soon, later, late] = [now, now + 2000, now + 20_000].map((at) => expected(pace, at)) as [
      number,
      number,
      number,
    ]
    expect(soon).toBeGreaterThan(later)
    expect(later).toBeGreaterThan(late)
    expect(late).toBeLessThan(1.05)
  })

  test('a way that has become ten times slower is known to be within eight crossings', () => {
    const pace = new Pace()
    const between = cross(pace, Array(100).fill(1))
    const now = cross(pace, Array(8).fill(10), between)
    expect(expected(pace, now)).toBeGreaterThan(4)
  })

  test('two paces in turns leave more doubt than one', () => {
    const random = seededRandom(4)
    const [steady, torn] = [new Pace(), new Pace()]
    const noise = () => Math.exp(normal(random, 0, 0.05))
    const now = cross(steady, Array.from({ length: 200 }, noise))
    cross(
      torn,
      Array.from({ length: 200 }, () => noise() * (random() < 0.5 ? 1 : 2)),
    )
    steady.at(now)
    torn.at(now)
    expect(steady.deviation).toBeLessThan(0.12)
    expect(torn.deviation).toBeGreaterThan(2 * steady.deviation)
  })

  test('whatever was observed, it expects no more than the slowest and no less than the quickest there was', () => {
    const times = fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 300 })
    fc.assert(
      fc.property(times, fc.double({ min: 0, max: 1e5, noNaN: true }), (all, later) => {
        const pace = new Pace()
        const factor = expected(pace, cross(pace, all) + later)
        expect(factor).toBeLessThanOrEqual(Math.max(1, ...all) * (1 + 1e-9))
        expect(factor).toBeGreaterThanOrEqual(Math.min(1, ...all) * (1 - 1e-9))
        expect(pace.deviation).toBeGreaterThanOrEqual(0)
      }),
      { numRuns: 100, seed: 8 },
    )
  })

  test('what is no number teaches nothing', () => {
    const pace = new Pace()
    for (const times of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) pace.observe(0, 10, times)
    expect(expected(pace, 20)).toBe(1)
  })
})
