import { create, toBinary } from '@bufbuild/protobuf'
import { InferenceSession, Tensor } from '../runtime.ts'
import { dataDependent } from './dependent.ts'
import { isExternal, readExternal } from './external.ts'
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  type StringStringEntryProto,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from './generated/onnx_pb.ts'
import type { Model } from './model.ts'
import { withGraph } from './shapes.ts'
import { bytesOf, elements, type TensorInfo } from './tensors.ts'

/** The tensors of a model whose shape is open and that a run can tell: nothing that the data decide. */
export function openTensors(model: Model): string[] {
  const { tensors } = model.shapes
  const open = [...tensors.values()].filter(({ name, shape }) => shape === undefined && isComputed(model, name))
  if (open.length === 0) return []
  const dependent = dataDependent(model.wiring, model.shapes)
  return open.map(({ name }) => name).filter((name) => !dependent.has(name))
}

function isComputed(model: Model, name: string): boolean {
  const maker = model.wiring.maker.get(name)
  return maker !== undefined && model.wiring.live[maker] === true
}

// More outputs at once make the runtime's own bookkeeping slow; each of them is a handful of bytes.
const batch = 2_000

/**
 * Runs a model twice, on unlike inputs, and tells the shapes of these tensors; those that differ are left out. What is
 * given out is each tensor's shape and not the tensor, so that a run needs the memory of a run, however many are asked for.
 * In the thread that calls, and with all weights in memory: for a process of its own.
 * @throws what the runtime says where it cannot run the model on made-up inputs
 */
export async function shapesByRun(model: Model, names: readonly string[]): Promise<Map<string, readonly number[]>> {
  const found = new Map<string, readonly number[]>()
  const { content, weights } = await lightened(model)
  for (let from = 0; from < names.length; from += batch) {
    const some = names.slice(from, from + batch)
    const graph = Object.assign(create(GraphProtoSchema), content, {
      node: [
        ...content.node,
        ...some.map((name, at) => create(NodeProtoSchema, { opType: 'Shape', input: [name], output: [shapeName(at)] })),
      ],
      output: some.map((_, at) => create(ValueInfoProtoSchema, { name: shapeName(at) })),
      // Declared for other sizes than those taken they would only stand in the way.
      valueInfo: [],
    })
    const session = await InferenceSession.create(toBinary(ModelProtoSchema, withGraph(model.file.proto, graph)), {
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 4,
      intraOpNumThreads: 1,
      externalData: weights,
    } as InferenceSession.SessionOptions)
    try {
      const runs: InferenceSession.OnnxValueMapType[] = []
      for (const unlike of [0, 1]) runs.push(await session.run(feeds(model, unlike)))
      for (const [at, name] of some.entries()) {
        const [one, other] = runs.map((run) => [...((run[shapeName(at)] as Tensor).data as BigInt64Array)].map(Number))
        if (one && String(one) === String(other)) found.set(name, one)
      }
    } finally {
      await session.release()
    }
  }
  return found
}

function shapeName(at: number): string {
  return `quintet:shape:${at}`
}

interface Weights {
  readonly path: string
  readonly data: Uint8Array
}

/** The graph with its large weights beside it: handed to the runtime as they lie in memory, and encoded nowhere. */
async function lightened(model: Model): Promise<{ content: Model['file']['graph']; weights: Weights[] }> {
  const { graph, path } = model.file
  const weights: Weights[] = []
  const initializer: TensorProto[] = []
  for (const tensor of graph.initializer) {
    if (!isExternal(tensor) && tensor.rawData.length <= 4096) {
      initializer.push(tensor)
      continue
    }
    const data = isExternal(tensor) ? await readExternal(tensor, path) : tensor.rawData
    const file = `weights-${weights.length}`
    weights.push({ path: file, data })
    initializer.push(
      Object.assign(create(TensorProtoSchema), tensor, {
        rawData: new Uint8Array(),
        dataLocation: TensorProto_DataLocation.EXTERNAL,
        externalData: [entry('location', file), entry('offset', '0'), entry('length', String(data.length))],
      }),
    )
  }
  return { content: Object.assign(create(GraphProtoSchema), graph, { initializer }), weights }
}

function entry(key: string, value: string): StringStringEntryProto {
  return create(StringStringEntryProtoSchema, { key, value })
}

function feeds(model: Model, unlike: number): Record<string, Tensor> {
  return Object.fromEntries(model.inputs.map((input) => [input.name, madeUp(input, unlike)]))
}

/** All zeros, or waves for floats and ones for whole numbers, which are indices and flags of any model. */
function madeUp({ name, type, shape = [] }: TensorInfo, unlike: number): Tensor {
  const count = elements(shape)
  const each = bytesOf(type)
  if (each === 0 || type === 'bfloat16')
    throw new TypeError(`no values can be made up for the input "${name}" (${type})`)
  const fill = (values: Float32Array | Float64Array): typeof values =>
    unlike === 0 ? values : values.map((_, at) => Math.sin(at / 7 + at * at))
  switch (type) {
    case 'float32':
      return new Tensor(type, fill(new Float32Array(count)) as Float32Array, shape)
    case 'float64':
      return new Tensor(type, fill(new Float64Array(count)) as Float64Array, shape)
    case 'float16':
      // Halves of 0 and 1.
      return new Tensor(type, new Uint16Array(count).fill(unlike === 0 ? 0 : 0x3c00), shape)
    case 'int64':
      return new Tensor(type, new BigInt64Array(count).fill(BigInt(unlike)), shape)
    case 'uint64':
      return new Tensor(type, new BigUint64Array(count).fill(BigInt(unlike)), shape)
    case 'int32':
      return new Tensor(type, new Int32Array(count).fill(unlike), shape)
    case 'uint32':
      return new Tensor(type, new Uint32Array(count).fill(unlike), shape)
    case 'int16':
      return new Tensor(type, new Int16Array(count).fill(unlike), shape)
    case 'uint16':
      return new Tensor(type, new Uint16Array(count).fill(unlike), shape)
    case 'int8':
      return new Tensor(type, new Int8Array(count).fill(unlike), shape)
    case 'bool':
      return new Tensor(type, new Uint8Array(count).fill(unlike), shape)
    default:
      return new Tensor('uint8', new Uint8Array(count).fill(100 * unlike), shape)
  }
}
