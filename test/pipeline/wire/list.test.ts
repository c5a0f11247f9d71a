import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { listOf } from '../../../pipeline/index.ts'
import { outcomeHeader } from '../../../pipeline/wire/codec.ts'
import { down, readable, up } from '../../../pipeline/wire/protocol.ts'
import { assertUnderstood } from '../../../pipeline/wire/required.ts'

/** A value, and how many entries of its lists were looked at. */
function watched<T extends object>(list: T): { list: T; looks: () => number } {
  let looks = 0
  const proxy = new Proxy(list, {
    get(target, name, receiver) {
      if (typeof name === 'string' && /^\d+$/.test(name)) looks++
      return Reflect.get(target, name, receiver)
    },
  })
  return { list: proxy, looks: () => looks }
}

describe('a list off the wire', () => {
  it('is read whole where it is right, and stripped of what is not known', () => {
    const schema = listOf(z.object({ a: z.number() }), 3, 1)
    expect(schema.parse([{ a: 1, b: 2 }, { a: 3 }])).toEqual([{ a: 1 }, { a: 3 }])
    for (const wrong of [[], [1, 2, 3, 4], 'abc', { length: 2 }, undefined]) {
      expect(schema.safeParse(wrong).success).toBe(false)
    }
  })

  it('is looked at up to the first entry that is wrong, which is named', () => {
    const schema = z.object({ many: listOf(z.object({ a: z.number() }), 1000) })
    const many = Array.from({ length: 1000 }, (_, at) => ({ a: at < 7 ? at : 'x' }))
    const { list, looks } = watched(many)
    const { error } = schema.safeParse({ many: list })
    expect(error?.issues).toHaveLength(1)
    expect(error?.issues[0]?.path).toEqual(['many', 7, 'a'])
    expect(looks()).toBe(8)
    expect(() => readable(schema, { many })).toThrow(/"many\.7\.a"/)
  })

  it('is not looked at at all where it is too long', () => {
    const { list, looks } = watched(new Array(1001).fill({ a: 1 }))
    expect(listOf(z.object({ a: z.number() }), 1000).safeParse(list).success).toBe(false)
    expect(looks()).toBe(0)
  })

  it('stands for every list of the conversation: none is looked at further than its first wrong entry', () => {
    const wrong = () => watched(new Array(60).fill(Symbol('nothing')))
    const message = { plan: {}, timings: {}, open: {}, payload: { form: 'image', at: 'captured' } }
    const result = { form: 'result', at: 'answered', model: 'm', label: 'l', score: 1, top: [] }
    const tensors = { form: 'tensors', at: 'prepared' }
    const places: readonly ((list: object) => boolean)[] = [
      ...['models', 'cuts', 'encodings', 'targets', 'backups'].map(
        (name) => (list: object) =>
          up.safeParse({ kind: 'message', message: { ...message, open: { [name]: list } } }).success,
      ),
      (list) => up.safeParse({ kind: 'offer', message, sizes: list, chunk: 1024 }).success,
      (list) => outcomeHeader.safeParse({ ...message, payload: { ...tensors, tensors: list } }).success,
      (list) => outcomeHeader.safeParse({ ...message, payload: { ...result, boxes: list } }).success,
      (list) => down.safeParse({ kind: 'result', outcome: { ...message, payload: { ...result, top: list } } }).success,
    ]
    for (const read of places) {
      const { list, looks } = wrong()
      expect(read(list)).toBe(false)
      expect(looks()).toBeLessThanOrEqual(1)
    }
  })
})

describe('what must be understood', () => {
  it('is looked for in so many places alone, however many names and lists there are', () => {
    let looks = 0
    const entry = Object.defineProperty({}, 'a', { enumerable: true, get: () => ++looks })
    const sent = { must: new Array(16).fill('many.a'), many: new Array(3000).fill(entry) }
    expect(() => assertUnderstood(sent, sent)).toThrow(/more than 2048 places/)
    expect(looks).toBeLessThan(2 * 2048)
  })

  it('is not looked for behind the first entry that is not known', () => {
    let looks = 0
    const entry = Object.defineProperty({}, 'a', { enumerable: true, get: () => ++looks })
    const sent = { must: ['many.a'], many: new Array(3000).fill(entry) }
    expect(() => assertUnderstood(sent, { many: new Array(3000).fill({}) })).toThrow(/"many\.a" must be understood/)
    expect(looks).toBe(1)
  })
})
