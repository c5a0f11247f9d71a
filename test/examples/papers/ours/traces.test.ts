import { expect, test } from 'vitest'
import { judgedTraces } from '../../../../examples/papers/ours/traces.ts'

test('without recorded links there is nothing that the planner is held to on them', () => {
  expect(judgedTraces([])).toEqual([])
})
