import { expect, test } from 'vitest'
import { Overhead } from '../../../stages/execute/overhead.ts'

test('the way there and back is not mistaken for what else the thread was busy with', () => {
  const overhead = new Overhead()
  expect(overhead.ms).toBe(0)
  for (let run = 0; run < 64; run++) overhead.add(run % 2 === 0 ? 0.25 : 300)
  expect(overhead.ms).toBeCloseTo(0.25)
  for (let run = 0; run < 64; run++) overhead.add(1)
  expect(overhead.ms).toBe(1)
  overhead.add(-5)
  expect(overhead.ms).toBeGreaterThanOrEqual(0)
})
