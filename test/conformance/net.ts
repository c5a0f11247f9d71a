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
  TensorProtoSchema,
  type ValueInfoProto,
} from '../../adapters/onnx/graph/generated/onnx_pb.ts'
import { valueInfo } from '../../adapters/onnx/graph/shapes.ts'
import { type DataType, dataTypeNumber } from '../../adapters/onnx/graph/tensors.ts'
import { noise } from '../adapters/onnx/graph/random.ts'

/** What an attribute can hold; a number with a fraction is a float, `{ float }` is one whatever its value. */
export type Attribute = number | string | readonly number[] | { readonly float: number } | TensorProto | GraphProto

/** A tensor's name. */
export type Name = string

/** Seeded weights that keep activations near 1: a matrix or kernel is scaled by what is summed up. */
export interface WeightOptions {
  readonly centre?: number
  readonly spread?: number
  readonly name?: string
}

/** An ONNX graph in the making, of one opset: the operators' forms of that opset are asked for in one place. */
export class Net {
  readonly opset: number
  readonly #nodes: NodeProto[] = []
  readonly #values: TensorProto[] = []
  readonly #inputs: ValueInfoProto[] = []
  readonly #outputs: ValueInfoProto[] = []
  readonly #outer: Net | undefined
  #count = 0

  constructor(opset: number, outer?: Net) {
    this.opset = opset
    this.#outer = outer
  }

  #fresh(stem: string): Name {
    if (this.#outer) return this.#outer.#fresh(stem)
    this.#count++
    return `${stem}_${this.#count}`
  }

  /** Declares an input. */
  input(name: Name, shape: readonly (number | string)[], type: DataType = 'float32'): Name {
    this.#inputs.push(valueInfo(name, type, shape))
    return name
  }

  /** Declares an answer. Exporters leave its shape free where they do not know it. */
  output(name: Name, shape: readonly (number | string)[], type: DataType = 'float32'): Name {
    this.#outputs.push(valueInfo(name, type, shape))
    return name
  }

  /** Adds an operator; returns the name of its first output. */
  op(type: string, inputs: readonly Name[], attributes: Readonly<Record<string, Attribute>> = {}, domain = ''): Name {
    return this.ops(type, inputs, 1, attributes, domain)[0] as Name
  }

  /** Adds an operator with several outputs, or with outputs of these names. */
  ops(
    type: string,
    inputs: readonly Name[],
    outputs: number | readonly Name[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
  ): Name[] {
    const output = typeof outputs === 'number' ? Array.from({ length: outputs }, () => this.#fresh(type)) : [...outputs]
    this.#nodes.push(
      create(NodeProtoSchema, {
        opType: type,
        domain,
        name: `${type}:${output.find((name) => name !== '') ?? this.#fresh(type)}`,
        input: [...inputs],
        output,
        attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
      }),
    )
    return output
  }

  /** Seeded float32 weights. */
  weight(shape: readonly number[], { centre = 0, spread, name = this.#fresh('weight') }: WeightOptions = {}): Name {
    const count = shape.reduce((product, side) => product * side, 1)
    const inner = shape.length < 2 ? 4 : shape.length === 2 ? (shape[0] ?? 1) : count / (shape[0] ?? 1)
    const scale = spread ?? Math.sqrt(3 / inner)
    const seed = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 65_521, 1)
    return this.floats(
      [...noise(count, seed)].map((value) => centre + value * scale),
      shape,
      name,
    )
  }

  /** A float32 initialiser. */
  floats(values: readonly number[], shape: readonly number[] = [values.length], name = this.#fresh('floats')): Name {
    return this.value(name, 'float32', shape, new Uint8Array(Float32Array.from(values).buffer))
  }

  /** A float32 scalar. */
  scalar(value: number): Name {
    return this.floats([value], [])
  }

  /** An int64 initialiser. */
  longs(values: readonly number[], shape: readonly number[] = [values.length]): Name {
    return this.value(
      this.#fresh('longs'),
      'int64',
      shape,
      new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer),
    )
  }

  /** Seeded bytes. */
  bytes(type: 'uint8' | 'int8', values: readonly number[], shape: readonly number[] = [values.length]): Name {
    const data = type === 'uint8' ? Uint8Array.from(values) : new Uint8Array(Int8Array.from(values).buffer)
    return this.value(this.#fresh(type), type, shape, data)
  }

  /** An initialiser of any type. */
  value(name: Name, type: DataType, shape: readonly number[], rawData: Uint8Array): Name {
    this.#values.push(
      create(TensorProtoSchema, { name, dataType: dataTypeNumber(type), dims: shape.map(BigInt), rawData }),
    )
    return name
  }

  /** The graph alone: the body of an If, a Loop or a Scan. */
  graph(name = 'test'): GraphProto {
    return create(GraphProtoSchema, {
      name,
      node: this.#nodes,
      initializer: this.#values,
      input: this.#inputs,
      output: this.#outputs,
    })
  }

  /** A graph inside this one, which may read what is made here. */
  inner(fill: (inner: Net) => void): GraphProto {
    const net = new Net(this.opset, this)
    fill(net)
    return net.graph('inner')
  }

  /** The file. */
  model({ ir, change = (graph) => graph }: ModelShape = {}): Uint8Array {
    const domains = new Set(this.#nodes.map(({ domain }) => domain).filter((domain) => domain !== ''))
    return toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        irVersion: BigInt(ir ?? irOf(this.opset)),
        opsetImport: [
          { domain: '', version: BigInt(this.opset) },
          ...[...domains].map((domain) => ({ domain, version: 1n })),
        ],
        graph: change(this.graph()),
      }),
    )
  }
}

/** What is said of a file beyond its graph. */
export interface ModelShape {
  readonly ir?: number
  readonly change?: (graph: GraphProto) => GraphProto
}

// The format's version that came with an opset, as exporters write it.
function irOf(opset: number): number {
  if (opset < 10) return 4
  if (opset < 11) return 5
  if (opset < 12) return 6
  if (opset < 15) return 7
  if (opset < 19) return 8
  if (opset < 21) return 9
  if (opset < 23) return 10
  return 11
}

function attribute(name: string, value: Attribute): AttributeProto {
  const { FLOAT, INT, INTS, FLOATS, STRING, TENSOR, GRAPH } = AttributeProto_AttributeType
  const init = (): MessageInitShape<typeof AttributeProtoSchema> => {
    if (typeof value === 'string') return { type: STRING, s: new TextEncoder().encode(value) }
    if (typeof value === 'number') {
      return Number.isInteger(value) ? { type: INT, i: BigInt(value) } : { type: FLOAT, f: value }
    }
    if ('float' in value) return { type: FLOAT, f: value.float }
    if ('length' in value) {
      return value.every(Number.isInteger)
        ? { type: INTS, ints: value.map(BigInt) }
        : { type: FLOATS, floats: [...value] }
    }
    return value.$typeName === 'onnx.GraphProto' ? { type: GRAPH, g: value } : { type: TENSOR, t: value }
  }
  return create(AttributeProtoSchema, { name, ...init() })
}
