import { createHash, createHmac, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, brotliDecompress, constants, crc32, deflateRaw, inflateRaw } from 'node:zlib'
import { type Platform, webPlatform } from '../../pipeline/index.ts'

const [deflated, inflated] = [promisify(deflateRaw), promisify(inflateRaw)]
const [brotlied, unbrotlied] = [promisify(brotliCompress), promisify(brotliDecompress)]
// zlib takes no limit of zero.
const limit = (most: number) => ({ maxOutputLength: Math.max(1, most) })

/** Of fewer bytes the plain one is done before Node's own is called. */
const short = 256

/** Node's own: hashes ten times as fast as plain JavaScript does, and packs on threads of its own, also with brotli. */
export const nodePlatform: Platform = {
  name: 'node',
  randomBytes,
  sha256() {
    const hash = createHash('sha256')
    return {
      update: (bytes) => void hash.update(bytes),
      digest: () => hash.digest(),
    }
  },
  crc32: (bytes, before = 0) => (bytes.byteLength < short ? webPlatform.crc32(bytes, before) : crc32(bytes, before)),
  hmacSha256: (key, text) => createHmac('sha256', key).update(text).digest(),
  // The fast settings: more effort costs milliseconds and saves a few per cent of an activation.
  packers: {
    deflate: {
      pack: (bytes) => deflated(bytes, { level: 1 }),
      unpack: (packed, most) => inflated(packed, limit(most)),
    },
    brotli: {
      pack: (bytes) => brotlied(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
      unpack: (packed, most) => unbrotlied(packed, limit(most)),
    },
  },
}
