import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseVictims } from '../../../../stages/execute/cache/index.ts'

const all = [
  { name: 'a', bytes: 10, worth: 1 },
  { name: 'b', bytes: 20, worth: 2 },
  { name: 'c', bytes: 50, worth: 3 },
  { name: 'd', bytes: 40, worth: 4 },
]
const names = (needed: number) => chooseVictims(all, needed, ({ worth }) => worth)?.map(({ name }) => name)

it('the least worth go, as many as are needed', () => {
  expect(names(10)).toEqual(['a'])
  expect(names(30)).toEqual(['b', 'a'])
})

it('of those only the largest that suffice: nothing goes for nothing', () => {
  expect(names(31)).toEqual(['c'])
  expect(names(80)).toEqual(['c', 'b', 'a'])
  expect(names(81)).toEqual(['c', 'd'])
})

it('none goes when all together do not suffice', () => {
  expect(names(121)).toBeUndefined()
})

it('none goes when nothing is needed', () => {
  expect(names(0)).toEqual([])
})

describe('where worth is an amount', () => {
  const item = (name: string, bytes: number, worth: number) => ({ name, bytes, worth })
  const chosen = (items: readonly ReturnType<typeof item>[], needed: number) =>
    chooseVictims(items, needed, ({ worth }) => worth, true)

  it('the set goes that loses least: 50 × 3, not 10 × 1 + 50 × 3', () => {
    expect(chosen([item('a', 10, 1), item('b', 50, 3)], 50)?.map(({ name }) => name)).toEqual(['b'])
  })

  it('a dear small one goes before a cheap large one: 20 × 3 against 100 × 2', () => {
    expect(chosen([item('large', 100, 2), item('small', 20, 3)], 20)?.map(({ name }) => name)).toEqual(['small'])
  })

  it('what is freed beyond the need counts the more, the more there are: (2 − 1.6) × 100 against (5 − 1.6) × 20', () => {
    const rest = Array.from({ length: 8 }, (_, index) => item(`rest ${index}`, 20, 6 + index))
    const items = [item('large', 100, 2), item('small', 20, 5), ...rest]
    expect(chosen(items, 20)?.map(({ name }) => name)).toEqual(['large'])
  })

  it('it frees enough, nothing goes for nothing, and it is none only where all together do not suffice', () => {
    const any = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 50 }), worth: fc.integer({ min: 0, max: 9 }) }))
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 200 }), (items, needed) => {
        const all = items.reduce((sum, { bytes }) => sum + bytes, 0)
        const victims = chooseVictims(items, needed, ({ worth }) => worth, true)
        expect(victims === undefined).toBe(all < needed)
        if (victims === undefined) return
        const freed = victims.reduce((sum, { bytes }) => sum + bytes, 0)
        expect(freed).toBeGreaterThanOrEqual(needed)
        expect(new Set(victims).size).toBe(victims.length)
        for (const { bytes } of victims) expect(freed - bytes).toBeLessThan(needed)
      }),
    )
  })

  it('of few candidates it is within twice the least loss that there is', () => {
    const few = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 50 }), worth: fc.integer({ min: 0, max: 9 }) }), {
      minLength: 2,
      maxLength: 2,
    })
    fc.assert(
      fc.property(few, fc.integer({ min: 1, max: 100 }), (items, needed) => {
        const loss = (set: readonly { readonly bytes: number; readonly worth: number }[]) =>
          set.reduce((sum, { bytes, worth }) => sum + bytes * worth, 0)
        const sets = [items.slice(0, 1), items.slice(1), items].filter(
          (set) => set.reduce((sum, { bytes }) => sum + bytes, 0) >= needed,
        )
        const victims = chooseVictims(items, needed, ({ worth }) => worth, true)
        if (victims !== undefined) expect(loss(victims)).toBeLessThanOrEqual(2 * Math.min(...sets.map(loss)))
      }),
    )
  })
})
