import { Packr } from 'msgpackr'
import { Slabs } from '../bytes.ts'
import { BadMessage, TooLarge } from '../errors.ts'
import type { Parts } from '../transport.ts'
import { packedSize } from './packed-size.ts'

/*
 * A frame: "Q", version, number of parts (u16), header length (u32), length of each part (u32), header (MessagePack),
 * the parts. All little-endian. The parts' bytes are never copied here: they follow the head as parts of their own, and
 * come back as views.
 */
const magic = 0x51
export const version = 1
const fixed = 8
const maxParts = 64
/** A result with a thousand boxes fits. */
const maxHeader = 512 * 1024

// Plain maps, because both ends must understand a frame without having seen another; BigInt never comes off the wire.
const packr = new Packr({ useRecords: false, int64AsType: 'number', largeBigIntToFloat: true })

/** What stands before the parts, of all frames. */
const heads = new Slabs()

/**
 * Puts a header before parts.
 * @throws TooLarge when there are more than 64 parts or the header exceeds 512 KB: nobody would read it
 */
export function packFrame(header: object, parts: Parts = []): Parts {
  const head = packHead(header, parts)
  return parts.length === 0 ? [head] : [head, ...parts]
}

/** What stands before the parts. @throws TooLarge as `packFrame` */
export function packHead(header: object, parts: Parts): Uint8Array {
  const packed = packr.pack(header)
  if (parts.length > maxParts || packed.byteLength > maxHeader) {
    throw new TooLarge(
      `A message of ${parts.length} parts with a header of ${packed.byteLength} bytes cannot be sent: ${maxParts} parts and ${maxHeader} bytes are allowed. Put large data into parts, and fewer of them.`,
    )
  }
  const at = fixed + 4 * parts.length
  const head = heads.take(at + packed.byteLength)
  head[0] = magic
  head[1] = version
  head[2] = parts.length
  head[3] = parts.length >>> 8
  writeLength(head, 4, packed.byteLength)
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

/**
 * Reads a frame, whether its parts arrived joined or apart. The header is whatever MessagePack held: check it.
 * @throws BadMessage when these are not the bytes of a frame of this version
 */
export function unpackFrame(handed: Parts): { header: unknown; parts: Parts } {
  const data = written(handed)
  const head = data[0]
  if (!head || head.byteLength < fixed || head[0] !== magic) throw notAFrame('it does not start with one')
  if (head[1] !== version) {
    throw new BadMessage(
      `The message has wire version ${head[1]}, this node speaks ${version}. Run the same version of Quintet on both sides.`,
    )
  }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const count = view.getUint16(2, true)
  const headerLength = view.getUint32(4, true)
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
    return { header: packr.unpack(head.subarray(headerAt, headerAt + headerLength)), parts }
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
