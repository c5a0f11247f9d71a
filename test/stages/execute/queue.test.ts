import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DeadlineQueue } from '../../../stages/execute/queue.ts'

describe('the deadline queue', () => {
  test('gives the earliest deadline first, equal ones by arrival, those without a deadline last', () => {
    const item = fc.record({ expires: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }) })
    fc.assert(
      fc.property(fc.array(item), (items) => {
        const queue = new DeadlineQueue<(typeof items)[number]>()
        for (const each of items) queue.add(each)
        const expected = items.toSorted((a, b) => (a.expires ?? Infinity) - (b.expires ?? Infinity) || 0)
        const infinite = items.filter((each) => each.expires === undefined)
        const order = [...expected.filter((each) => each.expires !== undefined), ...infinite]
        expect([...queue]).toEqual(order)
      }),
    )
  })

  test('gives equal deadlines in the order of arrival', () => {
    const [first, second, third] = [{ expires: 5 }, { expires: 5 }, { expires: 5 }]
    const queue = new DeadlineQueue<{ expires: number }>()
    for (const each of [first, second, third]) queue.add(each)
    expect(queue.at(0)).toBe(first)
    expect(queue.at(1)).toBe(second)
    expect(queue.at(2)).toBe(third)
  })

  test('removes an item once', () => {
    const queue = new DeadlineQueue<{ expires: number }>()
    const item = { expires: 1 }
    queue.add({ expires: 0 })
    queue.add(item)
    expect(queue.remove(item)).toBe(true)
    expect(queue.remove(item)).toBe(false)
    expect(queue.length).toBe(1)
  })
})
