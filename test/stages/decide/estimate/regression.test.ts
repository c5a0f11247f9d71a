import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BadConfiguration } from '../../../../pipeline/index.ts'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { Regression } from '../../../../stages/decide/index.ts'
import { normal } from '../support.ts'

describe('Regression', () => {
  test('finds a line among noise', () => {
    const random = seededRandom(3)
    const regression = new Regression({ size: 2 })
    for (let i = 0; i < 500; i++) {
      const size = random() * 4
      regression.observe([1, size], (20 + 80 * size) * (1 + normal(random, 0, 0.05)))
    }
    for (const size of [0.5, 1, 2, 4]) {
      const truth = 20 + 80 * size
      expect(Math.abs(regression.mean([1, size]) - truth) / truth).toBeLessThan(0.1)
    }
  })

  test('starts at the first observation, not at zero', () => {
    const regression = new Regression({ size: 2 })
    expect(regression.variance([1, 2])).toBe(Number.POSITIVE_INFINITY)
    regression.observe([1, 2], 50)
    expect(regression.mean([1, 2])).toBeGreaterThan(45)
  })

  test('stays sane on a million identical frames, and then follows a step in size', () => {
    const random = seededRandom(5)
    const regression = new Regression({ size: 3 })
    const same = [1, 0.4, 2.1]
    for (let i = 0; i < 1_000_000; i++) regression.observe(same, 30 * (1 + 0.1 * (random() - 0.5)))
    expect(Math.abs(regression.mean(same) - 30)).toBeLessThan(3)
    // What each weight could be at most, had its feature to explain everything alone.
    for (const [i, weight] of regression.weights.entries()) {
      expect(Math.abs(weight)).toBeLessThanOrEqual((3 * 30) / (same[i] as number))
    }
    const large = [1, 1.6, 8.4]
    const truth = 110
    for (let i = 0; i < 10; i++) regression.observe(large, truth)
    expect(Math.abs(regression.mean(large) - truth) / truth).toBeLessThan(0.15)
  })

  test('one outlier moves it little, a lasting step moves it within five observations', () => {
    const regression = new Regression({ size: 2 })
    for (let i = 0; i < 100; i++) regression.observe([1, 1], 20)
    regression.observe([1, 1], 2000)
    expect(regression.mean([1, 1])).toBeLessThan(45)
    for (let i = 0; i < 20; i++) regression.observe([1, 1], 20)
    for (let i = 0; i < 5; i++) regression.observe([1, 1], 2000)
    expect(regression.mean([1, 1])).toBeGreaterThan(1500)
    for (let i = 0; i < 10; i++) regression.observe([1, 1], 20)
    expect(regression.mean([1, 1])).toBeLessThan(60)
  })

  test('whatever it is fed, its expectations are finite and its variances are not negative', () => {
    const positive = fc.double({ min: 1e-6, max: 1e6, noNaN: true })
    fc.assert(
      fc.property(fc.array(fc.tuple(positive, positive, positive), { minLength: 1, maxLength: 200 }), (samples) => {
        const regression = new Regression({ size: 3 })
        for (const [a, b, y] of samples) regression.observe([1, a, b], y)
        for (const [a, b] of samples) {
          expect(Number.isFinite(regression.mean([1, a, b]))).toBe(true)
          expect(regression.variance([1, a, b])).toBeGreaterThanOrEqual(0)
        }
      }),
      { numRuns: 200, seed: 1 },
    )
  })

  test('ignores what is not a number', () => {
    const regression = new Regression({ size: 2 })
    regression.observe([1, 1], Number.NaN)
    regression.observe([1, Number.POSITIVE_INFINITY], 1)
    expect(regression.count).toBe(0)
  })

  test('goes on after a restore as if nothing had happened', () => {
    const one = new Regression({ size: 2 })
    for (let i = 1; i < 20; i++) one.observe([1, i / 10], 5 + i)
    const two = new Regression({ size: 2 })
    two.restore(JSON.parse(JSON.stringify(one.save())))
    for (const regression of [one, two]) regression.observe([1, 3], 40)
    expect(two.weights).toEqual(one.weights)
    expect(two.variance([1, 2])).toBe(one.variance([1, 2]))
  })

  test('refuses what it did not save', () => {
    const regression = new Regression({ size: 2 })
    expect(() => regression.restore({ weights: [] })).toThrow(BadConfiguration)
    expect(() => regression.restore(new Regression({ size: 3 }).save())).toThrow(/3 weights, this one has 2/)
  })
})
