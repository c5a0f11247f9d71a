import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BadConfiguration } from '../../../../pipeline/index.ts'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { LinearBandit } from '../../../../stages/decide/baselines/bandit.ts'
import { ForcedSampling } from '../../../../stages/decide/baselines/forced.ts'

describe('a linear bandit', () => {
  test('is A⁻¹b with A = I + Σxxᵀ, computed by hand', () => {
    const bandit = new LinearBandit(2)
    bandit.observe(Float64Array.of(1, 0), 10)
    bandit.observe(Float64Array.of(1, 1), 14)
    // A = [[3, 1], [1, 2]], A⁻¹ = [[2, −1], [−1, 3]] / 5, b = [24, 14]: θ = [34, 18] / 5
    expect(bandit.mean(Float64Array.of(1, 0))).toBeCloseTo(34 / 5, 12)
    expect(bandit.mean(Float64Array.of(0, 1))).toBeCloseTo(18 / 5, 12)
    expect(bandit.width(Float64Array.of(1, 0))).toBeCloseTo(Math.sqrt(2 / 5), 12)
    expect(bandit.width(Float64Array.of(1, 1))).toBeCloseTo(Math.sqrt(3 / 5), 12)
  })

  test('knows more of a direction with every observation of it, never less, and stays finite over 100,000 of one', () => {
    const random = seededRandom(5)
    const bandit = new LinearBandit(4)
    const probe = Float64Array.of(0.5, 0.5, 0.5, 0.5)
    let before = bandit.width(probe)
    for (let i = 0; i < 100_000; i++) {
      bandit.observe(i < 1000 ? Float64Array.from({ length: 4 }, random) : probe, 100)
      if (i % 1000 > 0) continue
      const after = bandit.width(probe)
      expect(after).toBeLessThanOrEqual(before)
      before = after
    }
    expect(bandit.mean(probe)).toBeCloseTo(100, 0)
  })

  test('ignores what is not finite, and refuses what it did not save', () => {
    const bandit = new LinearBandit(2)
    bandit.observe(Float64Array.of(1, Number.NaN), 1)
    bandit.observe(Float64Array.of(1, 1), Number.POSITIVE_INFINITY)
    expect(bandit.count).toBe(0)
    expect(() => bandit.restore(new LinearBandit(3).save())).toThrow(BadConfiguration)
    expect(() => bandit.restore('x')).toThrow(BadConfiguration)
  })
})

describe('forced sampling', () => {
  test('comes every ⌈T^µ⌉ messages of a phase, T doubling', () => {
    const forced = new ForcedSampling({ mu: 0.25, horizon: 16 })
    const at = Array.from({ length: 16 + 32 + 64 }, (_, i) => (forced.next() ? i + 1 : 0)).filter(Boolean)
    const phase = (from: number, length: number, every: number) =>
      Array.from({ length: Math.floor(length / every) }, (_, i) => from + (i + 1) * every)
    expect(at).toEqual([...phase(0, 16, 2), ...phase(16, 32, 3), ...phase(48, 64, 3)])
  })

  test('never stops, and becomes rarer', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.05, max: 0.9, noNaN: true }), fc.integer({ min: 1, max: 100 }), (mu, horizon) => {
        const forced = new ForcedSampling({ mu, horizon })
        let pause = 0
        for (let i = 1; i <= 5000; i++) {
          pause = forced.next() ? 0 : pause + 1
          // A phase is at most twice what has passed, or the first; a pause may straddle two.
          expect(pause).toBeLessThan(2 * Math.ceil(Math.max(horizon, 2 * i) ** mu))
        }
      }),
      { numRuns: 50, seed: 2 },
    )
  })
})
