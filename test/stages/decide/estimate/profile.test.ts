import { describe, expect, test } from 'vitest'
import { BadConfiguration } from '../../../../pipeline/index.ts'
import { Profile } from '../../../../stages/decide/index.ts'

describe('Profile', () => {
  test('is the guess before the first sample and that sample after it', () => {
    const profile = new Profile({ guess: 30 })
    expect([profile.mean, profile.deviation, profile.quantile(0.95)]).toEqual([30, 0, 30])
    profile.observe(12)
    expect([profile.mean, profile.deviation]).toEqual([12, 0])
  })

  test('follows as MDInference publishes it: μ by half the error, σ² by half of σ² and half the squared error', () => {
    const profile = new Profile()
    for (const ms of [10, 14, 12]) profile.observe(ms)
    // μ: 10 → 12 → 12; σ²: 0 → 0.5 · (0 + 0.5 · 16) = 4 → 0.5 · 4 = 2
    expect(profile.mean).toBe(12)
    expect(profile.deviation).toBeCloseTo(Math.SQRT2, 12)
  })

  test('leaves a cold sample out, and believes a second one in a row', () => {
    const profile = new Profile()
    for (let i = 0; i < 10; i++) profile.observe(20 + (i % 2))
    const before = profile.mean
    expect(profile.observe(500)).toBe(false)
    expect(profile.mean).toBe(before)
    expect(profile.observe(500)).toBe(true)
    expect(profile.mean).toBeGreaterThan(200)
  })

  test('a sample that is far below is never cold', () => {
    const profile = new Profile()
    for (let i = 0; i < 10; i++) profile.observe(200 + (i % 2))
    expect(profile.observe(1)).toBe(true)
  })

  test('tells quantiles of the last samples', () => {
    const profile = new Profile({ keep: 20 })
    for (let i = 0; i < 21; i++) profile.observe(i)
    expect(profile.quantile(0)).toBe(1)
    expect(profile.quantile(1)).toBe(20)
  })

  test('is the same after a restore, and refuses what it did not save', () => {
    const one = new Profile()
    for (const ms of [5, 6, 9]) one.observe(ms)
    const two = new Profile()
    two.restore(JSON.parse(JSON.stringify(one.save())))
    expect([two.mean, two.deviation, two.quantile(0.5), two.count]).toEqual([
      one.mean,
      one.deviation,
      one.quantile(0.5),
      one.count,
    ])
    expect(() => two.restore({ mean: 'fast' })).toThrow(BadConfiguration)
  })
})
