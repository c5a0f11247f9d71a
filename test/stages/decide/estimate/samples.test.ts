import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { Samples } from '../../../../stages/decide/index.ts'

describe('Samples', () => {
  test('its quantiles and counts are those of the last samples, whatever came', () => {
    const number = fc.double({ min: -1e6, max: 1e6, noNaN: true })
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 60 }), number, (values, limit) => {
        const samples = new Samples(16)
        for (const value of values) samples.add(value)
        const last = values.slice(-16).sort((a, b) => a - b)
        expect(samples.count).toBe(last.length)
        expect(samples.quantile(0)).toBe(last[0])
        expect(samples.quantile(1)).toBe(last.at(-1))
        expect(samples.upTo(limit)).toBe(last.filter((value) => value <= limit).length)
        const copy = new Samples(16)
        copy.restore(JSON.parse(JSON.stringify(samples.save())))
        expect(copy.quantile(0.3)).toBeCloseTo(samples.quantile(0.3) as number, 6)
      }),
      { numRuns: 300, seed: 4 },
    )
  })

  test('interpolates between samples, and knows nothing without any', () => {
    const samples = new Samples(4)
    expect(samples.quantile(0.5)).toBeUndefined()
    for (const value of [10, 30, Number.NaN]) samples.add(value)
    expect(samples.quantile(0.5)).toBe(20)
  })
})

describe('samples that heed changes', () => {
  const level = (mean: number, random: () => number) => mean + 10 * random()

  test('forget how things were after so many in a row that are unlike them, either way', () => {
    const random = seededRandom(2)
    const samples = new Samples(64, 5)
    for (let i = 0; i < 100; i++) samples.add(level(20, random))
    for (let i = 0; i < 4; i++) samples.add(level(200, random))
    expect(samples.count).toBe(64)
    samples.add(level(200, random))
    expect(samples.count).toBe(5)
    expect(samples.quantile(0.1)).toBeGreaterThanOrEqual(200)
    for (let i = 0; i < 20; i++) samples.add(level(200, random))
    for (let i = 0; i < 5; i++) samples.add(level(20, random))
    expect(samples.quantile(0.95)).toBeLessThan(31)
  })

  test('take outliers, and what never varies, as they are', () => {
    const samples = new Samples(64, 5)
    for (let i = 0; i < 64; i++) samples.add(i % 4 === 3 ? 500 : 20)
    expect(samples.count).toBe(64)
    const constant = new Samples(64, 5)
    for (let i = 0; i < 64; i++) constant.add(7)
    expect(constant.count).toBe(64)
  })

  test('forget by chance hardly ever', () => {
    const random = seededRandom(3)
    const samples = new Samples(64, 5)
    let forgotten = 0
    for (let i = 0; i < 20_000; i++) {
      samples.add(random())
      if (i > 64 && samples.count < 64 && samples.count === 5) forgotten++
    }
    // Two tails of 10⁻⁵ each, of a level that is estimated.
    expect(forgotten).toBeLessThanOrEqual(5)
  })
})
