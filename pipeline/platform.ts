// The pure library that browsers' own stands in for nowhere: WebCrypto hashes whole buffers, and later.
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
// No runtime has a CRC that browsers have as well; this one looks up sixteen bytes at a time.
import crc32 from 'crc-32'
import { utf8 } from './bytes.ts'

/** A hash that is fed piece by piece. */
export interface Hash {
  update(bytes: Uint8Array): void
  /** Ends it: 32 bytes. */
  digest(): Uint8Array
}

/** What bytes can be packed with. */
export type Packing = 'deflate' | 'brotli'

/** Packs and unpacks, off the thread that asks where the platform can; the bytes must not change meanwhile. */
export interface Packer {
  pack(bytes: Uint8Array): Promise<Uint8Array>
  /** Rejects what is damaged, and what unpacks to more than `most` bytes before it has taken them. */
  unpack(packed: Uint8Array, most: number): Promise<Uint8Array>
}

/**
 * What a pipeline needs of the machine that it runs on, besides time (`Clock`): injected, so that it runs where there is
 * no Node. `webPlatform` is the default and runs anywhere; `quintet` puts in Node's, which is quicker over megabytes.
 */
export interface Platform {
  /** For people: `web`, `node`. */
  readonly name: string
  /** So many bytes that nobody can guess, at most 65,536. */
  randomBytes(count: number): Uint8Array
  sha256(): Hash
  /**
   * CRC-32 of bytes (as zip and gzip have it), 0…2^32 − 1: of every frame that is sent and read. It finds what a way damages,
   * not what somebody forges.
   * @param before that of the bytes before them. Default: there are none
   */
  crc32(bytes: Uint8Array, before?: number): number
  /** HMAC-SHA-256 of a text: 32 bytes. */
  hmacSha256(key: Uint8Array, text: string): Uint8Array
  /** What there is to pack with. What is absent is neither planned by this half nor unpacked. */
  readonly packers: Readonly<Partial<Record<Packing, Packer>>>
}

/** Any browser's, worker's or runtime's: Web APIs, and hashes in plain JavaScript. */
export const webPlatform: Platform = {
  name: 'web',
  randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  sha256() {
    const hash = sha256.create()
    return {
      update: (bytes) => void hash.update(bytes),
      digest: () => hash.digest(),
    }
  },
  crc32: (bytes, before = 0) => crc32.buf(bytes, before) >>> 0,
  hmacSha256: (key, text) => hmac(sha256, key, utf8(text)),
  packers: typeof CompressionStream === 'undefined' ? {} : { deflate: streamed('deflate-raw') },
}

/** SHA-256 of a name: of so few bytes the pure hash is as quick as a runtime's own, and needs no port. */
export function hashOfName(name: string): Uint8Array {
  return sha256(utf8(name))
}

function streamed(format: 'deflate-raw'): Packer {
  return {
    pack: (bytes) => through(new CompressionStream(format), bytes, Number.POSITIVE_INFINITY),
    unpack: (packed, most) => through(new DecompressionStream(format), packed, most),
  }
}

async function through(
  { writable, readable }: CompressionStream | DecompressionStream,
  bytes: Uint8Array,
  most: number,
): Promise<Uint8Array> {
  const writer = writable.getWriter()
  const handedIn = writer.write(bytes as Uint8Array<ArrayBuffer>).then(() => writer.close())
  // What went wrong is thrown below, where it is read.
  handedIn.catch(() => {})
  const reader = readable.getReader()
  const pieces: Uint8Array[] = []
  let total = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    total += value.byteLength
    if (total > most) {
      void reader.cancel().catch(() => {})
      throw new RangeError(`more than ${most} bytes come out`)
    }
    pieces.push(value)
  }
  await handedIn
  const whole = new Uint8Array(total)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.byteLength
  }
  return whole
}
