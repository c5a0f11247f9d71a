import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
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
