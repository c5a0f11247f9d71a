import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { base64url, hex, Slabs, utf8, utf8Length } from '../../pipeline/bytes.ts'

describe('bytes', () => {
  test('of a text are as many as its UTF-8 has, also where half of a pair stands alone', () => {
    const units = fc.array(fc.nat(0xffff), { maxLength: 40 }).map((codes) => String.fromCharCode(...codes))
    fc.assert(fc.property(units, (text) => utf8Length(text) === utf8(text).length))
    for (const text of ['\ud800', 'a\udc00b', '\ud83d\ude00', '\ud800\ud83d\ude00', 'é€😀']) {
      expect(utf8Length(text)).toBe(Buffer.byteLength(text))
    }
  })

  test('are written as digits, and as base64 that stands in a name', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(hex(bytes)).toBe(Buffer.from(bytes).toString('hex'))
        expect(base64url(bytes)).toBe(Buffer.from(bytes).toString('base64url'))
      }),
    )
  })
})

describe('slabs', () => {
  test('give no byte twice, whatever sizes are taken', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(80), { maxLength: 200 }), (sizes) => {
        const slabs = new Slabs(64)
        const taken = sizes.map((size, at) => ({ at, piece: slabs.take(size) }))
        for (const { at, piece } of taken) piece.fill(at)
        for (const [n, { at, piece }] of taken.entries()) {
          expect(piece.length).toBe(sizes[n])
          expect(piece.every((byte) => byte === (at & 0xff))).toBe(true)
        }
      }),
    )
  })

  test('hold many small pieces each, and none of the large ones', () => {
    const slabs = new Slabs(64)
    const [one, other, large, next] = [slabs.take(20), slabs.take(20), slabs.take(33), slabs.take(30)]
    expect(one.buffer).toBe(other.buffer)
    expect(large.buffer.byteLength).toBe(33)
    expect(next.buffer).not.toBe(one.buffer)
  })
})
