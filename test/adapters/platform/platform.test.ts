import { createHash, createHmac } from 'node:crypto'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodePlatform } from '../../../adapters/platform/index.ts'
import { hashOfName, hex, type Packer, type Platform, webPlatform } from '../../../pipeline/index.ts'

const platforms: readonly Platform[] = [webPlatform, nodePlatform]

describe.each(platforms)('the platform $name', (platform) => {
  it('hashes what it is fed in pieces as what it is fed whole', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (pieces) => {
        const hash = platform.sha256()
        for (const piece of pieces) hash.update(piece)
        expect(hex(hash.digest())).toBe(createHash('sha256').update(Buffer.concat(pieces)).digest('hex'))
      }),
    )
  })

  it('checks bytes as zip does, in pieces as whole, wherever they lie', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 1000 })), fc.nat(7), (pieces, offset) => {
        const laid = new Uint8Array(offset + pieces.reduce((sum, { length }) => sum + length, 0))
        laid.set(Buffer.concat(pieces), offset)
        const whole = crc32(Buffer.concat(pieces))
        expect(platform.crc32(laid.subarray(offset))).toBe(whole)
        expect(pieces.reduce((before, piece) => platform.crc32(piece, before), 0)).toBe(whole)
      }),
    )
  })

  it('signs texts as HMAC-SHA-256 has it, whatever key and text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.string({ unit: 'binary' }), (key, text) => {
        expect(hex(platform.hmacSha256(key, text))).toBe(createHmac('sha256', key).update(text).digest('hex'))
      }),
    )
  })

  it('gives random bytes, others each time', () => {
    const given = Array.from({ length: 100 }, () => hex(platform.randomBytes(12)))
    expect(new Set(given).size).toBe(100)
    for (const one of given) expect(one).toMatch(/^[0-9a-f]{24}$/)
  })

  it('packs what every platform with that packing unpacks, bit for bit', async () => {
    const packings = Object.entries(platform.packers) as [keyof Platform['packers'], Packer][]
    for (const [packing, packer] of packings) {
      for (const other of platforms) {
        const unpacker = other.packers[packing]
        if (!unpacker) continue
        await fc.assert(
          fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (bytes) => {
            const back = await unpacker.unpack(await packer.pack(bytes), bytes.length)
            expect(hex(back)).toBe(hex(bytes))
          }),
          { numRuns: 30 },
        )
      }
    }
  })

  it('unpacks nothing damaged, and no more than was allowed', async () => {
    for (const packer of Object.values(platform.packers)) {
      const packed = await packer.pack(new Uint8Array(10_000_000))
      await expect(packer.unpack(packed, 9_999_999)).rejects.toThrow()
      await expect(packer.unpack(packed, 10_000_000)).resolves.toHaveLength(10_000_000)
      await expect(packer.unpack(packed.subarray(0, packed.length - 3), 10_000_000)).rejects.toThrow()
      await expect(packer.unpack(Uint8Array.of(0xff, 0xff, 0xff), 100)).rejects.toThrow()
    }
  })
})

describe('packings', () => {
  it('are deflate anywhere, and brotli besides on Node', () => {
    expect(Object.keys(webPlatform.packers)).toEqual(['deflate'])
    expect(Object.keys(nodePlatform.packers)).toEqual(['deflate', 'brotli'])
  })
})

describe('the hash of a name', () => {
  it('is its SHA-256 on every platform', () => {
    for (const name of ['', 'flowers', '["main","flöwers"]']) {
      expect(hex(hashOfName(name))).toBe(createHash('sha256').update(name).digest('hex'))
    }
  })
})
