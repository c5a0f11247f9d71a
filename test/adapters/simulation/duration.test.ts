import { mean, standardDeviation } from 'simple-statistics'
import { describe, expect, test } from 'vitest'
import { factors, type Variation } from '../../../adapters/simulation/duration.ts'
import { random } from '../../../adapters/simulation/random.ts'

const drawn = (of: Variation | undefined, count = 50_000) => {
  const next = factors(of, random(7, 'test'))
  return Array.from({ length: count }, next)
}

describe('what varies', () => {
  test('lognormally has mean 1 and the deviation it is told', () => {
    const values = drawn({ kind: 'lognormal', cv: 0.2 })
    expect(Math.abs(mean(values) - 1)).toBeLessThan(0.005)
    expect(Math.abs(standardDeviation(values) - 0.2)).toBeLessThan(0.005)
  })

  test('normally is never 0 or less', () => {
    const values = drawn({ kind: 'normal', cv: 1 })
    expect(Math.min(...values.slice(0, 10_000))).toBeGreaterThan(0)
    // Mean of a normal 1 ± 1 cut off at 0: 1 + φ(1)/Φ(1).
    expect(Math.abs(mean(values) - 1.2876)).toBeLessThan(0.01)
  })

  test('by a distribution function has its quantiles', () => {
    const values = drawn({
      kind: 'empirical',
      below: [
        [10, 0],
        [20, 0.5],
        [100, 1],
      ],
    }).sort((a, b) => a - b)
    const at = (share: number) => values[Math.floor(share * values.length)] as number
    expect(Math.abs(at(0.25) - 15)).toBeLessThan(0.3)
    expect(Math.abs(at(0.5) - 20)).toBeLessThan(0.8)
    expect(Math.abs(at(0.75) - 60)).toBeLessThan(1.5)
  })

  test('not at all is 1', () => {
    expect(new Set(drawn(undefined, 10))).toEqual(new Set([1]))
  })

  test('streams of one seed are unlike, of one seed and name alike', () => {
    const take = (seed: number, name: string) => Array.from({ length: 5 }, random(seed, name).uniform)
    expect(take(1, 'a')).toEqual(take(1, 'a'))
    expect(take(1, 'a')).not.toEqual(take(1, 'b'))
    expect(take(1, 'a')).not.toEqual(take(2, 'a'))
  })
})
