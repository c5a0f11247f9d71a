import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { imageMessage, resultMessage } from '../../../pipeline/testing/index.ts'
import { encodeMessage, encodeOutcome } from '../../../pipeline/wire/codec.ts'
import { packFrame, unpackFrame } from '../../../pipeline/wire/frame.ts'
import { down, up } from '../../../pipeline/wire/protocol.ts'
import { quickCheck } from '../../../pipeline/wire/quick-check.ts'

const crossed = (header: object) => unpackFrame(packFrame(header)).header

const link = { rtt: 12.5, upload: 3 }
const message = encodeMessage(
  imageMessage({ plan: { model: 'small', cut: 'prepared', encoding: 'jpeg' } }),
  0,
  link,
).header
const { header: outcome } = encodeOutcome(resultMessage())
const load = { pending: 1, capacity: 256 }

/** What crosses with nearly every message. */
const usual = {
  message: [up, { kind: 'message', message }],
  offer: [up, { kind: 'offer', message, sizes: [700_000], chunk: 131_072 }],
  cancel: [up, { kind: 'cancel', id: 'a-1', pass: 2 }],
  probe: [up, { kind: 'probe' }],
  accept: [down, { kind: 'accept', node: 'n', subject: 'q.main.p.node.n.chunks.x' }],
  working: [down, { kind: 'working', node: 'n' }],
  result: [down, { kind: 'result', node: 'n', outcome, residence: 3.25, load }],
  refused: [down, { kind: 'refused', node: 'n', reason: 'full', retryAfter: 20, load }],
} as const satisfies Record<string, readonly [z.ZodType, object]>

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    '',
    'any',
    'captured',
    'n',
    -1,
    0,
    1,
    0.5,
    2 ** 53,
    Number.NaN,
    1e9,
    true,
    [],
    {},
  ),
  fc.constantFrom<unknown>(Number.POSITIVE_INFINITY, 'x'.repeat(300), new Map(), ['small'], [1], new Date(0), 3n),
  fc.anything({ maxDepth: 2 }),
)

/** The header with something put in, taken away, or exchanged somewhere. */
function changed(header: object, path: readonly number[], value: unknown, added: boolean): unknown {
  const copy = structuredClone(header) as Record<string, unknown>
  let at = copy
  for (const [depth, step] of path.entries()) {
    const names = Object.keys(at)
    const name = names[step % Math.max(1, names.length)] ?? 'more'
    const inner = at[name]
    if (depth < path.length - 1 && typeof inner === 'object' && inner !== null) at = inner as Record<string, unknown>
    else {
      if (added && Array.isArray(at)) at.push(value)
      else if (added) at[`${name}2`] = value
      else if (value === undefined && step % 2 === 0) delete at[name]
      else at[name] = value
      break
    }
  }
  return copy
}

describe('the quick check of a schema', () => {
  it.each(Object.keys(usual) as (keyof typeof usual)[])('passes what usually crosses: %s', (kind) => {
    const [schema, header] = usual[kind]
    expect(quickCheck(schema)(crossed(header))).toBe(true)
  })

  it('passes nothing that the schema does not pass as it is', () => {
    const kinds = fc.constantFrom(...(Object.keys(usual) as (keyof typeof usual)[]))
    const path = fc.array(fc.nat(30), { minLength: 1, maxLength: 5 })
    let passed = 0
    fc.assert(
      fc.property(kinds, path, odd, fc.boolean(), (kind, where, value, added) => {
        const [schema, header] = usual[kind]
        const given = changed(crossed(header) as object, where, value, added)
        if (!quickCheck(schema)(given)) return
        passed++
        const checked = schema.safeParse(given)
        expect(checked.success).toBe(true)
        expect(checked.data).toEqual(given)
      }),
      { numRuns: 5000 },
    )
    // Some changes leave it right, so that both ends were seen.
    expect(passed).toBeGreaterThan(50)
  })

  it('agrees with every kind of schema that headers are made of, at its edges', () => {
    const schemas = [
      z.number().int().min(0).max(10),
      z.number().gt(0).lt(1),
      z.number(),
      z.string().min(1).max(3),
      z.string().regex(/^[a-c]+$/),
      z.enum(['a', 'b']),
      z.literal('a'),
      z.literal(true),
      z.boolean(),
      z.array(z.number()).min(1).max(2),
      z.number().int().min(1).or(z.literal(0)),
      z.object({ a: z.number(), b: z.string().optional() }),
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('a') }),
        z.object({ kind: z.literal('b'), n: z.number() }),
      ]),
    ]
    const values: unknown[] = [
      0,
      1,
      10,
      11,
      -1,
      0.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2 ** 53,
      '',
      'a',
      'abc',
      'abcd',
    ]
    values.push(
      true,
      false,
      null,
      undefined,
      [],
      [1],
      [1, 2],
      [1, 2, 3],
      ['a'],
      {},
      { a: 1 },
      { a: 1, b: 'x' },
      { a: 1, b: undefined },
    )
    values.push({ a: '1' }, { kind: 'a' }, { kind: 'b' }, { kind: 'b', n: 1 }, { kind: 'c' }, new Map(), [undefined])
    for (const schema of schemas) {
      for (const value of values)
        expect([value, quickCheck(schema)(value)]).toEqual([value, schema.safeParse(value).success])
    }
  })

  it('leaves to the schema what it cannot see through, and fields that it does not know', () => {
    expect(quickCheck(z.string().transform(Number))('1')).toBe(false)
    expect(quickCheck(z.string().refine(() => true))('1')).toBe(false)
    expect(quickCheck(z.string().email())('a@b.cd')).toBe(false)
    expect(quickCheck(z.number().multipleOf(2))(2)).toBe(false)
    expect(quickCheck(z.object({ a: z.number() }))({ a: 1, b: 2 })).toBe(false)
    expect(quickCheck(z.string().regex(/a/g))('a')).toBe(false)
  })
})
