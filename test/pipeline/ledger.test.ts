import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Ledger } from '../../pipeline/index.ts'

describe('ledger', () => {
  it('is balanced after whatever sequence of opens and settlements: in = results + failures + dropped + in flight', () => {
    const id = fc.integer({ min: 0, max: 5 }).map(String)
    const step = fc.oneof(
      fc.record({ id, as: fc.constant('open' as const) }),
      fc.record({ id, as: fc.constantFrom('message' as const, 'failure' as const, 'dropped' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const ledger = new Ledger()
        let opened = 0
        let settled = 0
        for (const { id, as } of steps) {
          if (as === 'open') opened += Number(ledger.open(id))
          else settled += Number(ledger.settle(id, as))
          const { in: taken, results, failures, dropped } = ledger.counts
          expect(taken).toBe(opened)
          expect(results + failures + dropped).toBe(settled)
          expect(ledger.inFlight).toBe(opened - settled)
        }
      }),
    )
  })

  it('counts a message of an id in flight once, and its second end not at all', () => {
    const ledger = new Ledger()
    expect([ledger.open('a'), ledger.open('a')]).toEqual([true, false])
    expect([ledger.settle('a', 'message'), ledger.settle('a', 'failure')]).toEqual([true, false])
    expect(ledger.counts).toEqual({ in: 1, results: 1, failures: 0, dropped: 0 })
  })

  it('takes an id again once its message is settled', () => {
    const ledger = new Ledger()
    ledger.open('a')
    ledger.settle('a', 'dropped')
    expect(ledger.open('a')).toBe(true)
    expect(ledger.counts).toEqual({ in: 2, results: 0, failures: 0, dropped: 1 })
  })
})
