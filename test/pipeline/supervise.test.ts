import { describe, expect, it } from 'vitest'
import { RestartBudget } from '../../pipeline/index.ts'
import { fakeClock } from '../../pipeline/testing/index.ts'

describe('a restart budget', () => {
  it('makes each pause longer by its factor, up to the longest', () => {
    const policy = { restarts: 10, within: 1000, backoff: 10, factor: 3, longest: 100 }
    const budget = new RestartBudget(policy, fakeClock())
    expect([1, 2, 3, 4, 5].map(() => budget.crashed())).toEqual([10, 30, 90, 100, 100])
    expect(budget.restarts).toBe(5)
  })

  it('gives up at one crash more than it allows, and counts no restart for it', () => {
    const budget = new RestartBudget({ restarts: 2 }, fakeClock())
    expect([budget.crashed(), budget.crashed(), budget.crashed()]).toEqual([50, 100, undefined])
    expect(budget.restarts).toBe(2)
  })

  it('forgets crashes that lie further back than its window, and starts over with short pauses', async () => {
    const clock = fakeClock()
    const budget = new RestartBudget({ restarts: 1, within: 1000 }, clock)
    expect(budget.crashed()).toBe(50)
    await clock.advance(1001)
    expect(budget.crashed()).toBe(50)
    expect(budget.crashed()).toBeUndefined()
  })

  it('of no restarts gives up at the first crash', () => {
    expect(new RestartBudget({ restarts: 0 }, fakeClock()).crashed()).toBeUndefined()
  })
})
