import { describe, expect, test } from 'vitest'
import {
  edgeModels,
  mapped,
  nextUses,
  policies,
  type ReplayModel,
  replay,
} from '../../../examples/papers/edge-models/index.ts'
import { assets, needsAssets } from '../../support/assets.ts'

const model = (name: string, bytes: number, loadMs: number): ReplayModel => ({ name, bytes, loadMs, runMs: 1 })
const requests = (...asked: readonly (readonly [at: number, model: number])[]) => ({
  at: Float64Array.from(asked, ([at]) => at),
  model: Uint16Array.from(asked, ([, model]) => model),
})

describe('a replay', () => {
  test('a miss waits for the load, who comes meanwhile for the rest of it, and a hit for nothing', () => {
    const asked = requests([0, 0], [40, 0], [100, 0], [200, 0])
    expect(replay(asked, [model('a', 1, 100)], 1, policies.lru)).toEqual({ meanDelay: (100 + 60) / 4, missRate: 1 / 4 })
  })

  test('what its policy says goes: the oldest for LRU, what is asked for last for Belady', () => {
    const models = [model('a', 1, 10), model('b', 1, 10), model('c', 1, 10)]
    const asked = requests([0, 0], [1_000, 1], [2_000, 2], [3_000, 0], [4_000, 1])
    // c takes the place of a, a that of b, b that of c.
    expect(replay(asked, models, 2, policies.lru).missRate).toBe(1)
    // c takes the place of b, asked for after a; a is still there.
    expect(replay(asked, models, 2, policies.belady).missRate).toBe(4 / 5)
  })

  test('a model larger than the memory is loaded each time, and drives nothing out', () => {
    const asked = requests([0, 0], [1_000, 1], [2_000, 0], [3_000, 1])
    expect(replay(asked, [model('small', 1, 10), model('large', 3, 10)], 2, policies.lru).missRate).toBe(3 / 4)
  })

  test('knows of each request when its model is asked for next', () => {
    expect([...nextUses(Uint16Array.of(0, 1, 0, 0), 2)]).toEqual([2, 4, 3, 4])
  })
})

test('requests are those of the functions between the rarest and the busiest, in order, each function with one model', () => {
  const minutes = (count: number) => [count, 0, count]
  const { at, model } = mapped([[1, 0, 0], minutes(2), minutes(3), minutes(50)], 2, 7, 1)
  expect(at.length).toBe(2 * (2 + 3))
  expect([...at]).toEqual([...at].sort((a, b) => a - b))
  expect(at.every((time) => time < 60_000 || time >= 120_000)).toBe(true)
  const counts = [0, 1].map((each) => model.filter((one) => one === each).length)
  expect(counts.sort()).toEqual([4, 6])
})

describe(`CremeBrulee’s simulation${needsAssets}`, () => {
  test.skipIf(assets === undefined)('its ordering holds, and the default policy keeps its promises', async () => {
    const { rows } = await edgeModels({ seeds: 2, quick: true, assets })
    const aimed = rows.filter(({ aim }) => aim !== '')
    expect(aimed.length).toBeGreaterThan(10)
    expect(aimed.filter(({ holds }) => !holds)).toEqual([])
  })
})

test('without the recorded workload the paper says so, and claims nothing', async () => {
  const { rows, remarks } = await edgeModels({ seeds: 1, quick: true, assets: undefined })
  expect(rows).toEqual([])
  expect(remarks).toHaveLength(1)
})
