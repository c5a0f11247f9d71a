import { BadMessage } from '../errors.ts'
import type { Parts } from '../transport.ts'
import { join, totalBytes } from './frame.ts'
import type { Down } from './protocol.ts'

/** Bytes of the parts of an answer, at most; before them stands a header, which is bounded by its frame. */
export const mostAnswer = 64 * 2 ** 20
const mostReply = mostAnswer + 2 ** 20

export type Piece = Extract<Down, { kind: 'piece' }>

/**
 * A reply that is longer than the transport takes at once, cut. Replies of one node come in the order they were sent; where
 * a connection breaks between two of them the whole is lost, as it would be in one.
 */
export function* inPieces(frame: Parts, node: string, length: number): Generator<{ header: Piece; part: Uint8Array }> {
  const whole = join(frame)
  for (let at = 0; at < whole.byteLength; at += length) {
    yield { header: { kind: 'piece', node, at, of: whole.byteLength }, part: whole.subarray(at, at + length) }
  }
}

/** Puts the pieces of a reply together. */
export class Pieces {
  #parts: Uint8Array[] = []
  #bytes = 0
  #node: string | undefined

  /** The reply, once it is whole; undefined while it is not. @throws BadMessage it is none, or longer than any may be */
  add({ node, at, of }: Piece, parts: Parts): Parts | undefined {
    if (at === 0) this.#begin(node)
    // One was lost before it: this reply will never be whole.
    if (node !== this.#node || at !== this.#bytes) return undefined
    const bytes = totalBytes(parts)
    if (bytes === 0 || of > mostReply || at + bytes > of) {
      throw new BadMessage(
        `A piece of ${bytes} bytes at ${at} does not fit a reply of ${of}. Look at the node's version.`,
      )
    }
    this.#parts.push(...parts)
    this.#bytes += bytes
    if (this.#bytes < of) return undefined
    const whole = this.#parts
    this.#begin(undefined)
    return [join(whole)]
  }

  #begin(node: string | undefined): void {
    this.#parts = []
    this.#bytes = 0
    this.#node = node
  }
}
