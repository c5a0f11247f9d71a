import { writeFile } from 'node:fs/promises'
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from '../../../../adapters/onnx/graph/generated/onnx_pb.ts'
import { valueInfo } from '../../../../adapters/onnx/graph/shapes.ts'
import { noise } from './random.ts'

type Side = number | string
type Attribute = number | readonly number[] | TensorProto | GraphProto

/** Seeded random weights. */
export function weights(name: string, dims: readonly number[], spread = 0.5): TensorProto {
  const count = dims.reduce((product, side) => product * side, 1)
  const seed = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 65_521, 1)
  return floats(
    name,
    dims,
    [...noise(count, seed)].map((value) => value * spread),
  )
}

/** A float tensor of these values. */
export function floats(name: string, dims: readonly number[], values: readonly number[]): TensorProto {
  const rawData = new Uint8Array(Float32Array.from(values).buffer)
  return create(TensorProtoSchema, { name, dataType: 1, dims: dims.map(BigInt), rawData })
}

/** A tensor of whole numbers. */
export function longs(name: string, values: readonly number[]): TensorProto {
  const rawData = new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer)
  return create(TensorProtoSchema, { name, dataType: 7, dims: [BigInt(values.length)], rawData })
}

/** One whole number. */
export function scalar(name: string, value: number): TensorProto {
  return create(TensorProtoSchema, { ...longs(name, [value]), dims: [] })
}

/** The constant "true". */
export function truth(name: string): TensorProto {
  return create(TensorProtoSchema, { name, dataType: 9, dims: [], rawData: Uint8Array.of(1) })
}

/** An input or output of any type. */
export const declares = valueInfo

/** A float tensor whose bytes lie in another file. */
export function external(name: string, dims: readonly number[], location: string, offset = 0): TensorProto {
  const pairs = { location, offset: String(offset), length: String(4 * dims.reduce((a, b) => a * b, 1)) }
  return create(TensorProtoSchema, {
    name,
    dataType: 1,
    dims: dims.map(BigInt),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries(pairs).map(([key, value]) => ({ key, value })),
  })
}

/** `node('Add', 'a b', 'c')`, named after its first output unless told otherwise. */
export function node(
  opType: string,
  input: string,
  output: string,
  attributes: Readonly<Record<string, Attribute>> = {},
  name = output.split(' ')[0] ?? '',
): NodeProto {
  const words = (text: string): string[] =>
    (text === '' ? [] : text.split(' ')).map((word) => (word === '-' ? '' : word))
  return create(NodeProtoSchema, {
    opType,
    name,
    input: words(input),
    output: words(output),
    attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
  })
}

function attribute(name: string, value: Attribute): AttributeProto {
  const { FLOAT, INT, INTS, TENSOR, GRAPH } = AttributeProto_AttributeType
  const init = (): MessageInitShape<typeof AttributeProtoSchema> => {
    if (typeof value === 'number') {
      return Number.isInteger(value) ? { type: INT, i: BigInt(value) } : { type: FLOAT, f: value }
    }
    if ('length' in value) return { type: INTS, ints: value.map(BigInt) }
    return value.$typeName === 'onnx.GraphProto' ? { type: GRAPH, g: value } : { type: TENSOR, t: value }
  }
  return create(AttributeProtoSchema, { name, ...init() })
}

/** What a test model consists of; inputs and outputs are float32. */
export interface Draft {
  readonly inputs: Readonly<Record<string, readonly Side[]>>
  readonly outputs: Readonly<Record<string, readonly Side[]>>
  readonly nodes: readonly NodeProto[]
  readonly weights?: readonly TensorProto[]
}

/** A graph of float32 tensors. */
export function graph({ inputs, outputs, nodes, weights = [] }: Draft): GraphProto {
  const declared = (tensors: Draft['inputs']) =>
    Object.entries(tensors).map(([name, shape]) => valueInfo(name, 'float32', shape))
  return create(GraphProtoSchema, {
    name: 'test',
    node: [...nodes],
    initializer: [...weights],
    input: declared(inputs),
    output: declared(outputs),
  })
}

/** The bytes of a model of opset 13. */
export function model(draft: Draft): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 7n, opsetImport: [{ domain: '', version: 13n }], graph: graph(draft) }),
  )
}

/** Writes a model; returns its path. */
export async function write(path: string, draft: Draft): Promise<string> {
  await writeFile(path, model(draft))
  return path
}
