import { expect, test } from 'vitest'
import { type Aim, row } from '../../../examples/papers/rows.ts'

test.each<[number | string, number | string | undefined, Aim, boolean, string]>([
  [0.98, undefined, { atLeast: 0.98 }, true, '≥ 0.98'],
  [0.979, undefined, { atLeast: 0.98 }, false, '≥ 0.98'],
  [1.01, undefined, { atMost: 1 }, false, '≤ 1'],
  [95, 100, { withinShare: 0.05 }, true, 'within 5 %'],
  [94.9, 100, { withinShare: 0.05 }, false, 'within 5 %'],
  [72, 73.6, { within: 1.5 }, false, 'within 1.5'],
  ['pool5', 'pool5', { equal: true }, true, 'equal'],
  ['input', 'pool5', { equal: true }, false, 'equal'],
])('%s beside %s is held against its aim', (ours, published, aim, holds, words) => {
  const made = row('t', 'p', ours, { ...(published === undefined ? {} : { published }), aim })
  expect(made.holds).toBe(holds)
  expect(made.aim).toBe(words)
})

test('a figure without a published one beside it never counts as near it', () => {
  expect(row('t', 'p', 3, { aim: { within: 5 } })).toMatchObject({ published: null, difference: null, holds: false })
})

test('a bound is judged on the figure as it is, not as it is printed', () => {
  expect(row('t', 'p', 1.00001, { aim: { atMost: 1 } })).toMatchObject({ ours: 1, holds: false })
})
