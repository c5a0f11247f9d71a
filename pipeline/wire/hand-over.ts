import type { Parts, Unwritten } from '../transport.ts'
import { headSize, packFrame, packHead } from './frame.ts'
import { type Down, down, readFrame, type Up, up } from './protocol.ts'

/*
 * Where both ends are in one process, a header is handed over as it is and nothing is packed, read or checked: it is of
 * its type already. All else about the conversation is the same, what it takes on a wire included.
 */

/** A header that stands unwritten before its parts. */
class Head<H extends object> implements Unwritten {
  readonly header: H
  readonly #parts: Parts
  #byteLength: number | undefined

  constructor(header: H, parts: Parts) {
    this.header = header
    this.#parts = parts
  }

  get byteLength(): number {
    this.#byteLength ??= headSize(this.header, this.#parts)
    return this.#byteLength
  }

  write(): Uint8Array {
    return packHead(this.header, this.#parts)
  }
}

class UpHead extends Head<Up> {}
class DownHead extends Head<Down> {}

/**
 * What goes up, for a transport.
 * @param handsOver whether the transport hands over what it is given
 * @throws TooLarge as `packFrame`, where it is written
 */
export function sendUp(header: Up, parts: Parts, handsOver: boolean | undefined): Parts {
  return handsOver ? unwritten(new UpHead(header, parts), parts) : packFrame(header, parts)
}

/**
 * What goes down, in the way that what it answers came up.
 * @throws TooLarge as `packFrame`, where it is written
 */
export function sendDown(header: Down, parts: Parts, handsOver: boolean): Parts {
  return handsOver ? unwritten(new DownHead(header, parts), parts) : packFrame(header, parts)
}

/** What was sent up: as it was handed over; what came as bytes is checked. @throws BadMessage */
export function readUp(data: Parts): { header: Up; parts: Parts } {
  const head = data.unwritten
  return head instanceof UpHead ? { header: head.header, parts: data } : readFrame(up, data)
}

/** The same of what was sent down. @throws BadMessage */
export function readDown(data: Parts): { header: Down; parts: Parts } {
  const head = data.unwritten
  return head instanceof DownHead ? { header: head.header, parts: data } : readFrame(down, data)
}

function unwritten(head: Unwritten, parts: Parts): Parts {
  const handed: Uint8Array[] & { unwritten?: Unwritten } = [...parts]
  handed.unwritten = head
  return handed
}
