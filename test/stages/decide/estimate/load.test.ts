import { describe, expect, test } from 'vitest'
import { Contention, LoadEstimate } from '../../../../stages/decide/index.ts'

describe('LoadEstimate', () => {
  test('is 1 until a node says otherwise, and then what it said', () => {
    const load = new LoadEstimate()
    expect(load.factor(0)).toBe(1)
    load.observe('a', 4, 100)
    expect(load.factor(100)).toBeCloseTo(4, 9)
    expect(load.age(150)).toBe(50)
  })

  test('what was said long ago decays towards the long-run mean of that node, not to idle', () => {
    const load = new LoadEstimate({ relax: 1000, horizon: 10_000 })
    for (let i = 0; i < 2000; i++) load.observe('a', 3, i * 100)
    load.observe('a', 30, 200_000)
    expect(load.factor(200_000)).toBeCloseTo(30, 6)
    expect(load.factor(201_000)).toBeLessThan(30)
    expect(Math.abs(load.factor(220_000) - 3)).toBeLessThan(0.5)
  })

  test('many replies within a moment do not outweigh a long time', () => {
    const load = new LoadEstimate({ relax: 1, horizon: 10_000 })
    for (let i = 0; i < 1000; i++) load.observe('a', 1, i * 100)
    for (let i = 0; i < 100; i++) load.observe('a', 50, 100_000 + i * 0.1)
    expect(load.factor(200_000)).toBeLessThan(2)
  })

  test('nodes are apart; one that was never heard of is taken for the latest', () => {
    const load = new LoadEstimate()
    load.observe('a', 8, 0)
    load.observe('b', 2, 1)
    expect([load.factor(1, 'a'), load.factor(1, 'b'), load.factor(1, 'c')].map((k) => Math.round(k * 10) / 10)).toEqual(
      [8, 2, 2],
    )
  })

  test('remembers only so many nodes, the latest', () => {
    const load = new LoadEstimate({ remember: 2 })
    for (const [at, node] of ['a', 'b', 'c'].entries()) load.observe(node, 5, at)
    expect(load.age(10, 'a')).toBe(Number.POSITIVE_INFINITY)
    expect(load.age(10, 'b')).toBe(9)
  })

  test('the same fact told twice, and what is no load, change nothing', () => {
    const load = new LoadEstimate()
    load.observe('a', 4, 100)
    const before = JSON.stringify(load.save())
    for (const k of [Number.NaN, Number.POSITIVE_INFINITY, 0, -3]) load.observe('a', k, 200)
    load.observe('a', 4, 100)
    expect(JSON.stringify(load.save())).toBe(before)
  })

  test('is never below 1', () => {
    const load = new LoadEstimate()
    load.observe('a', 0.2, 0)
    expect(load.factor(0)).toBe(1)
  })

  test('after a restore knows the long run, and that it is stale', () => {
    const one = new LoadEstimate()
    for (let i = 0; i < 50; i++) one.observe('a', 4, i * 60_000)
    const two = new LoadEstimate()
    two.restore(JSON.parse(JSON.stringify(one.save())))
    expect(Math.abs(two.factor(0) - 4)).toBeLessThan(0.3)
    expect(two.age(0)).toBe(Number.POSITIVE_INFINITY)
    two.observe('a', 1, 5)
    expect(two.factor(5)).toBeCloseTo(1, 9)
  })
})

describe('Contention', () => {
  test('tells a busy resource from an idle one, and takes what was never met for the nearest that was', () => {
    const contention = new Contention()
    for (let i = 0; i < 100; i++) {
      contention.observe(0, 10, 10)
      contention.observe(2, 10, 30)
    }
    expect(contention.factor(0)).toBeCloseTo(1, 1)
    expect(contention.factor(2)).toBeCloseTo(3, 1)
    expect(contention.factor(1)).toBeCloseTo(1, 1)
    expect(contention.factor(50)).toBeCloseTo(3, 1)
  })

  test('is the same after a restore', () => {
    const one = new Contention()
    one.observe(1, 10, 25)
    const two = new Contention()
    two.restore(JSON.parse(JSON.stringify(one.save())))
    expect(two.factor(0)).toBe(one.factor(0))
  })
})
