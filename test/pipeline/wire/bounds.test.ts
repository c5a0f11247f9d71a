import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { BadMessage, packFrame, unpackFrame } from '../../../pipeline/index.ts'
import { mostDepth, mostValues, outOfBounds } from '../../../pipeline/wire/bounds.ts'
import { frameOf } from './frame-of.ts'

const packr = new Packr({ useRecords: false, int64AsType: 'number', largeBigIntToFloat: true })
const leaf = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
)
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    leaf,
    fc.array(tie('value'), { maxLength: 40 }),
    fc.dictionary(fc.string({ maxLength: 40 }), tie('value'), { maxKeys: 20 }),
  ),
}))

/** Values of a header, names included. */
function valuesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 1
  if (Array.isArray(value)) return value.reduce((sum: number, one) => sum + valuesOf(one), 1)
  return Object.values(value).reduce((sum: number, one) => sum + 1 + valuesOf(one), 1)
}

/** Why it is refused, and how many values were looked at before. */
function looked(packed: Uint8Array): { wrong: string | undefined; values: number } {
  let values = -1
  const wrong = outOfBounds(packed, (count) => {
    values = count
  })
  return { wrong, values }
}

/** MessagePack of a list (0xdd) or map (0xdf) that says it has so many entries. */
const announcing = (type: 0xdd | 0xdf, count: number, rest: readonly number[] = []) =>
  Uint8Array.of(type, count >>> 24, count >>> 16, count >>> 8, count, ...rest)

describe('the bounds of a header', () => {
  it('let through whatever the codec packs, and count each value once', () => {
    fc.assert(
      fc.property(value, (sent) => {
        expect(looked(packr.pack(sent))).toEqual({ wrong: undefined, values: valuesOf(sent) })
      }),
      { numRuns: 500 },
    )
  })

  it('are broken by what was cut anywhere, and by what hangs on to it', () => {
    fc.assert(
      fc.property(value, fc.nat(), (sent, at) => {
        const packed = packr.pack(sent)
        expect(outOfBounds(packed.subarray(0, at % packed.byteLength))).toBeDefined()
        expect(outOfBounds(Buffer.concat([packed, packed]))).toMatch(/another length/)
      }),
    )
  })

  it('never throw, and never look at more values than there are bytes, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (packed) => {
        expect(looked(packed).values).toBeLessThanOrEqual(packed.byteLength)
      }),
      { numRuns: 3000 },
    )
  })

  it('are left before what is too much is looked at', () => {
    const zeros = new Uint8Array(500_000)
    zeros.set(announcing(0xdd, 499_995))
    expect(looked(zeros)).toEqual({ wrong: expect.stringMatching(/16384 values/), values: mostValues + 1 })
    // What cannot be there is not waited for.
    expect(looked(announcing(0xdd, 2 ** 32 - 1, [1, 2]))).toEqual({
      wrong: expect.stringMatching(/cut off/),
      values: 1,
    })
    expect(looked(announcing(0xdf, 2 ** 31, [0xa0, 2]))).toEqual({ wrong: expect.stringMatching(/cut off/), values: 1 })
    expect(looked(new Uint8Array(3500).fill(0x91))).toEqual({
      wrong: expect.stringMatching(/32 deep/),
      values: mostDepth + 1,
    })
    expect(outOfBounds(Uint8Array.of(...new Uint8Array(mostDepth).fill(0x91), 0))).toBeUndefined()
  })

  it('are left at the first name that is no text: a number of 500 KB is not even read', () => {
    const big = new Uint8Array(500_000).fill(0xff)
    // A map of one entry, whose name is an extension "B" (a big integer, as the codec's library has it).
    big.set([0x81, 0xc9, 0, 0x07, 0xa1, 0x1b, 0x42])
    expect(looked(big)).toEqual({ wrong: expect.stringMatching(/name that is no text/), values: 2 })
    for (const name of [0x01, 0xc0, 0xc3, 0x90, 0x80, 0xcf, 0xd3, 0xca]) {
      expect(outOfBounds(Uint8Array.of(0x81, name, 0, 0, 0, 0, 0, 0, 0, 0, 0))).toMatch(/name that is no text/)
    }
  })

  it('have no extensions: neither dates, nor big integers, nor what defines records or refers back', () => {
    class Odd {
      readonly a = 1
    }
    const many = new Packr({ moreTypes: true, structuredClone: true })
    for (const odd of [new Date(0), 2n ** 90n, new Set([1]), new Map([[{}, 1]]), /a/g, new Error('e')]) {
      expect(outOfBounds(many.pack([odd]))).toMatch(/type that no header has|name that is no text/)
    }
    expect(outOfBounds(new Packr({ useRecords: true }).pack([new Odd()]))).toMatch(/type that no header has/)
  })

  it('hold for every frame that is read', () => {
    expect(() => unpackFrame(frameOf(new Uint8Array(3500).fill(0x91)))).toThrow(BadMessage)
    expect(() => unpackFrame(packFrame({ list: new Array(mostValues).fill(0) }))).toThrow(/16384 values/)
    const boxes = Array.from({ length: 1000 }, () => ({ x: 0.5, y: 1, width: 1, height: 1, label: 'a', score: 0.1 }))
    expect(unpackFrame(packFrame({ boxes })).header).toEqual({ boxes })
  })
})
