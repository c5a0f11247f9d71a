import { Packr } from 'msgpackr'
import { Slabs } from '../bytes.ts'
import { BadMessage, Damaged, TooLarge } from '../errors.ts'
import { type Platform, webPlatform } from '../platform.ts'
import type { Parts } from '../transport.ts'
import { outOfBounds } from './bounds.ts'
import { type Dialects, everyVersion, type VersionRange, wireDialects } from './dialects.ts'
import { packedSize } from './packed-size.ts'

/*
 * A frame: "Q", its version, the least and the most version that its sender speaks, number of parts (u16), header length
 * (u32), check of the parts (u32), check of the head (u32), length of each part (u32), header (a map in MessagePack), the
 * parts. All little-endian. The parts' bytes are never copied here: they follow the head as parts of their own, and come
 * back as views.
 *
 * The checks are CRC-32: of the parts, and of all that stands between the "Q" and the parts but for the check itself. So where
 * parts are damaged it is still known what they are of, and the check of the parts tells two messages apart.
 *
 * This layout is the same in all versions: what a version changes is what the header's fields are called and mean. So
 * everybody can read of everybody which versions they speak, and version 0, which is no dialect, is understood by all.
 */
const magic = 0x51
const partsCheckAt = 10
const headCheckAt = 14
const fixed = 18
const maxParts = 64
/** A result with a thousand boxes fits. */
const maxHeader = 256 * 1024
/** What describes most messages is shorter, bytes, and within all other bounds therefore. */
const shortHeader = 1024

/** What checks are made with. */
export type Checking = Pick<Platform, 'crc32'>

// Plain maps, because both ends must understand a frame without having seen another; BigInt never comes off the wire.
const packr = new Packr({ useRecords: false, int64AsType: 'number', largeBigIntToFloat: true })

/** What stands before the parts, of all frames. */
const heads = new Slabs()

/**
 * Puts a header before parts.
 * @param version in which it is written, one of the dialects'. Default: the newest
 * @param checking what makes the checks. Default: what runs anywhere
 * @throws TooLarge when there are more than 64 parts or the header exceeds 256 KB: nobody would read it
 */
export function packFrame(
  header: object,
  parts: Parts = [],
  dialects: Dialects = wireDialects,
  version: number = dialects.most,
  checking: Checking = webPlatform,
): Parts {
  const head = packHead(header, parts, dialects, version, checking)
  return parts.length === 0 ? [head] : [head, ...parts]
}

/** What stands before the parts. @throws TooLarge as `packFrame` */
export function packHead(
  header: object,
  parts: Parts,
  dialects: Dialects,
  version: number,
  checking: Checking = webPlatform,
): Uint8Array {
  const packed = packr.pack(dialects.write(header, version))
  if (parts.length > maxParts || packed.byteLength > maxHeader) {
    throw new TooLarge(
      `A message of ${parts.length} parts with a header of ${packed.byteLength} bytes cannot be sent: ${maxParts} parts and ${maxHeader} bytes are allowed. Put large data into parts, and fewer of them.`,
    )
  }
  const wrong = packed.byteLength > shortHeader ? outOfBounds(packed) : undefined
  if (wrong !== undefined) {
    throw new TooLarge(
      `This cannot be sent, as nobody would read it: ${wrong}. Put large data into parts, or send less.`,
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
  writeU32(head, 6, packed.byteLength)
  writeU32(head, partsCheckAt, partsCheck(parts, checking))
  let length = fixed
  for (const part of parts) {
    writeU32(head, length, part.byteLength)
    length += 4
  }
  head.set(packed, at)
  writeU32(head, headCheckAt, headCheck(head, checking))
  return head
}

function writeU32(head: Uint8Array, at: number, number: number): void {
  head[at] = number
  head[at + 1] = number >>> 8
  head[at + 2] = number >>> 16
  head[at + 3] = number >>> 24
}

function headCheck(head: Uint8Array, { crc32 }: Checking): number {
  return crc32(head.subarray(fixed), crc32(head.subarray(1, headCheckAt)))
}

/** The check of parts, as of their bytes in a row. */
function partsCheck(parts: Parts, { crc32 }: Checking): number {
  let check = 0
  for (const part of parts) check = crc32(part, check)
  return check
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
  /** The check of the parts: of other bytes it is another, as good as always. */
  readonly check: number
  /** What was sent as parts is not what came. */
  readonly damaged: boolean
}

/** The check of the parts of a frame that was packed. */
export function checkOf([head]: Parts): number {
  return head ? new DataView(head.buffer, head.byteOffset).getUint32(partsCheckAt, true) : 0
}

/** The version that bytes say they are written in; undefined where they do not even begin as a frame. */
export function versionOf(data: Parts): number | undefined {
  const head = data.unwritten ? undefined : data[0]
  return head?.[0] === magic ? head[1] : undefined
}

/**
 * Reads a frame, whether its parts arrived joined or apart. The header is whatever MessagePack held, within bounds: check it.
 * @throws Damaged these bytes were a frame once, and are none now · BadMessage they never were one
 */
export function unpackFrame(data: Parts, checking: Checking = webPlatform): Frame {
  const frame = unpackHead(data, checking)
  if (frame.damaged) throw new Damaged(`${damagedOnItsWay} Send it again.`)
  return frame
}

/** The same, where parts that were damaged are left to the reader, who now knows whose they are. @throws as `unpackFrame` */
export function unpackHead(handed: Parts, checking: Checking = webPlatform): Frame {
  const data = written(handed)
  const head = data[0]
  if (!head || head.byteLength < fixed) throw notAFrame('it is too short for one')
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const count = view.getUint16(4, true)
  const headerLength = view.getUint32(6, true)
  const headerAt = fixed + 4 * count
  const bodyAt = headerAt + headerLength
  const fits = count <= maxParts && headerLength <= maxHeader && bodyAt <= head.byteLength
  const intact = fits && headCheck(head.subarray(0, bodyAt), checking) === view.getUint32(headCheckAt, true)
  if (head[0] !== magic && !intact) throw notAFrame('it does not start with one')
  if (head[0] !== magic || !intact)
    throw new Damaged(`${damagedOnItsWay} Send it again, or look who else publishes here.`)
  const version = head[1] as number
  const least = head[2] as number
  const most = head[3] as number
  if (least < 1 || (version !== everyVersion && (version < least || version > most))) {
    throw notAFrame('its versions do not fit')
  }
  const packed = head.subarray(headerAt, bodyAt)
  const wrong = outOfBounds(packed)
  if (wrong !== undefined) throw notAFrame(wrong)
  const parts = partsOf(data, view, count, bodyAt)
  const check = view.getUint32(partsCheckAt, true)
  const damaged = parts === undefined || partsCheck(parts, checking) !== check
  try {
    return { header: packr.unpack(packed), parts: parts ?? [], version, least, most, check, damaged }
  } catch (cause) {
    throw notAFrame('its header is no MessagePack', cause)
  }
}

const damagedOnItsWay = 'The bytes of a frame are not those that were sent: its check differs.'

/** The parts, joined with the head or apart from it; undefined where they have not the lengths that the head says. */
function partsOf(data: Parts, view: DataView, count: number, bodyAt: number): Uint8Array[] | undefined {
  const head = data[0] as Uint8Array
  const apart = data.length > 1
  if (apart && (data.length !== count + 1 || head.byteLength !== bodyAt)) return undefined
  const parts: Uint8Array[] = []
  let at = bodyAt
  for (let index = 0; index < count; index++) {
    const length = view.getUint32(fixed + 4 * index, true)
    const part = apart ? (data[index + 1] as Uint8Array) : head.subarray(at, at + length)
    if (part.byteLength !== length) return undefined
    parts.push(part)
    at += length
  }
  return apart || head.byteLength === at ? parts : undefined
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
