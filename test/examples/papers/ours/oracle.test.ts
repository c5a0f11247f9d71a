import { describe, expect, test } from 'vitest'
import { opportunities } from '../../../../adapters/link/index.ts'
import { Capacity } from '../../../../examples/papers/ours/capacity.ts'
import { causalOracle } from '../../../../examples/papers/ours/oracle.ts'
import { always, type Contender, statics } from '../../../../examples/papers/ours/policies.ts'
import { scene } from '../../../../examples/papers/ours/scenes.ts'
import { run } from '../../../../examples/papers/ours/traced.ts'

/** A second of 6 Mbit/s, a second of a tenth of it, for a minute. */
const rate = opportunities(
  Array.from({ length: 60_000 }, (_, ms) => ms + 1).filter((ms) => ms % (Math.floor(ms / 1000) % 2 ? 20 : 2) === 0),
  'by turns',
)

describe('the reference that policies are held against', () => {
  test('knows when bytes have left that are sent into an idle link', () => {
    const capacity = new Capacity(rate)
    for (const at of [0, 333, 999, 1500, 59_000, 61_234])
      expect(capacity.takes(at, 30_080)).toBe(rate.open().send(at % rate.period, 30_080) - (at % rate.period))
  })

  test('beats every policy that always does the same, and nobody beats the clairvoyant bound', () => {
    const capacity = new Capacity(rate)
    const oracle: Contender = {
      name: 'oracle',
      begin: (_seed, insight) => causalOracle(insight, capacity, { debt: 1 }),
    }
    const played = (contender: Contender) => run(scene(rate, 20, 450, 3), contender, 3, 400)
    const { value, bound } = played(oracle)
    expect(value).toBeLessThanOrEqual(bound)
    for (const one of statics) expect(played(always(one)).value).toBeLessThanOrEqual(value)
  })
})
