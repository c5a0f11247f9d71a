import fc from 'fast-check'
import { expect, test } from 'vitest'
import { packFrame } from '../../../pipeline/index.ts'
import { packedSize } from '../../../pipeline/wire/packed-size.ts'

/** Bytes of a frame before its header, where it has no parts. */
const fixed = 18

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ unit: 'grapheme', maxLength: 40 }))
const leaf = fc.oneof(
  text,
  fc.integer(),
  fc.nat(300),
  fc.integer({ min: -40_000, max: 70_000 }),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
)
const { header } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value'), { maxLength: 20 }), tie('header')),
  header: fc.dictionary(fc.string({ minLength: 1, maxLength: 40 }), tie('value'), {
    maxKeys: 8,
    noNullPrototype: true,
  }),
}))

test('a header has as many bytes, unwritten, as packing it makes', () => {
  fc.assert(
    fc.property(header, (one) => {
      expect(packedSize(one)).toBe((packFrame(one as object)[0] as Uint8Array).byteLength - fixed)
    }),
    { numRuns: 500 },
  )
})

test.each([
  ['a short string that is long in bytes', { a: 'é'.repeat(31) }],
  ['a string of some hundred bytes', { a: 'x'.repeat(300) }],
  ['a string of 64 KB', { a: 'ü'.repeat(32_768) }],
  ['lists of many', { a: Array.from({ length: 16 }, () => 0), b: Array.from({ length: 10_000 }, () => 1) }],
  ['whole numbers at their bounds', { a: [0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff, 0x100000000] }],
  ['negative ones', { a: [-0, -1, -0x20, -0x21, -0x80, -0x81, -0x8000, -0x8001, -0x80000000, -0x80000001] }],
  ['fractions, and what is no number', { a: [0.1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60] }],
  ['text that is half a character', { a: '\ud800', b: `${'x'.repeat(40)}\udc00` }],
])('so has %s', (_what, one) => {
  expect(packedSize(one)).toBe((packFrame(one)[0] as Uint8Array).byteLength - fixed)
})
