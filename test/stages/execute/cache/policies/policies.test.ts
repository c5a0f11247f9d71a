import { describe, expect, it } from 'vitest'
import {
  ageing,
  belady,
  costBelady,
  costDirect,
  costIncrease,
  type EvictionPolicy,
  gdsf,
  hitDensity,
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

describe('hit density', () => {
  /** A model that was asked for at these times, and the policy told so. */
  const asked = (policy: EvictionPolicy, key: string, { at = [], ...given }: Given) => {
    const record = use(key, given)
    for (const time of at) {
      record.used(time)
      policy.used?.(record, time)
    }
    return record
  }
  const every = (ms: number, count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index * ms)

  it('goes by how long nobody has asked, before anything else is known: 3/2 ÷ 2 between 1 and 3 ms', () => {
    expect(hitDensity().worth(use('a', { loadMs: 3, bytes: 2 }), 1)).toBeCloseTo(3 / 2 / 2, 12)
  })

  it('takes the best horizon: one gap of 5 ms, 1 ms after it the next request is likeliest within 3 to 7 ms', () => {
    const policy = hitDensity()
    // Both octaves start from 2 requests in 2 · 5 ms. Since then 2 ms were waited in each, and a request came in the second;
    // 49/50 of the waits count.
    const [first, second] = [2 / (2 * 0.98 + 10), 3 / (2 * 0.98 + 10)]
    const [inFirst, inSecond] = [1 - Math.exp(-first * 2), 1 - Math.exp(-second * 4)]
    const comes = inFirst + (1 - inFirst) * inSecond
    const time = inFirst / first + ((1 - inFirst) * inSecond) / second
    expect(policy.worth(asked(policy, 'a', { at: [0, 5] }), 6)).toBeCloseTo(comes / time, 12)
  })

  it('scales with the load time and for each byte', () => {
    const policy = hitDensity()
    const at = every(50, 10)
    const [a, b] = [asked(policy, 'a', { at, loadMs: 4 }), asked(policy, 'b', { at, loadMs: 8, bytes: 8 })]
    expect(policy.worth(a, 460) / policy.worth(b, 460)).toBeCloseTo(4, 9)
  })

  it('keeps a model that comes at fixed times the more the nearer its time, and lets it go when it did not come', () => {
    const policy = hitDensity()
    const regular = asked(policy, 'regular', { at: every(10_000, 50) })
    const last = 49 * 10_000
    const worth = [1_000, 4_000, 8_000, 40_000, 200_000].map((age) => policy.worth(regular, last + age))
    expect(worth[1]).toBeGreaterThan(worth[0] as number)
    expect(worth[2]).toBeGreaterThan(worth[1] as number)
    expect(worth[3]).toBeLessThan(worth[2] as number)
    expect(worth[4]).toBeLessThan(worth[3] as number)
  })

  it('keeps a model while its burst goes on, and lets it go before a steady one when that is over', () => {
    const policy = hitDensity()
    // Ten at once, then nothing for an hour, again and again.
    const bursts = Array.from({ length: 20 }, (_, burst) => every(100, 10, burst * 3_600_000)).flat()
    const steady = asked(policy, 'steady', { at: every(60_000, 19 * 60 + 1) })
    const bursty = asked(policy, 'bursty', { at: bursts })
    const end = bursts.at(-1) as number
    expect(order(policy, [steady, bursty], end + 50)).toBe('steady bursty')
    expect(order(policy, [steady, bursty], end + 20_000)).toBe('bursty steady')
  })

  it('learns from models alike: where those asked for once never came back, the next such one is worth less', () => {
    const fresh = () => use('new', { at: [1_000_000] })
    const naive = hitDensity()
    const taught = hitDensity()
    for (let each = 0; each < 30; each++) asked(taught, `gone ${each}`, { at: [each] })
    const [a, b] = [fresh(), fresh()]
    naive.used?.(a, 1_000_000)
    taught.used?.(b, 1_000_000)
    expect(taught.worth(b, 1_060_000)).toBeLessThan(0.5 * naive.worth(a, 1_060_000))
  })

  it('has a worth for any time, also of a clock set back', () => {
    const policy = hitDensity()
    const model = asked(policy, 'a', { at: [1_000, 2_000, 500, 500] })
    for (const now of [0, 500, 1e15]) expect(policy.worth(model, now)).toBeGreaterThan(0)
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
