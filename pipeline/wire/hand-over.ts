import type { Parts, Transport, Unwritten } from '../transport.ts'
import { type Dialects, dialectsOf, wireDialects } from './dialects.ts'
import { type Checking, headSize, packFrame, packHead } from './frame.ts'
import { type Down, down, packReply, type Read, readFrame, readReply, type Up, up } from './protocol.ts'

/*
 * Where both ends are in one process, a header is handed over as it is and nothing is packed, read or checked: it is of
 * its type already, and both ends are of one version. All else about the conversation is the same, what it takes on a wire
 * included.
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
    return packHead(this.header, this.#parts, wireDialects, wireDialects.most)
  }
}

class UpHead extends Head<Up> {}
class DownHead extends Head<Down> {}

/**
 * What goes up over a transport.
 * @param version of the wire in which it is written, where it is. Default: the newest
 * @param checking what makes its checks, where it is written
 * @throws TooLarge as `packFrame`, where it is written
 */
export function sendUp(
  header: Up,
  parts: Parts,
  transport: Pick<Transport, 'handsOver' | 'dialects'>,
  version: number = dialectsOf(transport).most,
  checking?: Checking,
): Parts {
  if (transport.handsOver) return unwritten(new UpHead(header, parts), parts)
  return packFrame(header, parts, dialectsOf(transport), version, checking)
}

/**
 * What goes down, in the way and the version in which what it answers came up.
 * @throws TooLarge as `packFrame`, where it is written
 */
export function sendDown(
  header: Down,
  parts: Parts,
  asked: Parts,
  dialects: Dialects = wireDialects,
  checking?: Checking,
): Parts {
  if (asked.unwritten) return unwritten(new DownHead(header, parts), parts)
  return packReply(header, parts, asked, dialects, header.node, checking)
}

/** What was sent up: as it was handed over; what came as bytes is checked. @throws Damaged · BadMessage · VersionMismatch */
export function readUp(data: Parts, dialects: Dialects = wireDialects, checking?: Checking): Read<Up> {
  const head = data.unwritten
  return head instanceof UpHead
    ? handed(head.header, data, dialects)
    : readFrame(up, data, dialects, undefined, checking)
}

/** The same of what was sent down. @throws Damaged · BadMessage · VersionMismatch */
export function readDown(data: Parts, dialects: Dialects = wireDialects, checking?: Checking): Read<Down> {
  const head = data.unwritten
  return head instanceof DownHead
    ? handed(head.header, data, dialects)
    : readReply(down, data, dialects, undefined, checking)
}

function handed<T>(header: T, parts: Parts, { least, most }: Dialects): Read<T> {
  return { header, parts, least, most }
}

function unwritten(head: Unwritten, parts: Parts): Parts {
  const handed: Uint8Array[] & { unwritten?: Unwritten } = [...parts]
  handed.unwritten = head
  return handed
}
