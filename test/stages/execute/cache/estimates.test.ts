import { expect, it } from 'vitest'
import { LoadEstimates } from '../../../../stages/execute/cache/estimates.ts'
import { modelOf } from './fake-host.ts'

const [a, b] = [modelOf('a', 100), modelOf('b', 50)]

it('before any load the file’s size times a first ratio is expected, and no time', () => {
  const estimates = new LoadEstimates(1.5)
  expect([estimates.bytes(a), estimates.ms(a)]).toEqual([150, undefined])
})

it('a model that was loaded is expected to take what it took', () => {
  const estimates = new LoadEstimates(1.5)
  estimates.loaded(a, { ms: 20, residentBytes: 400 })
  expect([estimates.bytes(a), estimates.ms(a)]).toEqual([400, 20])
  estimates.loaded(a, { ms: 10, residentBytes: 200 })
  expect([estimates.bytes(a), estimates.ms(a)]).toEqual([300, 15])
})

it('the others learn from it: the ratio moves towards 4, and the time goes with the size', () => {
  const estimates = new LoadEstimates(1.5)
  estimates.loaded(a, { ms: 20, residentBytes: 400 })
  expect(estimates.bytes(b)).toBeCloseTo(50 * (1.5 + 0.1 * 2.5))
  expect(estimates.ms(b)).toBe(10)
})
