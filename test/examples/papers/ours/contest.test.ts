import { describe, expect, test } from 'vitest'
import {
  type Contest,
  leader,
  lossBeside,
  lossMap,
  oracle,
  regretPlots,
  regrets,
} from '../../../../examples/papers/ours/contest.ts'
import type { Trial } from '../../../../examples/papers/ours/play.ts'

const trial = (value: number, bound: number): Trial => ({
  value,
  warmUp: value,
  bound,
  series: new Float64Array(20).fill(value),
  figures: {},
})

const contest = (counts: 'gain' | 'cost', values: Readonly<Record<string, number>>, bound: number): Contest => ({
  ground: 'a ground',
  name: 'a setting',
  counts,
  unit: 'units',
  runs: new Map(Object.entries(values).map(([policy, value]) => [policy, [trial(value, bound), trial(value, bound)]])),
})

describe('the loss map', () => {
  test('holds everybody against whoever is best there, the oracle apart, of gains and of costs', () => {
    const gains = contest('gain', { one: 0.6, other: 0.8, [oracle]: 0.9 }, 1)
    const costs = contest('cost', { one: 60, other: 80, [oracle]: 50 }, 40)
    expect([leader(gains), leader(costs)]).toEqual(['other', 'one'])
    expect(lossMap([gains, costs]).map(({ point, ours }) => [point, ours])).toEqual([
      ['a setting: one (share)', 0.25],
      ['a setting: other (share)', 0],
      ['a setting: one (share)', 0],
      ['a setting: other (share)', 0.3333],
    ])
  })

  test('a policy that beats the oracle has less than no regret', () => {
    expect(lossBeside(contest('cost', { one: 40, [oracle]: 50 }, 40), 'one', oracle).value).toBeCloseTo(-0.2)
    expect(lossBeside(contest('gain', { one: 0.99, [oracle]: 0.9 }, 1), 'one', oracle).value).toBeCloseTo(-0.1)
  })
})

test('regret grows with the frames, in frames of the oracle', () => {
  const made = contest('cost', { one: 75, [oracle]: 50 }, 40)
  const rows = regrets([made]).map(({ ours }) => ours)
  expect(rows).toEqual([0.5, 0.875])
  const [plot] = regretPlots([made])
  expect(plot?.option).toMatchObject({
    series: [
      {
        name: 'one',
        data: [
          [10, 5],
          [20, 10],
        ],
      },
    ],
  })
})
