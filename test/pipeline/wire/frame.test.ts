import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodePlatform } from '../../../adapters/platform/index.ts'
import {
  BadMessage,
  Damaged,
  join,
  type Parts,
  packFrame,
  TooLarge,
  totalBytes,
  unpackFrame,
  webPlatform,
} from '../../../pipeline/index.ts'
import { unpackHead } from '../../../pipeline/wire/frame.ts'
import { frameOf } from './frame-of.ts'

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
    expect(error instanceof BadMessage || error instanceof Damaged).toBe(true)
  }
}

function bad(data: Parts, why: typeof BadMessage | typeof Damaged = BadMessage): void {
  expect(() => unpackFrame(data)).toThrow(why)
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
        survives(frameOf(packed))
      }),
      { numRuns: 2000 },
    )
  })

  it('is refused when it was cut anywhere, or something hangs on to it', () => {
    const [whole] = joined(packFrame({ kind: 'message', n: 7 }, [Uint8Array.of(1, 2, 3), new Uint8Array(20)]))
    const bytes = whole as Uint8Array
    for (let end = 0; end < bytes.byteLength; end++) bad([bytes.subarray(0, end)], end < 18 ? BadMessage : Damaged)
    bad([join([bytes, new Uint8Array(1)])], Damaged)
  })

  it('is found to be damaged, whichever of its bits was flipped, on every platform', () => {
    const sent = packFrame({ kind: 'message', text: 'abc', list: [1, 2.5, null] }, [
      Uint8Array.of(1, 2, 3),
      new Uint8Array(300),
    ])
    const bytes = join(sent)
    const head = (sent[0] as Uint8Array).byteLength
    for (const platform of [webPlatform, nodePlatform]) {
      for (let at = 0; at < bytes.byteLength; at++) {
        for (let bit = 0; bit < 8; bit++) {
          const flipped = Uint8Array.from(bytes)
          flipped[at] = (flipped[at] as number) ^ (1 << bit)
          const apart = [flipped.subarray(0, head), flipped.subarray(head, head + 3), flipped.subarray(head + 3)]
          for (const data of [[flipped], apart]) expect(() => unpackFrame(data, platform)).toThrow(Damaged)
        }
      }
    }
  })

  it('is found to be damaged when up to 32 bits that stand together are others', () => {
    const [whole] = joined(packFrame({ kind: 'message', n: 7 }, [new Uint8Array(1000)]))
    const bytes = whole as Uint8Array
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: bytes.byteLength - 4 }),
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        (at, others) => {
          fc.pre(others.some((byte, n) => byte !== bytes[at + n]))
          const changed = Uint8Array.from(bytes)
          changed.set(others, at)
          bad([changed], Damaged)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('says whose parts were damaged: its header is read all the same', () => {
    const [whole] = joined(packFrame({ kind: 'ack', index: 3 }, [new Uint8Array(50)]))
    const bytes = whole as Uint8Array
    bytes[bytes.byteLength - 1] = 1
    expect(unpackHead([bytes])).toMatchObject({ header: { kind: 'ack', index: 3 }, damaged: true })
  })

  it('is refused when a part is missing, too many, or of another length, though they came apart', () => {
    const data = packFrame({}, [Uint8Array.of(1), Uint8Array.of(2)])
    bad(data.slice(0, 2), Damaged)
    bad([...data, Uint8Array.of(3)], Damaged)
    bad([data[0] as Uint8Array, Uint8Array.of(1), Uint8Array.of(2, 3)], Damaged)
    bad([])
  })

  it('of any version is read as far as all are the same, and says what its sender speaks', () => {
    const packed = [0x81, 0xa1, 0x61, 1]
    expect(unpackFrame(frameOf(packed, { versions: [9, 7, 12] }))).toMatchObject({
      header: { a: 1 },
      version: 9,
      least: 7,
      most: 12,
    })
  })

  it('that is of a version which its sender says it does not speak is refused', () => {
    for (const versions of [
      [9, 1, 8],
      [2, 3, 8],
      [1, 0, 8],
      [1, 2, 1],
    ]) {
      bad(frameOf([0x80], { versions }))
    }
  })

  it('cannot be packed with more than a reader takes', () => {
    const many = Array.from({ length: 64 }, () => Uint8Array.of(1))
    expect(unpackFrame(packFrame({}, many)).parts).toHaveLength(64)
    expect(() => packFrame({}, [...many, Uint8Array.of(1)])).toThrow(TooLarge)
    const long = { texts: Array.from({ length: 4 }, () => 'x'.repeat(64_000)) }
    expect(unpackFrame(packFrame(long)).header).toEqual(long)
    for (const more of [
      { texts: [...long.texts, 'x'.repeat(7_000)] },
      { text: 'x'.repeat(66_000) },
      { list: new Array(17_000).fill(0) },
      { map: Object.fromEntries(Array.from({ length: 1025 }, (_, n) => [`k${n}`, n])) },
    ]) {
      expect(() => packFrame(more)).toThrow(TooLarge)
    }
  })

  it('that announces more than a reader takes is refused before anything is read', () => {
    const announcing = (count: number, length: number) => frameOf(new Uint8Array(1024), { count, length })
    bad(announcing(65, 8), Damaged)
    bad(announcing(1, 2 ** 32 - 1), Damaged)
    bad(announcing(0, 257 * 1024), Damaged)
  })

  it('keeps its headers apart: what would define something for the next is refused', () => {
    // MessagePack as this codec's library extends it can define records; they must not outlive their frame.
    const define = [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01]
    const use = [0x40, 0x02]
    bad(frameOf([0x92, ...define, ...use]))
    expect(unpackFrame(frameOf([0x92, ...use])).header).toEqual([0x40, 2])
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
