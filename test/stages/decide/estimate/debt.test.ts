import { expect, test } from 'vitest'
import { Debt } from '../../../../stages/decide/estimate/debt.ts'

const servers = { device: 1, uplink: 1, cloud: 2 }

test('a stream that a resource keeps up with leaves no debt', () => {
  const debt = new Debt(servers)
  for (let i = 0; i < 100; i++) {
    debt.pass(i * 33)
    expect(debt.device).toBe(0)
    debt.add(30, 10, 5)
  }
})

test('what is asked for beyond a resource is owed, a frame interval after another', () => {
  const debt = new Debt(servers)
  for (let i = 0; i < 11; i++) {
    debt.pass(i * 33)
    debt.add(50, 0, 0)
  }
  debt.pass(11 * 33)
  expect(debt.device).toBeCloseTo(11 * (50 - 33))
})

test('two servers owe half, and no debt grows without bound', () => {
  const debt = new Debt(servers)
  debt.pass(0)
  debt.add(0, 0, 100)
  expect(debt.cloud).toBe(50)
  for (let i = 0; i < 1000; i++) debt.add(1000, 0, 0)
  expect(debt.device).toBeLessThanOrEqual(10_000)
})

test('a clock that goes back pays nothing off', () => {
  const debt = new Debt(servers)
  debt.pass(100)
  debt.add(50, 0, 0)
  debt.pass(90)
  expect(debt.device).toBe(50)
})
