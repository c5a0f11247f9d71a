import { describe, expect, test } from 'vitest'
import { RunTimes } from '../../../stages/execute/run-times.ts'

/** Times of a model for which t(n) = a + b·n, seen for the given sizes in turns. */
function learned(a: number, b: number, sizes: readonly number[], runs = 60): RunTimes {
  const times = new RunTimes()
  for (let run = 0; run < runs; run++) {
    const n = sizes[run % sizes.length] as number
    times.add(n, a + b * n)
  }
  return times
}

describe('what runs take', () => {
  test('is unknown before the first', () => {
    const times = new RunTimes()
    expect(times.mean()).toBeUndefined()
    expect(times.p99()).toBeUndefined()
    expect(times.worthwhile(32)).toBe(1)
  })

  test('base and slope are found from runs of different sizes, and sizes in between follow', () => {
    const times = learned(3, 0.5, [1, 4, 8])
    expect(times.mean(1)).toBeCloseTo(3.5, 6)
    expect(times.mean(6)).toBeCloseTo(6, 6)
  })

  test('runs of one size promise nothing of larger ones: twice as many take twice as long', () => {
    expect(learned(3, 1, [1]).mean(2)).toBeCloseTo(8, 6)
  })

  test('a model that has become slower is believed within a hundred runs', () => {
    const times = learned(0, 5, [1])
    for (let run = 0; run < 100; run++) times.add(1, 20)
    expect(times.mean()).toBeGreaterThan(17.5)
  })

  test('the tail is what 99 of 100 runs do not exceed', () => {
    const times = new RunTimes()
    for (let run = 0; run < 400; run++) times.add(1, run % 20 === 0 ? 30 : 10)
    expect(times.mean()).toBeGreaterThan(10)
    expect(times.p99()).toBeGreaterThan(24)
  })

  test('falling or negative lines are not believed', () => {
    const times = new RunTimes()
    for (let run = 0; run < 50; run++) {
      times.add(1, 10)
      times.add(8, 4)
    }
    expect(times.mean(64)).toBeGreaterThan(0)
    expect(times.mean(64)).toBeCloseTo(times.mean(1) as number, 6)
  })
})

describe('the worthwhile batch', () => {
  test('is reached by doubling, so that larger sizes are tried one step at a time', () => {
    const times = new RunTimes()
    const tried: number[] = []
    for (let run = 0; run < 6; run++) {
      const n = times.worthwhile(16)
      tried.push(n)
      times.add(n, 10)
    }
    expect(tried).toEqual([1, 2, 4, 8, 16, 16])
  })

  test('is one where a batch saves nothing', () => {
    expect(learned(0, 5, [1, 2]).worthwhile(32)).toBe(1)
  })

  test('is the smallest that comes within 5 % of the best rate', () => {
    // 12 + n for n of at most 8: 8 ÷ 20 = 0.4 a ms at best; 0.38 is reached from 7.35 on.
    expect(learned(12, 1, [1, 8]).worthwhile(8)).toBe(8)
    // 1 + n for n of at most 64: 64 ÷ 65 at best; 0.9354 is reached from 14.5 on.
    expect(learned(1, 1, [1, 64]).worthwhile(64)).toBe(15)
  })
})
