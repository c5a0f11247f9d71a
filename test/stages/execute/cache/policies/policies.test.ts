import { describe, expect, it } from 'vitest'
import {
  ageing,
  belady,
  costBelady,
  costDirect,
  costIncrease,
  type EvictionPolicy,
  gdsf,
  lfu,
  lru,
  type ModelUse,
  UseRecord,
} from '../../../../../stages/execute/cache/index.ts'

interface Given {
  readonly bytes?: number
  readonly loadMs?: number
  readonly runMs?: number
  /** When it was asked for. */
  readonly at?: readonly number[]
}

function use(key: string, { bytes = 1, loadMs = 1, runMs, at = [] }: Given = {}): UseRecord {
  const record = new UseRecord(key, bytes, loadMs, 0)
  if (runMs !== undefined) record.ran(runMs)
  for (const time of at) record.used(time)
  return record
}

/** The order in which they go. */
function order(policy: EvictionPolicy, uses: readonly ModelUse[], now: number): string {
  return [...uses]
    .sort((a, b) => policy.worth(a, now) - policy.worth(b, now))
    .map(({ key }) => key)
    .join(' ')
}

describe('lru', () => {
  it('lets the one go that was not used for longest, whatever it costs', () => {
    const uses = [use('a', { at: [1, 9] }), use('b', { at: [7], loadMs: 1_000 }), use('c', { at: [8] })]
    expect(order(lru(), uses, 10)).toBe('b c a')
  })
})

describe('lfu', () => {
  it('lets the one go that was used least often; of equals the one used longer ago', () => {
    const uses = [use('a', { at: [1, 2, 3] }), use('b', { at: [8] }), use('c', { at: [4] })]
    expect(order(lfu(), uses, 10)).toBe('c b a')
  })
})

describe('gdsf', () => {
  it('weighs frequency × cost ÷ size: 2·6/4 = 3, 1·10/2 = 5, 3·1/1 = 3.0…', () => {
    const policy = gdsf()
    const a = use('a', { bytes: 4, loadMs: 6, at: [1, 2] })
    const b = use('b', { bytes: 2, loadMs: 10, at: [1] })
    const c = use('c', { bytes: 1, loadMs: 1, at: [1, 2] })
    for (const each of [a, b, c]) policy.used?.(each, 2)
    expect([a, b, c].map((each) => policy.worth(each, 2))).toEqual([3, 5, 2])
  })

  it('ages: what comes after an eviction starts from the worth of what went', () => {
    const policy = gdsf()
    const a = use('a', { loadMs: 3, at: [1] })
    const b = use('b', { loadMs: 5, at: [1] })
    policy.used?.(a, 1)
    policy.used?.(b, 1)
    policy.evicted?.(a, 2)
    const c = use('c', { loadMs: 1, at: [2] })
    policy.used?.(c, 2)
    expect(policy.worth(c, 2)).toBe(4)
    expect(policy.worth(b, 2)).toBe(5)
  })

  it('counts only since a model was loaded', () => {
    const a = use('a', { at: [1, 2, 3] })
    a.evicted()
    a.used(4)
    const policy = gdsf()
    policy.used?.(a, 4)
    expect(policy.worth(a, 4)).toBe(1)
  })
})

describe('cost-direct', () => {
  it('weighs popularity × load time ÷ size: 3·2/6 = 1, 1·9/3 = 3, 2·4/4 = 2', () => {
    const uses = [
      use('a', { bytes: 6, loadMs: 2, at: [1, 2, 3] }),
      use('b', { bytes: 3, loadMs: 9, at: [1] }),
      use('c', { bytes: 4, loadMs: 4, at: [1, 2] }),
    ]
    expect(uses.map((each) => costDirect().worth(each, 5))).toEqual([1, 3, 2])
  })

  it('takes exponents: 2² · 9^½ = 12', () => {
    expect(costDirect({ popularity: 2, cost: 0.5 }).worth(use('a', { loadMs: 9, at: [1, 2] }), 5)).toBe(12)
  })
})

describe('cost-increase', () => {
  it('weighs a load by the run that it delays: 8/4 against 6/1', () => {
    const uses = [use('a', { loadMs: 8, runMs: 4, at: [1] }), use('b', { loadMs: 6, runMs: 1, at: [1] })]
    expect(uses.map((each) => costIncrease().worth(each, 5))).toEqual([2, 6])
    expect(order(costDirect(), uses, 5)).toBe('b a')
    expect(order(costIncrease(), uses, 5)).toBe('a b')
  })
})

describe('ageing', () => {
  it('weighs the load time for each byte by how often it comes: 100/10 ÷ 5 = 2', () => {
    expect(ageing().worth(use('a', { bytes: 10, loadMs: 100, at: [0, 5, 10] }), 12)).toBe(2)
  })

  it('lets a model that was busy and fell silent go before one that is asked for now and then', () => {
    const busy = use('busy', { at: Array.from({ length: 100 }, (_, index) => index) })
    const regular = use('regular', { at: [0, 100, 200, 300, 400, 500] })
    expect(order(ageing(), [busy, regular], 110)).toBe('regular busy')
    expect(order(ageing(), [busy, regular], 510)).toBe('busy regular')
  })
})

describe('the oracles', () => {
  const next = new Map([
    ['a', 20],
    ['b', 100],
    ['c', Number.POSITIVE_INFINITY],
  ])
  const future = (key: string) => next.get(key) ?? 0

  it('belady lets the one go that is needed last', () => {
    expect(order(belady(future), [use('a'), use('b'), use('c')], 10)).toBe('c b a')
  })

  it('cost-belady weighs that by cost and size: 10/1 ÷ 10 = 1, 900/5 ÷ 90 = 2, never again: 0', () => {
    const uses = [use('a', { loadMs: 10 }), use('b', { loadMs: 900, bytes: 5 }), use('c', { loadMs: 1e6 })]
    expect(uses.map((each) => costBelady(future).worth(each, 10))).toEqual([1, 2, 0])
  })
})
