import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { Ratios } from '../../../../stages/decide/estimate/ontime.ts'
import { OnTime } from '../../../../stages/decide/index.ts'
import { normal } from '../support.ts'

describe('OnTime', () => {
  test('is even odds for exactly the predicted time while nothing was observed', () => {
    expect(new OnTime().chance('cloud', 100, 100)).toBeCloseTo(0.5, 6)
  })

  test('says what share is on time, to within nine points', () => {
    const random = seededRandom(2)
    const onTime = new OnTime()
    const draw = (predicted: number) => predicted * Math.exp(normal(random, 0.1, 0.3))
    for (let i = 0; i < 300; i++) onTime.observe('cloud', 50 + i, draw(50 + i))
    for (const left of [80, 100, 120, 150, 200]) {
      let met = 0
      for (let i = 0; i < 4000; i++) if (draw(100) <= left) met++
      expect(Math.abs(onTime.chance('cloud', 100, left) - met / 4000)).toBeLessThan(0.09)
    }
  })

  test('never falls when more time is left, and stays between 0 and 1', () => {
    const ms = fc.double({ min: 0.01, max: 1e5, noNaN: true })
    fc.assert(
      fc.property(fc.array(fc.tuple(ms, ms), { maxLength: 150 }), ms, ms, ms, (seen, predicted, a, b) => {
        const onTime = new OnTime()
        for (const [expected, observed] of seen) onTime.observe('x', expected, observed)
        const [less, more] = [Math.min(a, b), Math.max(a, b)].map((left) => onTime.chance('x', predicted, left))
        expect(less).toBeGreaterThanOrEqual(0)
        expect(more).toBeLessThanOrEqual(1)
        expect(more).toBeGreaterThanOrEqual(less as number)
      }),
      { numRuns: 200, seed: 6 },
    )
  })

  test('gives the time for a chance, and is 0 when no time is left', () => {
    const onTime = new OnTime()
    for (let i = 0; i < 100; i++) onTime.observe('x', 10, 10 + i / 10)
    expect(onTime.within('x', 100, 0.95)).toBeGreaterThan(180)
    expect(onTime.within('unseen', 100, 0.5)).toBeCloseTo(100, 6)
    expect(onTime.chance('x', 10, 0)).toBe(0)
  })

  test('predictions of unlike certainty, each with its own scale, are each as sure as they are', () => {
    const random = seededRandom(7)
    const onTime = new OnTime({ prior: 1 })
    const draw = (scale: number) => 100 * Math.exp(normal(random, 0, scale))
    for (let i = 0; i < 200; i++) for (const scale of [0.02, 0.3]) onTime.observe('cloud', 100, draw(scale), scale)
    for (const scale of [0.02, 0.3])
      for (const left of [90, 100, 110, 140]) {
        let met = 0
        for (let i = 0; i < 4000; i++) if (draw(scale) <= left) met++
        expect(Math.abs(onTime.of('cloud').chance(100, left, scale) - met / 4000)).toBeLessThan(0.09)
      }
  })

  test('kinds of path are apart, and the same after a restore', () => {
    const one = new OnTime()
    for (let i = 0; i < 20; i++) one.observe('slow', 10, 40)
    expect(one.chance('fast', 10, 20)).toBeGreaterThan(0.8)
    const two = new OnTime()
    two.restore(JSON.parse(JSON.stringify(one.save())))
    expect(two.chance('slow', 10, 20)).toBe(one.chance('slow', 10, 20))
  })
})

test('the quick chance is between those of the ratios around it, and never falls when more is left', () => {
  const ratios = new Ratios()
  const random = seededRandom(3)
  for (let i = 0; i < 60; i++) ratios.observe(100, 60 + 90 * random())
  let before = 0
  for (let left = 1; left < 2000; left += 3) {
    const quick = ratios.at(Math.log(left / 100))
    expect(quick).toBeGreaterThanOrEqual(before)
    expect(quick).toBeGreaterThanOrEqual(ratios.chance(100, left * Math.exp(-1 / 16)) - 1e-9)
    expect(quick).toBeLessThanOrEqual(ratios.chance(100, left * Math.exp(1 / 16)) + 1e-9)
    before = quick
  }
  ratios.observe(100, 1e6)
  expect(ratios.at(Math.log(20))).toBeLessThan(before)
})
