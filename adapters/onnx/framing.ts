import type { Tensor } from '../../pipeline/index.ts'
import type { Packet } from './protocol.ts'
import { largestShared, type SharedBodies } from './shared.ts'

/** Bounds of one frame, in bytes. */
export interface FrameBounds {
  /** Head: the request or reply and the tensors' names and shapes, as JSON. */
  readonly head: number
  /** Body: the tensors' data. */
  readonly body: number
}

/** Wide enough for any picture or activation, narrow enough that a garbled length cannot take the machine's memory. */
export const defaultBounds: FrameBounds = { head: 1 << 20, body: 1 << 28 }

/** Bytes arrived that are no frame, or one beyond the bounds: the other side is not what it should be. */
export class BadFrame extends Error {}

interface Head {
  readonly head: unknown
  /** Where the body stands in shared memory, and its size, when it does not follow the head. */
  readonly shared?: { readonly at: number; readonly size: number }
  readonly tensors: readonly (Omit<Tensor, 'bytes'> & { readonly offset: number; readonly length: number })[]
}

const prefixBytes = 8

/** Bodies up to so many bytes are copied behind their head, and written with it in one call that costs more than they. */
const smallBody = 1 << 12

/** What both directions of a connection agree on. */
export interface FrameOptions {
  /** Default: `defaultBounds`. */
  readonly bounds?: FrameBounds
  /** Memory shared with the other side, for bodies that fit. */
  readonly shared?: SharedBodies | undefined
}

/**
 * A packet as the parts to write: `head length u32 | body length u32 | head (JSON) | body`, little-endian. Each tensor
 * starts at a multiple of 8 in the body, so that its elements are aligned where they arrive. Tensor bytes are not
 * copied, but for a few beside their head, and for those that pass through shared memory, which this call writes there.
 *
 * @throws BadFrame beyond the bounds
 */
export function encodeFrame(
  packet: Packet<unknown>,
  { bounds = defaultBounds, shared }: FrameOptions = {},
): readonly Uint8Array[] {
  const parts: Uint8Array[] = []
  let body = 0
  const tensors = packet.tensors.map(({ name, type, shape, bytes }) => {
    const padding = -body & 7
    if (padding > 0) parts.push(new Uint8Array(padding))
    const offset = body + padding
    parts.push(bytes)
    body = offset + bytes.byteLength
    return { name, type, shape, offset, length: bytes.byteLength }
  })
  // Before anything is written where the other side would read it.
  checkBounds(0, body, bounds)
  const at = shared?.write(parts, body)
  if (at === undefined && body <= smallBody) return [opening({ head: packet.head, tensors }, body, bounds, parts)]
  if (at === undefined) return [opening({ head: packet.head, tensors }, body, bounds), ...parts]
  return [opening({ head: packet.head, tensors, shared: { at, size: body } }, 0, bounds)]
}

/** The prefix and the head, and what is to follow in the same piece. */
function opening(head: Head, body: number, bounds: FrameBounds, parts: readonly Uint8Array[] = []): Uint8Array {
  const text = JSON.stringify(head)
  const size = Buffer.byteLength(text)
  checkBounds(size, body, bounds)
  const bytes = Buffer.allocUnsafe(prefixBytes + size + (parts.length === 0 ? 0 : body))
  bytes.writeUInt32LE(size, 0)
  bytes.writeUInt32LE(body, 4)
  bytes.write(text, prefixBytes)
  let at = prefixBytes + size
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return bytes
}

export interface FrameReaderOptions extends FrameOptions {
  /**
   * Read each body into the memory of the one before the last: for a reader that is done with a packet before the
   * second after it is sent. Fresh memory for 602 KB costs more than all else about its frame together (350 of 590 µs).
   */
  readonly reuse?: boolean
}

/** Memory kept for the next body, at most. */
const largestKept = 1 << 23

/** Puts frames together from a stream's chunks; each body's bytes are copied once, into memory that is not shared. */
export class FrameReader<T> {
  readonly #bounds: FrameBounds
  readonly #shared: SharedBodies | undefined
  readonly #reuse: boolean
  /** Memory for the next body, and for the one after it. */
  readonly #kept: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)]
  readonly #prefix = Buffer.alloc(prefixBytes)
  #head: Buffer | undefined
  #body: Buffer = Buffer.alloc(0)
  #filled = 0

  constructor({ bounds = defaultBounds, shared, reuse = false }: FrameReaderOptions = {}) {
    this.#bounds = bounds
    this.#shared = shared
    this.#reuse = reuse
  }

  /** The packets that the chunk completes, in order. @throws BadFrame; the reader is of no use afterwards */
  *push(chunk: Uint8Array): Generator<Packet<T>> {
    let at = 0
    while (true) {
      const { target, already } = this.#target()
      const taken = Math.min(target.byteLength - already, chunk.byteLength - at)
      target.set(chunk.subarray(at, at + taken), already)
      at += taken
      this.#filled += taken
      if (already + taken < target.byteLength) return
      if (this.#head === undefined) {
        this.#open()
      } else if (this.#filled === prefixBytes + this.#head.byteLength + this.#body.byteLength) {
        yield this.#finish(this.#head)
      }
    }
  }

  /** Where the next byte belongs: the prefix, then the head, then the body. */
  #target(): { target: Buffer; already: number } {
    if (this.#head === undefined) return { target: this.#prefix, already: this.#filled }
    const inHead = this.#filled - prefixBytes
    if (inHead < this.#head.byteLength) return { target: this.#head, already: inHead }
    return { target: this.#body, already: inHead - this.#head.byteLength }
  }

  #open(): void {
    const head = this.#prefix.readUInt32LE(0)
    const body = this.#prefix.readUInt32LE(4)
    checkBounds(head, body, this.#bounds)
    if (head === 0) throw new BadFrame('A frame without a head.')
    this.#head = Buffer.allocUnsafeSlow(head)
    this.#body = this.#room(body)
  }

  /** Never from Buffer's pool: a tensor that is kept must not keep other data alive, and has to be aligned. */
  #room(size: number): Buffer {
    // A frame whose body comes by shared memory has none of its own, and takes no turn.
    if (!this.#reuse || size === 0 || size > largestKept) return Buffer.allocUnsafeSlow(size)
    this.#kept.reverse()
    if (this.#kept[0].byteLength < size) this.#kept[0] = Buffer.allocUnsafeSlow(size)
    return this.#kept[0].subarray(0, size)
  }

  #finish(head: Buffer): Packet<T> {
    const parsed = parseHead(head)
    const body = parsed.shared === undefined ? this.#body : this.#fetch(parsed.shared)
    this.#head = undefined
    this.#body = Buffer.alloc(0)
    this.#filled = 0
    const tensors = parsed.tensors.map(({ offset, length, ...tensor }) => {
      if (!(offset >= 0 && length >= 0 && offset + length <= body.byteLength)) {
        throw new BadFrame(`Tensor "${tensor.name}" lies outside its frame.`)
      }
      return { ...tensor, bytes: new Uint8Array(body.buffer, offset, length) }
    })
    return { head: parsed.head as T, tensors }
  }

  /** A body that did not come along. */
  #fetch({ at, size }: { readonly at: number; readonly size: number }): Buffer {
    const found = Number.isSafeInteger(at) && Number.isSafeInteger(size) && at >= 0 && size >= 0
    if (!found || size > largestShared) throw new BadFrame('A frame whose body is nowhere.')
    const body = this.#room(size)
    if (this.#shared?.read(at, body)) return body
    throw new BadFrame('A frame whose body is not where its head says.')
  }
}

function parseHead(bytes: Buffer): Head {
  try {
    const head = JSON.parse(bytes.toString()) as Head
    if (Array.isArray(head.tensors)) return head
  } catch (cause) {
    throw new BadFrame('A frame whose head cannot be read.', { cause })
  }
  throw new BadFrame('A frame whose head names no tensors.')
}

function checkBounds(head: number, body: number, bounds: FrameBounds): void {
  if (head > bounds.head || body > bounds.body) {
    throw new BadFrame(
      `A frame of ${head} + ${body} bytes, more than the ${bounds.head} + ${bounds.body} allowed. Send less at a time.`,
    )
  }
}
