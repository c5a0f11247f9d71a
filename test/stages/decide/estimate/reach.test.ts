import { expect, test } from 'vitest'
import { Reach } from '../../../../stages/decide/estimate/reach.ts'

test('who failed three times in a row is hardly counted on, and again after a while', () => {
  const reach = new Reach()
  for (let i = 0; i < 3; i++) reach.observe('any', false, i)
  expect(reach.chance('any', 3)).toBeLessThan(0.25)
  expect(reach.chance('any', 60_000)).toBeGreaterThan(0.95)
})

test('one answer that was late says nothing, two in a row do', () => {
  const reach = new Reach()
  reach.late('any', 0)
  expect(reach.chance('any', 0)).toBe(1)
  reach.late('any', 1)
  expect(reach.chance('any', 1)).toBeLessThan(0.7)
  reach.observe('any', true, 2)
  reach.late('any', 3)
  expect(reach.chance('any', 3)).toBeGreaterThan(0.8)
})

test('a sign of life later than the failures clears them, an earlier one does not', () => {
  const reach = new Reach()
  reach.observe('node:a', false, 100)
  reach.alive('node:a', 50)
  expect(reach.chance('node:a', 100)).toBeCloseTo(0.6)
  reach.alive('node:a', 101)
  expect(reach.chance('node:a', 101)).toBe(1)
})

test('failures that were saved are old when they are restored', () => {
  const reach = new Reach()
  reach.observe('any', false, 1e9)
  const again = new Reach()
  again.restore(JSON.parse(JSON.stringify(reach.save())))
  expect(again.chance('any', 0)).toBe(1)
})
