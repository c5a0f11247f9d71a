import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DeadlineQueue } from '../../../stages/execute/queue.ts'

interface Item {
  readonly model: { readonly key: string }
  readonly expires: number | undefined
  readonly turn: number
}

const items = fc.array(
  fc.record({
    model: fc.record({ key: fc.constantFrom('a', 'b', 'c') }),
    expires: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
    turn: fc.integer({ min: 0, max: 2 }),
  }),
)

function filled(given: readonly Item[]): DeadlineQueue<Item> {
  const queue = new DeadlineQueue<Item>()
  for (const each of given) queue.add(each)
  return queue
}

/** A stable sort, so that equals stay as they came. */
function inOrder(given: readonly Item[]): Item[] {
  return given.toSorted((one, other) => compare(one.expires, other.expires) || one.turn - other.turn)
}

function compare(one: number | undefined, other: number | undefined): number {
  return one === other ? 0 : (one ?? Infinity) - (other ?? Infinity)
}

function drained(queue: DeadlineQueue<Item>): Item[] {
  const taken: Item[] = []
  for (let next = queue.lines[0]?.items[0]; next !== undefined; next = queue.lines[0]?.items[0]) {
    queue.remove(next)
    taken.push(next)
  }
  return taken
}

describe('the deadline queue', () => {
  test('gives the earliest deadline first, equal ones by turn and arrival, those without a deadline last', () => {
    fc.assert(
      fc.property(items, (given) => {
        expect(drained(filled(given))).toEqual(inOrder(given))
      }),
    )
  })

  test('keeps that order whatever is taken out of its middle', () => {
    fc.assert(
      fc.property(items, fc.func(fc.boolean()), (given, leaves) => {
        const queue = filled(given)
        const gone = new Set(given.filter((_, index) => leaves(index)))
        for (const each of gone) expect(queue.remove(each)).toBe(true)
        expect(drained(queue)).toEqual(inOrder(given.filter((each) => !gone.has(each))))
      }),
    )
  })

  test('knows the line of each model, and what of it is due by a time', () => {
    fc.assert(
      fc.property(items, fc.integer({ min: 0, max: 5 }), (given, by) => {
        const queue = filled(given)
        expect([...queue]).toHaveLength(given.length)
        expect(queue.length).toBe(given.length)
        const due = new Map(Array.from(queue.due(by), ({ key, count }) => [key, count]))
        for (const key of ['a', 'b', 'c']) {
          const own = given.filter(({ model }) => model.key === key)
          expect(queue.of(key)).toEqual(inOrder(own))
          expect(due.get(key) ?? 0).toBe(own.filter(({ expires = Infinity }) => expires <= by).length)
        }
      }),
    )
  })

  test('removes an item once', () => {
    const item = { model: { key: 'a' }, expires: 1, turn: 0 }
    const queue = filled([{ model: { key: 'a' }, expires: 0, turn: 0 }, item])
    expect(queue.remove(item)).toBe(true)
    expect(queue.remove(item)).toBe(false)
    expect(queue.length).toBe(1)
  })
})
