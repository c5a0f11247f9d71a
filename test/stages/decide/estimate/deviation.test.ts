import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { Deviation } from '../../../../stages/decide/estimate/deviation.ts'
import { normal } from '../support.ts'

describe('Deviation', () => {
  test('finds how far off predictions are, whatever their size', () => {
    const random = seededRandom(6)
    for (const truth of [0.02, 0.1, 0.5]) {
      const deviation = new Deviation()
      for (let i = 0; i < 400; i++) deviation.observe(10 + i, (10 + i) * Math.exp(normal(random, 0, truth)))
      expect(Math.abs(Math.log(deviation.value / truth))).toBeLessThan(0.35)
    }
  })

  test('one observation a thousand times too long does not make all the others seem uncertain', () => {
    const deviation = new Deviation()
    for (let i = 0; i < 200; i++) deviation.observe(10, i % 2 ? 10.5 : 9.5)
    const before = deviation.value
    deviation.observe(10, 10_000)
    expect(deviation.value).toBeLessThan(1.2 * before)
  })

  test('what is not above 0 teaches nothing, and a restore finds the same', () => {
    const one = new Deviation()
    for (const ms of [0, -1, Number.NaN]) one.observe(10, ms)
    expect(one.value).toBe(new Deviation().value)
    one.observe(10, 12)
    const two = new Deviation()
    two.restore(JSON.parse(JSON.stringify(one.save())))
    expect(two.value).toBe(one.value)
  })
})
