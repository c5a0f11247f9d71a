import { Packr } from 'msgpackr'
import { Slabs } from '../bytes.ts'
import { BadMessage, TooLarge } from '../errors.ts'
import type { Parts } from '../transport.ts'
import { type Dialects, everyVersion, type VersionRange, wireDialects } from './dialects.ts'
import { packedSize } from './packed-size.ts'

/*
 * A frame: "Q", its version, the least and the most version that its sender speaks, number of parts (u16), header length
 * (u32), length of each part (u32), header (a map in MessagePack), the parts. All little-endian. The parts' bytes are never
 * copied here: they follow the head as parts of their own, and come back as views.
 *
 * This layout is the same in all versions: what a version changes is what the header's fields are called and mean. So
 * everybody can read of everybody which versions they speak, and version 0, which is no dialect, is understood by all.
 */
const magic = 0x51
const fixed = 10
const maxParts = 64
/** A result with a thousand boxes fits. */
const maxHeader = 512 * 1024

// Plain maps, because both ends must understand a frame without having seen another; BigInt never comes off the wire.
const packr = new Packr({ useRecords: false, int64AsType: 'number', largeBigIntToFloat: true })

/** What stands before the parts, of all frames. */
const heads = new Slabs()

/**
 * Puts a header before parts.
 * @param version in which it is written, one of the dialects'. Default: the newest
 * @throws TooLarge when there are more than 64 parts or the header exceeds 512 KB: nobody would read it
 */
export function packFrame(
  header: object,
  parts: Parts = [],
  dialects: Dialects = wireDialects,
  version: number = dialects.most,
): Parts {
  const head = packHead(header, parts, dialects, version)
  return parts.length === 0 ? [head] : [head, ...parts]
}

/** What stands before the parts. @throws TooLarge as `packFrame` */
export function packHead(header: object, parts: Parts, dialects: Dialects, version: number): Uint8Array {
  const packed = packr.pack(dialects.write(header, version))
  if (parts.length > maxParts || packed.byteLength > maxHeader) {
    throw new TooLarge(
      `A message of ${parts.length} parts with a header of ${packed.byteLength} bytes cannot be sent: ${maxParts} parts and ${maxHeader} bytes are allowed. Put large data into parts, and fewer of them.`,
    )
  }
  const at = fixed + 4 * parts.length
  const head = heads.take(at + packed.byteLength)
  head[0] = magic
  head[1] = version
  head[2] = dialects.least
  head[3] = dialects.most
  head[4] = parts.length
  head[5] = parts.length >>> 8
  writeLength(head, 6, packed.byteLength)
  let length = fixed
  for (const part of parts) {
    writeLength(head, length, part.byteLength)
    length += 4
  }
  head.set(packed, at)
  return head
}

function writeLength(head: Uint8Array, at: number, bytes: number): void {
  head[at] = bytes
  head[at + 1] = bytes >>> 8
  head[at + 2] = bytes >>> 16
  head[at + 3] = bytes >>> 24
}

/** Bytes of what stands before the parts, without writing it. */
export function headSize(header: object, parts: Parts): number {
  return fixed + 4 * parts.length + packedSize(header)
}

/** A frame that was read as far as all versions are the same. */
export interface Frame extends VersionRange {
  /** Whatever MessagePack held, in the version that the frame has. */
  readonly header: unknown
  readonly parts: Parts
  readonly version: number
}

/** The version that bytes say they are written in; undefined where they do not even begin as a frame. */
export function versionOf(data: Parts): number | undefined {
  const head = data.unwritten ? undefined : data[0]
  return head?.[0] === magic ? head[1] : undefined
}

/**
 * Reads a frame, whether its parts arrived joined or apart. The header is whatever MessagePack held: check it.
 * @throws BadMessage when these are not the bytes of a frame
 */
export function unpackFrame(handed: Parts): Frame {
  const data = written(handed)
  const head = data[0]
  if (!head || head.byteLength < fixed || head[0] !== magic) throw notAFrame('it does not start with one')
  const version = head[1] as number
  const least = head[2] as number
  const most = head[3] as number
  if (least < 1 || (version !== everyVersion && (version < least || version > most))) {
    throw notAFrame('its versions do not fit')
  }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const count = view.getUint16(4, true)
  const headerLength = view.getUint32(6, true)
  const headerAt = fixed + 4 * count
  if (count > maxParts || headerLength > maxHeader || headerAt + headerLength > head.byteLength) {
    throw notAFrame('its lengths do not fit')
  }
  const bodyAt = headerAt + headerLength
  const apart = data.length > 1
  if (apart && (data.length !== count + 1 || head.byteLength !== bodyAt)) throw notAFrame('parts are missing')
  const parts: Uint8Array[] = []
  let at = bodyAt
  for (let index = 0; index < count; index++) {
    const length = view.getUint32(fixed + 4 * index, true)
    const part = apart ? (data[index + 1] as Uint8Array) : head.subarray(at, at + length)
    if (part.byteLength !== length) throw notAFrame('a part is shorter than announced')
    parts.push(part)
    at += length
  }
  if (!apart && head.byteLength !== at) throw notAFrame('bytes follow its end')
  try {
    return { header: packr.unpack(head.subarray(headerAt, headerAt + headerLength)), parts, version, least, most }
  } catch (cause) {
    throw notAFrame('its header is damaged', cause)
  }
}

/** Bytes of all parts together, those of a header that is not written included. */
export function totalBytes(parts: Parts): number {
  let total = parts.unwritten?.byteLength ?? 0
  for (const part of parts) total += part.byteLength
  return total
}

/** The same as bytes alone: what a header that is not written takes stands before the parts. */
export function written(parts: Parts): Parts {
  return parts.unwritten ? [parts.unwritten.write(), ...parts] : parts
}

/** All parts as one: the only part itself where there is one, else one copy. */
export function join(handed: Parts): Uint8Array {
  const parts = written(handed)
  const only = parts[0]
  if (parts.length === 1 && only) return only
  const joined = new Uint8Array(totalBytes(parts))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.byteLength
  }
  return joined
}

function notAFrame(why: string, cause?: unknown): BadMessage {
  return new BadMessage(`The bytes are not a Quintet message: ${why}. Only Quintet may publish on this subject.`, {
    cause,
  })
}
