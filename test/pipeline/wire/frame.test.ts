import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BadMessage, join, type Parts, packFrame, TooLarge, totalBytes, unpackFrame } from '../../../pipeline/index.ts'

const key = fc.string({ minLength: 1, maxLength: 8 }).filter((name) => name !== '__proto__')
const leaf = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double({ noNaN: true }).map((number) => number + 0),
  fc.boolean(),
  fc.constant(null),
  fc.maxSafeInteger(),
)
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, leaf, fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(key, tie('value'))),
}))
const header = fc.dictionary(key, value)
const parts = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 })

/** As a socket delivers it: one array, somewhere in a larger buffer. */
function joined(data: Parts, offset = 0): Parts {
  const whole = join(data)
  const buffer = new Uint8Array(offset + whole.byteLength)
  buffer.set(whole, offset)
  return [buffer.subarray(offset)]
}

/** Reads it, or throws BadMessage: nothing else may come of bytes from outside. */
function survives(data: Parts): void {
  try {
    unpackFrame(data)
  } catch (error) {
    expect(error).toBeInstanceOf(BadMessage)
  }
}

function bad(data: Parts): void {
  expect(() => unpackFrame(data)).toThrow(BadMessage)
}

describe('a frame', () => {
  it('comes back as it was sent, its parts apart or joined, wherever the bytes lie', () => {
    fc.assert(
      fc.property(header, parts, fc.nat(9), (sent, carried, offset) => {
        for (const data of [packFrame(sent, carried), joined(packFrame(sent, carried), offset)]) {
          const read = unpackFrame(data)
          expect(read.header).toEqual({ ...sent })
          expect(read.parts.map((part) => [...part])).toEqual(carried.map((part) => [...part]))
        }
      }),
    )
  })

  it('copies no part: apart they are the very same, joined they are views of what came', () => {
    const [one, two] = [Uint8Array.of(1, 2, 3), Uint8Array.of(4)]
    const data = packFrame({ a: 1 }, [one, two])
    expect(data.slice(1)).toEqual([one, two])
    expect(data[1]).toBe(one)
    expect(unpackFrame(data).parts[1]).toBe(two)
    const arrived = joined(data)
    for (const part of unpackFrame(arrived).parts) expect(part.buffer).toBe(arrived[0]?.buffer)
  })

  it('never crashes a reader on bytes that are no frame', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 4 }), (data) => bad(data)),
      { numRuns: 500 },
    )
  })

  it('never crashes a reader on random bytes behind a true beginning', () => {
    const beginning = Uint8Array.of(0x51, 1, 1, 1)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (rest) => survives([join([beginning, rest])])),
      { numRuns: 1000 },
    )
  })

  it('never crashes a reader on random bytes as a header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (packed) => {
        const data = new Uint8Array(10 + packed.byteLength)
        data.set([0x51, 1, 1, 1])
        new DataView(data.buffer).setUint32(6, packed.byteLength, true)
        data.set(packed, 10)
        survives([data])
      }),
      { numRuns: 2000 },
    )
  })

  it('is refused when it was cut anywhere, or something hangs on to it', () => {
    const [whole] = joined(packFrame({ kind: 'message', n: 7 }, [Uint8Array.of(1, 2, 3), new Uint8Array(20)]))
    const bytes = whole as Uint8Array
    for (let end = 0; end < bytes.byteLength; end++) bad([bytes.subarray(0, end)])
    bad([join([bytes, new Uint8Array(1)])])
  })

  it('is refused, or read otherwise, but never crashes when any bit of it was flipped', () => {
    const [whole] = joined(packFrame({ kind: 'message', text: 'abc', list: [1, 2.5, null] }, [Uint8Array.of(1, 2, 3)]))
    const bytes = whole as Uint8Array
    for (let at = 0; at < bytes.byteLength; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Uint8Array.from(bytes)
        flipped[at] = (flipped[at] as number) ^ (1 << bit)
        survives([flipped])
      }
    }
  })

  it('is refused when a part is missing, too many, or of another length, though they came apart', () => {
    const data = packFrame({}, [Uint8Array.of(1), Uint8Array.of(2)])
    bad(data.slice(0, 2))
    bad([...data, Uint8Array.of(3)])
    bad([data[0] as Uint8Array, Uint8Array.of(1), Uint8Array.of(2, 3)])
    bad([])
  })

  it('of any version is read as far as all are the same, and says what its sender speaks', () => {
    const [head] = packFrame({ a: 1 })
    ;(head as Uint8Array).set([9, 7, 12], 1)
    expect(unpackFrame([head as Uint8Array])).toMatchObject({ header: { a: 1 }, version: 9, least: 7, most: 12 })
  })

  it('that is of a version which its sender says it does not speak is refused', () => {
    for (const versions of [
      [9, 1, 8],
      [2, 3, 8],
      [1, 0, 8],
      [1, 2, 1],
    ]) {
      const [head] = packFrame({ a: 1 })
      ;(head as Uint8Array).set(versions, 1)
      bad([head as Uint8Array])
    }
  })

  it('cannot be packed with more than a reader takes', () => {
    const many = Array.from({ length: 64 }, () => Uint8Array.of(1))
    expect(unpackFrame(packFrame({}, many)).parts).toHaveLength(64)
    expect(() => packFrame({}, [...many, Uint8Array.of(1)])).toThrow(TooLarge)
    const long = packFrame({ text: 'x'.repeat(500_000) })
    expect(unpackFrame(long).header).toMatchObject({ text: expect.stringMatching(/^x+$/) })
    expect(() => packFrame({ text: 'x'.repeat(600_000) })).toThrow(TooLarge)
  })

  it('that announces more than a reader takes is refused before anything is read', () => {
    const announcing = (count: number, headerLength: number) => {
      const data = new Uint8Array(1024)
      data.set([0x51, 1, 1, 1])
      const view = new DataView(data.buffer)
      view.setUint16(4, count, true)
      view.setUint32(6, headerLength, true)
      return [data]
    }
    bad(announcing(65, 8))
    bad(announcing(1, 2 ** 32 - 1))
    bad(announcing(0, 513 * 1024))
  })

  it('keeps its headers apart: what one frame defines is unknown to the next', () => {
    // MessagePack as this codec's library extends it can define records; they must not outlive their frame.
    const define = [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01]
    const use = [0x40, 0x02]
    const read = (packed: readonly number[]) => {
      const data = new Uint8Array(10 + packed.length)
      data.set([0x51, 1, 1, 1, 0, 0, packed.length])
      data.set(packed, 10)
      return unpackFrame([data]).header
    }
    expect(read([0x92, ...define, ...use])).toEqual([{ a: 1 }, { a: 2 }])
    expect(read([0x92, ...use])).toEqual([0x40, 2])
  })
})

describe('parts', () => {
  it('joined are one array of all bytes in order; one part alone is not copied', () => {
    const part = Uint8Array.of(1, 2)
    expect(join([part])).toBe(part)
    expect([...join([part, new Uint8Array(0), Uint8Array.of(3)])]).toEqual([1, 2, 3])
    expect(totalBytes([part, part])).toBe(4)
    expect(join([]).byteLength).toBe(0)
  })
})
