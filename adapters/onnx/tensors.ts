import type { ElementType, Tensor } from '../../pipeline/index.ts'
import { Fault } from './fault.ts'
import { type InferenceSession, Tensor as RuntimeTensor } from './runtime.ts'

type Storage = typeof Float32Array | typeof Uint16Array | typeof Uint8Array | typeof Int8Array | typeof Int32Array
type Viewed = Storage | typeof BigInt64Array

/** What the runtime keeps each element type in. */
export const storages: Readonly<Record<ElementType, Viewed>> = {
  float32: Float32Array,
  float16: Uint16Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
}

/**
 * The tensors as the runtime's feeds, checked against what the model takes.
 *
 * @throws Fault `wrong-shape`, naming what the model takes
 */
export function toFeeds(
  model: string,
  inputs: readonly Tensor[],
  takes: readonly InferenceSession.ValueMetadata[],
): InferenceSession.OnnxValueMapType {
  const feeds: Record<string, RuntimeTensor> = Object.create(null)
  const refuse = (fault: string): never => {
    const wanted = takes.map((input) => describe(input)).join(', ')
    throw new Fault('wrong-shape', `${fault} Model "${model}" takes ${wanted}: send exactly that.`)
  }
  for (const tensor of inputs) {
    const input = takes.find((each) => each.name === tensor.name)
    if (input === undefined) return refuse(`There is no input "${tensor.name}".`)
    if (!input.isTensor) return refuse(`Input "${tensor.name}" is not a tensor for the runtime.`)
    if (tensor.name in feeds) return refuse(`Input "${tensor.name}" was sent twice.`)
    const given = `${tensor.type} [${tensor.shape}]`
    if (tensor.type !== input.type) return refuse(`Input "${tensor.name}" is ${given}.`)
    if (!fits(tensor.shape, input.shape)) return refuse(`Input "${tensor.name}" is ${given}.`)
    const storage = storages[tensor.type]
    const expected = tensor.shape.reduce((product, side) => product * side, 1) * storage.BYTES_PER_ELEMENT
    if (tensor.bytes.byteLength !== expected) {
      return refuse(`Input "${tensor.name}" is ${given}, ${expected} bytes, but brings ${tensor.bytes.byteLength}.`)
    }
    feeds[tensor.name] = new RuntimeTensor(tensor.type, view(tensor.bytes, storage), tensor.shape)
  }
  const absent = takes.find((input) => !(input.name in feeds))
  if (absent !== undefined) return refuse(`Input "${absent.name}" is missing.`)
  return feeds
}

/**
 * The runtime's answer as tensors, in the model's order; nothing is copied.
 *
 * @throws Fault `execution-failed` for an output that is no tensor, or of a type Quintet does not carry
 */
export function fromResults(
  model: string,
  results: InferenceSession.OnnxValueMapType,
  names: readonly string[],
): readonly Tensor[] {
  return names.map((name) => {
    const value = results[name] as RuntimeTensor | undefined
    const type = value?.type
    if (value === undefined || type === undefined || !(type in storages)) {
      throw new Fault(
        'execution-failed',
        `Output "${name}" of model "${model}" is ${type ?? 'no tensor'}, which cannot travel. Cast it in the model to one of: ${Object.keys(storages).join(', ')}.`,
      )
    }
    const data = value.data as Uint8Array
    return {
      name,
      type: type as ElementType,
      shape: [...value.dims],
      bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    }
  })
}

/** A typed view of the bytes; a copy only where they do not lie on the element's boundary. */
function view(bytes: Uint8Array, storage: Viewed): InstanceType<Viewed> {
  const size = storage.BYTES_PER_ELEMENT
  const aligned = bytes.byteOffset % size === 0 && isPlain(bytes.buffer) ? bytes : bytes.slice()
  return new storage(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / size)
}

/** The runtime refuses shared memory. */
function isPlain(buffer: ArrayBufferLike): boolean {
  return !(buffer instanceof SharedArrayBuffer)
}

/** Whether a shape is one of whole numbers that agrees with the model's; named dimensions take any size. */
function fits(shape: readonly number[], wanted: readonly (number | string)[]): boolean {
  return (
    shape.length === wanted.length &&
    shape.every((side, axis) => Number.isSafeInteger(side) && side >= 0 && fitsSide(side, wanted[axis]))
  )
}

function fitsSide(side: number, wanted: number | string | undefined): boolean {
  return typeof wanted === 'number' && wanted >= 0 ? side === wanted : true
}

/** `"input" float32 [n,3,224,224]`. */
function describe(input: InferenceSession.ValueMetadata): string {
  if (!input.isTensor) return `"${input.name}" (not a tensor)`
  return `"${input.name}" ${input.type} [${input.shape.map((side) => (side === '' ? '?' : side))}]`
}
