import type { Capture, FailedCapture, FrameData } from '../capture.ts'
import { BadInput, described, isQuintetError, reasonOf } from '../errors.ts'
import { type Captured, elementBytes, isBytes, type Tensor } from '../payload.ts'

/*
 * What a source gives comes from anywhere: a camera that has no frame yet gives null, a decoder a string, a proxy an
 * exception. It is read once, here, into plain values; what is no capture becomes a failed one, and the source goes on.
 */

/** Characters of a frame's own data, as JSON. */
const mostMeta = 4096

const give =
  'Give the bytes of a picture (Uint8Array), { payload, stream, id, ms, at, meta, deadline, accuracy }, or { error } for one that went wrong'

/**
 * Reads what a source gave. Never throws.
 * @param value anything
 * @param number which of the source's frames it is, from 1: for the sentence
 * @param copy whether the bytes are copied, so that whoever gave them may write them over
 */
export function readCapture(value: unknown, number: number, copy = false): Capture | FailedCapture {
  let stream: string | undefined
  let id: string | undefined
  const failed = (error: unknown): FailedCapture => ({
    error,
    ...(stream === undefined ? {} : { stream }),
    ...(id === undefined ? {} : { id }),
  })
  const name = () => `Frame ${number}${stream === undefined ? '' : ` of stream ${JSON.stringify(stream.slice(0, 80))}`}`
  try {
    if (!isObject(value)) throw new BadInput(`${name()} is ${described(value)}${adviceOn(value)}. ${give}.`)
    const given = (isBytes(value) ? { payload: { form: 'image', at: 'captured', bytes: value } } : value) as Partial<
      Record<keyof Capture | keyof FailedCapture, unknown>
    >
    if (typeof given.stream === 'string') stream = given.stream
    if (typeof given.id === 'string') id = given.id
    const { error, ms, payload } = given
    // Only now: many an object that is no capture has a stream of its own kind.
    if (!isObject(payload) && !('error' in given)) {
      throw new BadInput(`${name()} is ${withoutPayload(value, payload)}. ${give}.`)
    }
    stream = nameOf(given.stream, 'stream', name())
    id = nameOf(given.id, 'id', name())
    if (error !== undefined || !isObject(payload)) return failed(error)
    if (ms !== undefined && !(typeof ms === 'number' && ms >= 0 && ms < Number.POSITIVE_INFINITY)) {
      throw new BadInput(`${name()} says ms: ${reasonOf(ms)}. Give the milliseconds that capturing took, 0 or more.`)
    }
    const { at, meta, deadline, accuracy } = given
    const own = { at, meta, deadline, accuracy }
    return {
      payload: readPayload(payload, name(), copy),
      ...((at ?? meta ?? deadline ?? accuracy) === undefined ? {} : readOwn(own, name())),
      ...(stream === undefined ? {} : { stream }),
      ...(id === undefined ? {} : { id }),
      ...(ms === undefined ? {} : { ms }),
    }
  } catch (thrown) {
    if (isQuintetError(thrown)) return failed(thrown)
    return failed(new BadInput(`${name()} throws when it is read: ${reasonOf(thrown)}. ${give}.`, { cause: thrown }))
  }
}

/** What the frame carries of its own: only what is there. */
function readOwn(
  { at, meta, deadline, accuracy }: { readonly [K in keyof FrameData]: unknown },
  frame: string,
): FrameData {
  const own: { -readonly [K in keyof FrameData]: FrameData[K] } = {}
  if (at !== undefined)
    own.at = readNumber(at, `${frame} says at`, 'Give when it was captured, ms since 1970', 0, 8.64e15)
  if (deadline !== undefined) {
    const what = 'Give the milliseconds from capture within which its answer is on time, more than 0 and at most 24 h'
    own.deadline = readNumber(deadline, `${frame} says deadline`, what, Number.MIN_VALUE, 86_400_000)
  }
  if (accuracy !== undefined) {
    own.accuracy = readNumber(
      accuracy,
      `${frame} says accuracy`,
      'Give the share of right answers it should have, 0 to 1',
      0,
      1,
    )
  }
  if (meta !== undefined) {
    assertSmall(meta, frame)
    own.meta = meta
  }
  return own
}

function readNumber(value: unknown, what: string, remedy: string, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw new BadInput(`${what}: ${reasonOf(value)}. ${remedy}, or leave it out.`)
}

function assertSmall(meta: unknown, frame: string): void {
  let length: number | undefined
  try {
    length = JSON.stringify(meta)?.length
  } catch (cause) {
    throw new BadInput(`${frame} has meta that is no plain data: ${reasonOf(cause)}. Give what JSON can hold.`, {
      cause,
    })
  }
  if (length === undefined) throw new BadInput(`${frame} has ${described(meta)} for its meta. Give what JSON can hold.`)
  if (length > mostMeta) {
    throw new BadInput(
      `${frame} has meta of ${length} characters as JSON, and ${mostMeta} are allowed. Keep the rest by the frame's id.`,
    )
  }
}

/** A source may begin behind the capture, with what is prepared already: hence more forms than a camera gives. */
function readPayload(value: object, frame: string, copy: boolean): Captured {
  // Getters are called here and never again.
  const { form, at, bytes, width, height, tensors } = value as Readonly<Record<string, unknown>>
  if (form === 'tensors') {
    return { ...value, form, at, tensors: readTensors(tensors, at, frame, copy) } as unknown as Captured
  }
  if (form !== 'image' && form !== 'pixels') {
    throw new BadInput(`${frame} has the form ${quoted(form)}. Give a payload of form "image", "pixels" or "tensors".`)
  }
  if (at !== 'captured' && at !== 'prepared') {
    throw new BadInput(`${frame} stands at ${quoted(at)}. Let a picture stand at "captured".`)
  }
  const sizes: { width?: number; height?: number } = {}
  for (const [name, size] of Object.entries({ width, height })) {
    if (form === 'image' && size === undefined) continue
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 1) {
      throw new BadInput(`${frame} says ${name}: ${reasonOf(size)}. Give whole pixels, 1 or more.`)
    }
    sizes[name as 'width' | 'height'] = size
  }
  return { ...value, form, at, bytes: readBytes(bytes, frame, copy), ...sizes } as Captured
}

function readTensors(tensors: unknown, at: unknown, frame: string, copy: boolean): Tensor[] {
  if (typeof at !== 'string' || !(at === 'prepared' || at.startsWith('after:'))) {
    throw new BadInput(`${frame} stands at ${quoted(at)}. Let tensors stand at "prepared" or "after:LAYER".`)
  }
  if (!Array.isArray(tensors) || tensors.length === 0) {
    throw new BadInput(`${frame} has no tensors. Give a list of { name, type, shape, bytes }.`)
  }
  return tensors.map((tensor: unknown): Tensor => {
    const { name, type, shape, bytes } = { ...(isObject(tensor) ? tensor : {}) } as Partial<Tensor>
    const sizes = Array.isArray(shape) && shape.every((size) => Number.isInteger(size) && size >= 0)
    if (typeof name !== 'string' || !sizes || !Object.hasOwn(elementBytes, type ?? '')) {
      throw new BadInput(
        `${frame} has a tensor without a name, a known type or a shape. Give { name, type, shape, bytes }.`,
      )
    }
    return {
      name,
      type: type as Tensor['type'],
      shape: shape as readonly number[],
      bytes: readBytes(bytes, frame, copy),
    }
  })
}

function readBytes(value: unknown, frame: string, copy: boolean): Uint8Array {
  if (!isBytes(value)) {
    throw new BadInput(`${frame} has ${described(value)} for its bytes${adviceOn(value)}. Give them as a Uint8Array.`)
  }
  if (value.byteLength === 0) {
    throw isDetached(value)
      ? new BadInput(`${frame} has bytes whose buffer was transferred away. Hand it in first, or hand in a copy.`)
      : new BadInput(`${frame} is empty: it has 0 bytes. Give the bytes of a picture, or leave the frame out.`)
  }
  if (copy) return new Uint8Array(value)
  if (tagOf(value.buffer) === 'SharedArrayBuffer') {
    throw new BadInput(
      `${frame} lies in shared memory, where others may write while it is worked on. Use capture(frames, { copy: true }).`,
    )
  }
  // One of another realm is no instance of this realm's class, by which libraries tell.
  const { buffer, byteOffset, byteLength } = value
  return value instanceof Uint8Array ? value : new Uint8Array(buffer, byteOffset, byteLength)
}

function isDetached({ buffer }: Uint8Array): boolean {
  try {
    new Uint8Array(buffer)
    return false
  } catch {
    return true
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const tagOf = (value: object) => Object.prototype.toString.call(value).slice('[object '.length, -1)

const quoted = (value: unknown) => (typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : described(value))

function nameOf(name: unknown, what: 'stream' | 'id', frame: string): string | undefined {
  if (name === undefined || typeof name === 'string') return name
  throw new BadInput(`${frame} has ${described(name)} for its ${what}. Give a string, or none.`)
}

function withoutPayload(value: object, payload: unknown): string {
  if (payload === undefined) return `${described(value)} without a payload${adviceOn(value)}`
  return `one whose payload is ${described(payload)}${adviceOn(payload)}`
}

/** What usually is behind a value that is no frame. */
function adviceOn(value: unknown): string {
  if (value === null || value === undefined) return ' (a camera without a picture yet, or one not read?)'
  if (typeof value === 'string') return ' (read the file it names with pictures(), or decode it to bytes)'
  if (!isObject(value)) return ''
  const tag = tagOf(value)
  if (tag === 'Promise' || 'then' in value) return ' (await it first)'
  if (tag === 'ArrayBuffer') return ' (wrap it: new Uint8Array(buffer))'
  if (tag === 'SharedArrayBuffer') return ' (copy it: new Uint8Array(buffer).slice())'
  if (ArrayBuffer.isView(value)) return ' (view it as bytes: new Uint8Array(it.buffer, it.byteOffset, it.byteLength))'
  if (tag === 'Blob' || tag === 'File') return ' (read it: new Uint8Array(await blob.arrayBuffer()))'
  if (value instanceof Error) return ' (hand it in as { error })'
  return ''
}
