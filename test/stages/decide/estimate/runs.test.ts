import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { RunTimes } from '../../../../stages/decide/index.ts'
import { normal } from '../support.ts'

describe('RunTimes', () => {
  test('is the reference until something ran', () => {
    const runs = new RunTimes()
    expect([runs.device('a'), runs.cloud('a', 'node')]).toEqual([1, 1])
  })

  test('heads and tails tell about the whole, whatever the noise', () => {
    const random = seededRandom(5)
    const runs = new RunTimes()
    for (let i = 0; i < 300; i++) {
      const share = 0.1 + 0.8 * random()
      runs.observeDevice('a', 10 * share, share, 60 * share * Math.exp(normal(random, 0, 0.1)))
      runs.observeCloud('a', 'node', 10 * (1 - share), 1 - share, 5 * (1 - share) * Math.exp(normal(random, 0, 0.1)))
    }
    expect(Math.abs(runs.device('a') - 6)).toBeLessThan(0.8)
    expect(Math.abs(runs.cloud('a', 'node') - 0.5)).toBeLessThan(0.07)
  })

  test('a device that has become slower is known for every model by the runs of one', () => {
    const runs = new RunTimes()
    for (let i = 0; i < 100; i++) {
      runs.observeDevice('a', 10, 1, 20)
      runs.observeDevice('b', 30, 1, 90)
    }
    const before = runs.device('b')
    for (let i = 0; i < 5; i++) runs.observeDevice('a', 10, 1, 80)
    expect(Math.abs(Math.log(runs.device('a') / 8))).toBeLessThan(0.15)
    expect(runs.device('b') / before).toBeGreaterThan(3)
  })

  test('unlike nodes are told apart, and one that nobody met is taken for all of them', () => {
    const runs = new RunTimes()
    for (let i = 0; i < 50; i++) {
      runs.observeCloud('a', 'fast', 10, 1, 5)
      runs.observeCloud('a', 'slow', 10, 1, 20)
    }
    expect(Math.abs(Math.log(runs.cloud('a', 'slow') / runs.cloud('a', 'fast') / 4))).toBeLessThan(0.1)
    const unknown = runs.cloud('a', 'new')
    expect(unknown).toBeGreaterThan(runs.cloud('a', 'fast'))
    expect(unknown).toBeLessThan(runs.cloud('a', 'slow') * 1.01)
  })

  test('a small head that took long hardly tells of the whole', () => {
    const runs = new RunTimes()
    for (let i = 0; i < 50; i++) runs.observeDevice('a', 10, 1, 10)
    runs.observeDevice('a', 0.05, 0.005, 5)
    expect(runs.device('a')).toBeLessThan(1.3)
  })

  test('nothing is learned from what did not run', () => {
    const runs = new RunTimes()
    runs.observeDevice('a', 0, 0, 3)
    runs.observeCloud('a', 'node', 10, 1, Number.NaN)
    expect([runs.runs.device, runs.runs.cloud]).toEqual([0, 0])
  })

  test('is the same after a restore', () => {
    const one = new RunTimes()
    one.observeDevice('a', 10, 1, 20, 1)
    one.observeCloud('b', 'node', 10, 1, 3)
    const two = new RunTimes()
    two.restore(JSON.parse(JSON.stringify(one.save())))
    expect([two.device('a'), two.device('a', 1), two.cloud('b', 'node'), two.cloud('b')]).toEqual([
      one.device('a'),
      one.device('a', 1),
      one.cloud('b', 'node'),
      one.cloud('b'),
    ])
  })
})
