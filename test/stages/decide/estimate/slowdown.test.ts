import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { Slowdown, Slowdowns } from '../../../../stages/decide/index.ts'
import { normal } from '../support.ts'

describe('Slowdown', () => {
  test('is 1 until something was observed', () => {
    expect(new Slowdown().factor).toBe(1)
  })

  test('settles on what is observed, however noisy', () => {
    const random = seededRandom(9)
    const slowdown = new Slowdown()
    for (let i = 0; i < 200; i++) slowdown.observe(10, 30 * Math.exp(normal(random, 0, 0.1)))
    expect(Math.abs(slowdown.factor - 3)).toBeLessThan(0.45)
    expect(slowdown.deviation).toBeLessThan(0.15)
  })

  test.each([10, 0.1])('follows a step to %d within three observations', (step) => {
    const slowdown = new Slowdown()
    for (let i = 0; i < 100; i++) slowdown.observe(10, 10)
    for (let i = 0; i < 3; i++) slowdown.observe(10, 10 * step)
    expect(Math.abs(Math.log(slowdown.factor / step))).toBeLessThan(0.2)
  })

  test('a guess that was wrong is hardly taken for a slowdown once the resource is known', () => {
    const slowdown = new Slowdown()
    for (let i = 0; i < 50; i++) slowdown.observe(10, 20)
    slowdown.observe(10, 200, 0.25)
    expect(slowdown.factor).toBeLessThan(2.3)
  })

  test('ignores what cannot be a ratio', () => {
    const slowdown = new Slowdown()
    for (const [predicted, observed] of [
      [0, 5],
      [5, 0],
      [5, -1],
      [Number.NaN, 1],
    ] as const)
      slowdown.observe(predicted, observed)
    expect(slowdown.factor).toBe(1)
  })

  test('resources are apart, and the same after a restore', () => {
    const one = new Slowdowns()
    one.cloud.observe(10, 20)
    expect([one.device.factor, one.uplink.factor]).toEqual([1, 1])
    const two = new Slowdowns()
    two.restore(JSON.parse(JSON.stringify(one.save())))
    expect(two.cloud.factor).toBe(one.cloud.factor)
  })
})
