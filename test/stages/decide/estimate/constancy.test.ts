import { expect, test } from 'vitest'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { Constancy } from '../../../../stages/decide/estimate/constancy.ts'

test('the rate of change of a stream is found from whether its answers agree', () => {
  const constancy = new Constancy()
  const random = seededRandom(4)
  let label = 0
  for (let i = 0; i < 3000; i++) {
    if (random() < 0.02) label++
    constancy.observe('s', String(label), 0.9, i * 100)
  }
  // 0.02 in 100 ms
  expect(constancy.rate('s')).toBeGreaterThan(0.0001)
  expect(constancy.rate('s')).toBeLessThan(0.0004)
})

test('an answer is worth less the older it gets, never more than its model, and nothing before the first', () => {
  const constancy = new Constancy()
  expect(constancy.accuracy('s', 0)).toBe(0)
  for (let i = 0; i < 10; i++) constancy.observe('s', 'cat', 0.9, i * 100)
  const ages = [900, 1000, 2000, 10_000].map((now) => constancy.accuracy('s', now))
  expect(ages[0]).toBeCloseTo(0.9)
  expect([...ages].sort((a, b) => b - a)).toEqual(ages)
})

test('sources do not teach each other, and rates survive a save', () => {
  const constancy = new Constancy()
  for (let i = 0; i < 100; i++) constancy.observe('still', 'cat', 0.9, i * 100)
  for (let i = 0; i < 100; i++) constancy.observe('wild', String(i), 0.9, i * 100)
  expect(constancy.rate('wild')).toBeGreaterThan(20 * constancy.rate('still'))
  const again = new Constancy()
  again.restore(JSON.parse(JSON.stringify(constancy.save())))
  expect(again.rate('wild')).toBe(constancy.rate('wild'))
})
