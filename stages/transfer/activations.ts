import {
  BadConfiguration,
  BadMessage,
  type ElementType,
  elementBytes,
  type Packing as Packed,
  type Packer,
  type Platform,
  type Tensor,
  TooLarge,
  webPlatform,
} from '../../pipeline/index.ts'
import { fromAffine, type Grouping, toAffine } from './affine.ts'
import { fromHalves, toHalves } from './halves.ts'

/** How a tensor's numbers are written: `float32` exactly, the others with a bounded error. */
export type Precision = 'float32' | 'float16' | 'uint8' | 'uint8-per-channel'

/** How the written numbers are packed. */
export type Packing = 'plain' | Packed

/** Encodings of what crosses behind a layer, as a plan names them: `float16`, `uint8+deflate`, … */
export type ActivationEncoding = Precision | `${Precision}+${Packed}`

const precisions: readonly Precision[] = ['float32', 'float16', 'uint8', 'uint8-per-channel']
const packings: readonly Packing[] = ['plain', 'deflate', 'brotli']
const types = Object.keys(elementBytes) as ElementType[]

/** Every activation encoding. */
export const activationEncodings: readonly ActivationEncoding[] = packings.flatMap((packing) =>
  precisions.map((precision) => (packing === 'plain' ? precision : (`${precision}+${packing}` as const))),
)

/** Whether an encoding's name is one of an activation encoding. */
export function isActivationEncoding(name: string): name is ActivationEncoding {
  return (activationEncodings as readonly string[]).includes(name)
}

/** Whether a platform has what an encoding packs with. */
export function canPack({ packers }: Pick<Platform, 'packers'>, encoding: ActivationEncoding): boolean {
  const [, packing] = parts(encoding)
  return packing === 'plain' || packers[packing] !== undefined
}

/** Bounds for what is decoded (sizes that arrive are never trusted), and what unpacks it. */
export interface DecodeLimits {
  /** Bytes of the tensor once decoded; 64 MiB by default. */
  readonly bytes?: number
  /** Default: what every browser and runtime has. */
  readonly platform?: Pick<Platform, 'packers'> | undefined
}

// Layout, little-endian: "QA", version, precision, packing, type, rank, name length, u32 per side, u32 packed body
// length, name, body. The body, unpacked: for uint8 the groups' scales (f32) and zeros (u8), then the values.
const magic = [0x51, 0x41, 1] as const
const fixedBytes = 8
const mostRank = 8
const mostBytes = 64 * 2 ** 20

/**
 * Writes a tensor self-describingly. Only float32 tensors lose precision; tensors of other types, and float32 tensors
 * with values that bytes cannot carry (NaN, infinities), are written as they are. Packing is done off the calling
 * thread, on the runtime's own threads; until it is done the tensor's bytes must not change.
 * @param platform what packs. Default: what every browser and runtime has, which is no brotli
 * @throws TooLarge for names over 255 bytes or more than 8 dimensions · BadConfiguration the platform cannot pack so
 */
export async function encodeActivation(
  tensor: Tensor,
  encoding: ActivationEncoding,
  platform: Pick<Platform, 'packers'> = webPlatform,
): Promise<Uint8Array> {
  const [wanted, packing] = parts(encoding)
  const packer = packing === 'plain' ? undefined : packerOf(packing, platform, 'write')
  const name = new TextEncoder().encode(tensor.name)
  if (name.length > 255 || tensor.shape.length > mostRank) {
    throw new TooLarge(`The tensor "${tensor.name.slice(0, 40)}" has a name over 255 bytes or over 8 dimensions.`)
  }
  const { precision, body } = write(tensor, wanted)
  const packed = packer ? await packer.pack(body) : body
  const out = new Uint8Array(fixedBytes + 4 * tensor.shape.length + 4 + name.length + packed.length)
  out.set([...magic, precisions.indexOf(precision), packings.indexOf(packing), types.indexOf(tensor.type)])
  out.set([tensor.shape.length, name.length], 6)
  const view = new DataView(out.buffer)
  tensor.shape.forEach((side, axis) => {
    view.setUint32(fixedBytes + 4 * axis, side, true)
  })
  let at = fixedBytes + 4 * tensor.shape.length
  view.setUint32(at, packed.length, true)
  at += 4
  out.set(name, at)
  out.set(packed, at + name.length)
  return out
}

/**
 * Reads what `encodeActivation` wrote. The tensor's bytes are its own, aligned. Unpacking is done off the calling
 * thread, like packing.
 * @throws BadMessage where the bytes are anything else · TooLarge over the limit, before memory is taken ·
 *   BadConfiguration they are packed in a way that the platform lacks
 */
export async function decodeActivation(bytes: Uint8Array, limits: DecodeLimits = {}): Promise<Tensor> {
  const { name, type, shape, precision, packing, start, length } = header(bytes)
  const count = shape.reduce((product, side) => product * side, 1)
  const size = count * elementBytes[type]
  const most = limits.bytes ?? mostBytes
  if (!(size <= most)) {
    throw new TooLarge(
      `An activation of ${size} bytes is over the limit of ${most}. Raise the limit, or cut elsewhere.`,
    )
  }
  const grouping = groupingOf(shape, precision)
  const expected = bodyBytes(count, size, precision, grouping)
  const written = bytes.subarray(start, start + length)
  const packer = packing === 'plain' ? undefined : packerOf(packing, limits.platform ?? webPlatform, 'read')
  const body = packer ? await unpack(written, packer, expected) : written
  if (body.length !== expected) throw damaged(`${body.length} bytes instead of ${expected}`)
  return { name, type, shape, bytes: read(body, precision, count, grouping) }
}

/** Bytes of the tensor that encoded ones call for, as they say before anything is unpacked. @throws BadMessage */
export function activationBytes(bytes: Uint8Array): number {
  const { shape, type } = header(bytes)
  return shape.reduce((product, side) => product * side, elementBytes[type])
}

/** Whether an encoding gives back every bit of a tensor of that type. */
export function isExact(encoding: ActivationEncoding, type: ElementType = 'float32'): boolean {
  return type !== 'float32' || parts(encoding)[0] === 'float32'
}

function parts(encoding: ActivationEncoding): [Precision, Packing] {
  const [precision, packing] = encoding.split('+') as [Precision, Packing | undefined]
  return [precision, packing ?? 'plain']
}

function write(tensor: Tensor, wanted: Precision): { precision: Precision; body: Uint8Array } {
  const plain = { precision: 'float32' as const, body: tensor.bytes }
  if (tensor.type !== 'float32' || wanted === 'float32') return plain
  const values = floats(tensor.bytes)
  if (wanted === 'float16') return { precision: wanted, body: bytesOf(toHalves(values)) }
  const quantised = toAffine(values, groupingOf(tensor.shape, wanted))
  if (!quantised) return plain
  const { scale, zero, bytes } = quantised
  const body = new Uint8Array(scale.byteLength + zero.length + bytes.length)
  body.set(bytesOf(scale))
  body.set(zero, scale.byteLength)
  body.set(bytes, scale.byteLength + zero.length)
  return { precision: wanted, body }
}

function read(body: Uint8Array, precision: Precision, count: number, grouping: Grouping): Uint8Array {
  // A copy of its own: aligned, and independent of the message that it came in. (Of what Node gives, slice() copies nothing.)
  if (precision === 'float32') return new Uint8Array(body)
  if (precision === 'float16') return bytesOf(fromHalves(new Uint16Array(new Uint8Array(body).buffer, 0, count)))
  const scale = new Float32Array(new Uint8Array(body.subarray(0, 4 * grouping.groups)).buffer)
  const zero = body.subarray(4 * grouping.groups, 5 * grouping.groups)
  return bytesOf(fromAffine(body.subarray(5 * grouping.groups), { scale, zero }, grouping))
}

// Channels are the second axis. Where a channel has few values, its scale would weigh more than it saves.
function groupingOf(shape: readonly number[], precision: Precision): Grouping {
  const inner = shape.slice(2).reduce((product, side) => product * side, 1)
  const channels = shape[1] ?? 1
  const whole = Math.max(
    1,
    shape.reduce((product, side) => product * side, 1),
  )
  return precision === 'uint8-per-channel' && inner >= 16 && channels > 1
    ? { groups: channels, inner }
    : { groups: 1, inner: whole }
}

function bodyBytes(count: number, size: number, precision: Precision, { groups }: Grouping): number {
  if (precision === 'float32') return size
  return precision === 'float16' ? 2 * count : 5 * groups + count
}

/** @throws BadConfiguration there is none, with the packings that there are */
function packerOf(packing: Packed, { packers }: Pick<Platform, 'packers'>, what: 'read' | 'write'): Packer {
  const packer = packers[packing]
  if (packer) return packer
  const had = ['plain', ...Object.keys(packers)].join(', ')
  throw new BadConfiguration(
    `This side cannot ${what} activations packed with "${packing}"; it has: ${had}. Plan an encoding that both sides have.`,
  )
}

async function unpack(packed: Uint8Array, packer: Packer, expected: number): Promise<Uint8Array> {
  try {
    // Never more than the shape calls for, whatever the packed bytes would grow to.
    return await packer.unpack(packed, expected)
  } catch (cause) {
    throw damaged(`it does not unpack to ${expected} bytes`, cause)
  }
}

interface Header {
  readonly name: string
  readonly type: ElementType
  readonly shape: readonly number[]
  readonly precision: Precision
  readonly packing: Packing
  readonly start: number
  readonly length: number
}

function header(bytes: Uint8Array): Header {
  if (bytes.length < fixedBytes + 4 || magic.some((byte, at) => bytes[at] !== byte)) throw damaged('it has no header')
  const [precision, packing] = [precisions[bytes[3] ?? -1], packings[bytes[4] ?? -1]]
  const type = types[bytes[5] ?? -1]
  const [rank, nameLength] = [bytes[6] ?? 0, bytes[7] ?? 0]
  if (!precision || !packing || !type || rank > mostRank) throw damaged('its header has unknown values')
  if (type !== 'float32' && precision !== 'float32') throw damaged(`${type} cannot be written as ${precision}`)
  const after = fixedBytes + 4 * rank + 4
  if (bytes.length < after + nameLength) throw damaged('its header is cut off')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(fixedBytes + 4 * axis, true))
  const length = view.getUint32(after - 4, true)
  const start = after + nameLength
  if (bytes.length !== start + length) throw damaged(`its body has ${bytes.length - start} bytes instead of ${length}`)
  return { name: text(bytes.subarray(after, start)), type, shape, precision, packing, start, length }
}

function text(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw damaged('its name is no text', cause)
  }
}

function damaged(why: string, cause?: unknown): BadMessage {
  return new BadMessage(
    `An encoded activation cannot be read: ${why}. Both sides must run the same version of Quintet.`,
    cause === undefined ? {} : { cause },
  )
}

function floats(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes)
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4)
}

function bytesOf(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
