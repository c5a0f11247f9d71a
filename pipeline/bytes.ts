/*
 * Bytes by what the language has: the same on every platform, and as quick as what a runtime adds to it.
 */

const encoder = new TextEncoder()

/** A text as UTF-8. */
export const utf8 = (text: string): Uint8Array => encoder.encode(text)

/** Bytes that a text takes as UTF-8; half of a pair alone counts as the sign that it is replaced by, as encoders do. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x80) continue
    if (code < 0x800) bytes += 1
    else if ((code & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00) {
      // Two units, four bytes.
      bytes += 2
      at++
    } else bytes += 2
  }
  return bytes
}

const digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Two lower-case digits a byte. */
export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += digits[byte]
  return text
}

/** Four characters of `[A-Za-z0-9_-]` for three bytes, without padding (RFC 4648, section 5). */
export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/**
 * Small arrays, each a piece of a larger one: an array of its own for every few hundred bytes is what costs the garbage
 * collector most. No piece is ever given twice; a slab is freed when none of its pieces is held any longer.
 */
export class Slabs {
  readonly #size: number
  #slab: ArrayBuffer
  #at = 0

  /** @param size bytes of a slab; what takes more than half of one gets an array of its own */
  constructor(size = 8192) {
    this.#size = size
    this.#slab = new ArrayBuffer(size)
  }

  take(bytes: number): Uint8Array {
    if (bytes > this.#size >>> 1) return new Uint8Array(bytes)
    if (this.#at + bytes > this.#size) {
      this.#slab = new ArrayBuffer(this.#size)
      this.#at = 0
    }
    const piece = new Uint8Array(this.#slab, this.#at, bytes)
    this.#at += bytes
    return piece
  }
}
