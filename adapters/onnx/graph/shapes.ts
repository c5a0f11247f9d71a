import { create, toBinary } from '@bufbuild/protobuf'
import { refusalOf } from '../refusal.ts'
import { InferenceSession } from '../runtime.ts'
import { DynamicShape, NotAModel, UnknownOperator } from './errors.ts'
import { isExternal } from './external.ts'
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './generated/onnx_pb.ts'
import type { TensorInfo } from './tensors.ts'
import { type DataType, dataType, dataTypeNumber, tensorInfo } from './tensors.ts'
import { initialisedNames } from './wiring.ts'

/** A tensor's shape as it was declared or inferred; free dimensions keep their name. */
export type SymbolicShape = readonly (number | string)[]

/** What is known of every tensor of a graph. */
export interface Shapes {
  readonly tensors: ReadonlyMap<string, TensorInfo>
  /** With the names of free dimensions where those come from the model's inputs: what a part of the model declares. */
  readonly symbolic: ReadonlyMap<string, SymbolicShape>
  /** The sizes taken for the free dimensions, by name. */
  readonly dimensions: Readonly<Record<string, number>>
}

// Weights above this size become inputs without data: the runtime needs only their shapes. What shapes are computed
// from (targets of Reshape, axes, paddings, scales) is smaller than this.
const weightBytes = 4096

/**
 * Infers the type and shape of every tensor by having the runtime load (not run) the graph with all of them as
 * outputs and its weights taken out: milliseconds, whatever the size of the weights.
 * @param sizes Sizes of free dimensions by name (`INPUT[AXIS]` where they have none); 1 for a first axis not named.
 * @throws DynamicShape · UnknownOperator · NotAModel
 */
export async function inferShapes(
  model: ModelProto,
  graph: GraphProto,
  sizes: Readonly<Record<string, number>>,
): Promise<Shapes> {
  const initialised = initialisedNames(graph)
  const inputs = graph.input.filter((input) => !initialised.has(input.name))
  const named = inputs.map((input) => ({ name: input.name, type: elementType(input), shape: declared(input) }))
  const dimensions: Record<string, number> = {}
  for (const input of named) {
    input.shape.forEach((side, axis) => {
      if (typeof side === 'string') dimensions[side] ??= sizeOf(side, input.name, axis, sizes)
    })
  }
  const fixed = named.map((input) => ({
    ...input,
    shape: input.shape.map((side) => (typeof side === 'string' ? (dimensions[side] ?? 1) : side)),
  }))

  const skeleton = strip(graph)
  const concrete = await load(model, skeleton, fixed)
  const free = Object.keys(dimensions).length > 0
  const open = free ? await load(model, skeleton, named) : concrete

  const tensors = new Map<string, TensorInfo>()
  const symbolic = new Map<string, SymbolicShape>()
  for (const [name, { type, shape }] of concrete) {
    const known = shape.every((side) => typeof side === 'number' && side >= 0)
    const info = tensorInfo(name, type, known ? shape.map(Number) : undefined)
    tensors.set(name, info)
    if (!info.shape) continue
    const inferred = open.get(name)?.shape ?? []
    // A name that the runtime made up means nothing outside its session: the size taken stands for it.
    symbolic.set(
      name,
      info.shape.map((side, axis) => {
        const other = inferred[axis]
        return typeof other === 'string' && other in dimensions ? other : side
      }),
    )
  }
  return { tensors, symbolic, dimensions }
}

interface Typed {
  readonly type: DataType
  readonly shape: SymbolicShape
}

/** The element type a graph input or output declares. */
function elementType(value: ValueInfoProto): DataType {
  return value.type?.value.case === 'tensorType' ? dataType(value.type.value.value.elemType) : 'unknown'
}

/** The shape a graph input declares; free dimensions by their name, or `INPUT[AXIS]`. */
function declared(value: ValueInfoProto): SymbolicShape {
  const type = value.type?.value
  if (type?.case !== 'tensorType' || !type.value.shape) {
    throw new DynamicShape(
      `The input "${value.name}" declares no shape. Export the model with the shapes of its inputs.`,
    )
  }
  return type.value.shape.dim.map(({ value: side }, axis) => {
    if (side.case === 'dimValue' && side.value > 0n) return Number(side.value)
    return side.case === 'dimParam' && side.value !== '' ? side.value : `${value.name}[${axis}]`
  })
}

function sizeOf(side: string, input: string, axis: number, sizes: Readonly<Record<string, number>>): number {
  const size = sizes[side] ?? (axis === 0 ? 1 : undefined)
  if (size === undefined) {
    throw new DynamicShape(
      `Dimension ${axis} ("${side}") of the input "${input}" is free. Give its size: dimensions: { "${side}": … }, or --dim "${side}=…" on the command line.`,
    )
  }
  if (!Number.isInteger(size) || size < 1) {
    throw new DynamicShape(`The size ${size} of "${side}" is not a positive whole number. Give one.`)
  }
  return size
}

/** Declares a tensor: name, element type, dimensions. */
export function valueInfo(name: string, type: DataType, shape: SymbolicShape): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: dataTypeNumber(type),
          shape: {
            dim: shape.map((side) => ({
              value:
                typeof side === 'number'
                  ? { case: 'dimValue' as const, value: BigInt(side) }
                  : { case: 'dimParam' as const, value: side },
            })),
          },
        },
      },
    },
  })
}

/** The same model around another graph; nothing is copied. */
export function withGraph(model: ModelProto, graph: GraphProto): ModelProto {
  return Object.assign(create(ModelProtoSchema), model, { graph })
}

function dataBytes(tensor: TensorProto): number {
  const packed = [tensor.floatData, tensor.int32Data, tensor.int64Data, tensor.doubleData, tensor.uint64Data]
  return tensor.rawData.length + packed.flat().reduce((sum, part) => sum + part.length, 0)
}

function isWeight(tensor: TensorProto): boolean {
  return isExternal(tensor) || dataBytes(tensor) > weightBytes
}

/** The graph with every weight as an input and every tensor as an output. */
function strip(graph: GraphProto): GraphProto {
  const weights: ValueInfoProto[] = []
  const weight = (name: string, tensor: TensorProto): void => {
    weights.push(valueInfo(name, dataType(tensor.dataType), tensor.dims.map(Number)))
  }
  const initializer = graph.initializer.filter((tensor) => {
    if (!isWeight(tensor)) return true
    weight(tensor.name, tensor)
    return false
  })
  const node = graph.node.filter((one) => {
    const value = one.opType === 'Constant' ? one.attribute.find(({ name }) => name === 'value')?.t : undefined
    const name = one.output[0]
    if (!value || !name || !isWeight(value)) return true
    weight(name, value)
    return false
  })
  const outputs = new Set(node.flatMap((one) => one.output).filter((name) => name !== ''))
  return Object.assign(create(GraphProtoSchema), graph, {
    node,
    initializer,
    // Values that a caller might override count as what they are in the file.
    input: weights,
    output: [...outputs].map((name) => create(ValueInfoProtoSchema, { name })),
    quantizationAnnotation: [],
  })
}

async function load(
  model: ModelProto,
  skeleton: GraphProto,
  inputs: readonly ({ readonly name: string } & Typed)[],
): Promise<Map<string, Typed>> {
  const known = new Map<string, Typed>(inputs.map((input) => [input.name, input]))
  for (const { name, type, dims } of weightsOf(skeleton)) known.set(name, { type, shape: dims })
  if (skeleton.output.length === 0) return known
  const graph = Object.assign(create(GraphProtoSchema), skeleton, {
    input: [...inputs.map(({ name, type, shape }) => valueInfo(name, type, shape)), ...skeleton.input],
  })
  let session: InferenceSession
  try {
    // Before version 4 of the format every initial value had to be an input as well.
    const irVersion = model.irVersion < 4n ? 4n : model.irVersion
    const bytes = toBinary(ModelProtoSchema, Object.assign(withGraph(model, graph), { irVersion }))
    session = await InferenceSession.create(bytes, {
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 4,
      intraOpNumThreads: 1,
    })
  } catch (cause) {
    throw refusal(cause)
  }
  for (const output of session.outputMetadata) {
    if (output.isTensor) known.set(output.name, { type: output.type as DataType, shape: output.shape })
  }
  await session.release()
  return known
}

function weightsOf(skeleton: GraphProto): { name: string; type: DataType; dims: number[] }[] {
  const fromInputs = skeleton.input.map((value) => ({
    name: value.name,
    type: elementType(value),
    dims: declared(value).map((side) => (typeof side === 'number' ? side : 0)),
  }))
  const kept = skeleton.initializer.map((tensor) => ({
    name: tensor.name,
    type: dataType(tensor.dataType),
    dims: tensor.dims.map(Number),
  }))
  return [...fromInputs, ...kept]
}

function refusal(cause: unknown): NotAModel | UnknownOperator {
  const text = cause instanceof Error ? cause.message : String(cause)
  const operator =
    /(?:No Op registered for|Fatal error: \S*?)\s*([\w.:]+?)(?:\(\d*\))? (?:with|is not a registered)/.exec(text)
  if (/is not a registered function\/op|No Op registered for|No opset import/.test(text)) {
    return new UnknownOperator(
      `The runtime does not know the operator ${operator?.[1] ?? '(see the cause)'}. Export the model with standard ONNX operators. It said: ${text}`,
      { cause },
    )
  }
  const { kind, why } = refusalOf(cause)
  if (kind === 'kernel' || kind === 'operator' || kind === 'opset') {
    return new UnknownOperator(`The runtime refuses the model: ${why}.`, { cause })
  }
  return new NotAModel(`The runtime refuses the model: ${why}.`, { cause })
}
