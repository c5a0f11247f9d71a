import { expect, it } from 'vitest'
import { Arrivals } from '../../../../stages/execute/cache/arrivals.ts'

const minute = 60_000
const after = (gaps: readonly number[]) => {
  const arrivals = new Arrivals({ bin: minute, bins: 240 })
  for (const gap of gaps) arrivals.add(gap * minute)
  return arrivals.window()
}

it('a model asked for every half hour is due shortly before: 0.9 × the 5th percentile', () => {
  expect(after([30, 30, 30, 30, 30])).toEqual({ from: 27 * minute, expected: 30.5 * minute, until: 1.1 * 31 * minute })
})

it('times that spread over all bins predict nothing', () => {
  expect(after(Array.from({ length: 240 }, (_, bin) => bin + 0.5))).toBeUndefined()
})

it('times mostly out of range predict nothing', () => {
  expect(after([30, 30, 300, 300, 300])).toBeUndefined()
})

it('a few times predict nothing', () => {
  expect(after([30, 30, 30])).toBeUndefined()
})

it('a model asked for all the time is not prefetched', () => {
  expect(after([0.1, 0.1, 0.1, 0.1, 0.1, 0.1])).toBeUndefined()
})
