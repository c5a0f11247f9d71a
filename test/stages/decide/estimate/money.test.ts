import { expect, test } from 'vitest'
import { BadConfiguration } from '../../../../pipeline/index.ts'
import { Money } from '../../../../stages/decide/estimate/money.ts'

test('a thousand requests cost what their requests, seconds and gigabytes cost', () => {
  const money = new Money({ request: 0.0002, second: 0.0001, gigabyte: 0.09 })
  // 1,000 · 0.0002 + 50 s · 0.0001 + 0.5 GB · 0.09
  expect(money.per1000(500_000, 50)).toBeCloseTo(0.2 + 0.005 + 0.045)
})

test('nothing costs anything unless it has a price, and no price is below 0', () => {
  expect(new Money().per1000(1e6, 1000)).toBe(0)
  expect(() => new Money({ request: -1 })).toThrow(BadConfiguration)
})
