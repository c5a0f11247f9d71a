import { expect, test } from 'vitest'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { Calibration } from '../../../../stages/decide/estimate/calibration.ts'

test('what is assumed of scores agrees with the accuracy of the model over all of them', () => {
  const scores = new Calibration(0.7)
  const random = seededRandom(1)
  for (let i = 0; i < 400; i++) scores.see(0.5 + random() / 2)
  const { share, accepted, rejected } = scores.at(0.8)
  expect(share * accepted + (1 - share) * rejected).toBeCloseTo(0.7, 1)
  expect(accepted).toBeGreaterThan(rejected)
})

test('a model that is sure of itself without reason is found out', () => {
  const scores = new Calibration(0.6)
  const random = seededRandom(2)
  for (let i = 0; i < 400; i++) {
    scores.see(0.95)
    scores.check(0.95, random() < 0.4)
  }
  expect(scores.of(0.95)).toBeGreaterThan(0.3)
  expect(scores.of(0.95)).toBeLessThan(0.5)
})

test('scores that are none are ignored, and what was learned survives a save', () => {
  const scores = new Calibration(0.6)
  for (const score of [Number.NaN, -1, 2]) scores.see(score)
  expect(scores.count).toBe(0)
  for (let i = 0; i < 2000; i++) scores.see((i % 10) / 10)
  const again = new Calibration(0.6)
  again.restore(JSON.parse(JSON.stringify(scores.save())))
  expect(again.at(0.5)).toEqual(scores.at(0.5))
  expect(scores.count).toBeLessThanOrEqual(501)
})
