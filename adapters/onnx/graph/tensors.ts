import type { ElementType } from '../../../pipeline/index.ts'

/** Element types of ONNX tensors: those that can cross the wire, and the rest. */
export type DataType =
  | ElementType
  | 'float64'
  | 'uint16'
  | 'int16'
  | 'uint32'
  | 'uint64'
  | 'bfloat16'
  | 'string'
  | 'unknown'

/** What is known of a tensor. */
export interface TensorInfo {
  readonly name: string
  readonly type: DataType
  /** Concrete dimensions, e.g. `[1, 256, 6, 6]`, `[]` of a scalar; undefined where they are not known. */
  readonly shape: readonly number[] | undefined
  /** Bytes of its dense form; undefined where the shape is not known, or elements have no size (strings). */
  readonly bytes: number | undefined
}

/** A tensor that can cross the wire: its type and shape are known. */
export interface WireTensor extends TensorInfo {
  readonly type: ElementType
  readonly shape: readonly number[]
  readonly bytes: number
}

// TensorProto.DataType → name and bytes of one element.
const types: Readonly<Record<number, readonly [DataType, number]>> = {
  1: ['float32', 4],
  2: ['uint8', 1],
  3: ['int8', 1],
  4: ['uint16', 2],
  5: ['int16', 2],
  6: ['int32', 4],
  7: ['int64', 8],
  8: ['string', 0],
  9: ['bool', 1],
  10: ['float16', 2],
  11: ['float64', 8],
  12: ['uint32', 4],
  13: ['uint64', 8],
  16: ['bfloat16', 2],
}

const numbers = new Map(Object.entries(types).map(([number, [name]]) => [name, Number(number)]))
const onTheWire: ReadonlySet<string> = new Set(['float32', 'float16', 'uint8', 'int8', 'int32', 'int64', 'bool'])

/** The name of ONNX's element type number, `unknown` for those that came after this code. */
export function dataType(number: number): DataType {
  return types[number]?.[0] ?? 'unknown'
}

/** ONNX's number of an element type, 0 for `unknown`. */
export function dataTypeNumber(type: DataType): number {
  return numbers.get(type) ?? 0
}

/** Bytes of one element, 0 for strings and unknown types. */
export function bytesOf(type: DataType): number {
  return types[dataTypeNumber(type)]?.[1] ?? 0
}

/** The number of elements of a shape. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1)
}

/** Describes a tensor, its bytes computed. */
export function tensorInfo(name: string, type: DataType, shape: readonly number[] | undefined): TensorInfo {
  const each = bytesOf(type)
  return { name, type, shape, bytes: shape && each > 0 ? elements(shape) * each : undefined }
}

/** Whether a tensor can cross the wire: a type of the wire format and a known, not empty shape. */
export function isWireTensor(tensor: TensorInfo): tensor is WireTensor {
  return onTheWire.has(tensor.type) && tensor.shape?.every((side) => side > 0) === true
}

/** The sum, or undefined where a part is: what is not known makes nothing known. */
export function sumOf(parts: readonly (number | undefined)[]): number | undefined {
  let sum = 0
  for (const part of parts) {
    if (part === undefined) return undefined
    sum += part
  }
  return sum
}
