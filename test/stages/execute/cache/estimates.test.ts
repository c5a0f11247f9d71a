import { describe, expect, test } from 'vitest'
import { LoadEstimates } from '../../../../stages/execute/cache/estimates.ts'
import { modelOf } from './fake-host.ts'

const [a, b] = [modelOf('a', 100), modelOf('b', 50)]

test('before any load the file’s size times a first ratio is expected, and no time', () => {
  const estimates = new LoadEstimates(1.5)
  expect([estimates.bytes(a), estimates.ms(a)]).toEqual([150, undefined])
})

test('a model that was loaded is expected to take what it took', () => {
  const estimates = new LoadEstimates(1.5)
  estimates.loaded(a, { ms: 20, residentBytes: 400 })
  expect([estimates.bytes(a), estimates.ms(a)]).toEqual([400, 20])
  estimates.loaded(a, { ms: 10, residentBytes: 200 })
  expect([estimates.bytes(a), estimates.ms(a)]).toEqual([300, 15])
})

describe('a model never loaded', () => {
  test('is expected to need the base and the slope that the loads of unlike files have shown', () => {
    const estimates = new LoadEstimates(1.5)
    for (const size of [10, 40, 20, 80]) {
      estimates.loaded(modelOf(`of ${size}`, size), { ms: 2 + size / 10, residentBytes: 30 + 1.1 * size })
    }
    expect(estimates.bytes(modelOf('large', 1_000))).toBeCloseTo(1_130)
    expect(estimates.ms(modelOf('large', 1_000))).toBeCloseTo(102)
  })

  test('is not thought enormous because small ones need many times their file', () => {
    const estimates = new LoadEstimates(1.5)
    for (let each = 0; each < 5; each++) {
      estimates.loaded(modelOf(`small ${each}`, 10), { ms: 1, residentBytes: 100 })
    }
    expect(estimates.bytes(modelOf('large', 1_000))).toBeCloseTo(85 + 1_500)
  })

  test('is expected to take time by its size where the others were alike', () => {
    const estimates = new LoadEstimates(1.5)
    estimates.loaded(a, { ms: 20, residentBytes: 400 })
    expect(estimates.ms(b)).toBe(10)
  })
})
