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
  NodeProtoSchema,
  type TensorProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './generated/onnx_pb.ts'
import { bytesOf, type DataType, dataType, dataTypeNumber, elements, type TensorInfo, tensorInfo } from './tensors.ts'
import { initialisedNames, wire } from './wiring.ts'

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

/** Sizes of what a model leaves free. */
export interface Sizes {
  /** By name of the dimension, or `INPUT[AXIS]`; each must be one that the model has. */
  readonly dimensions?: Readonly<Record<string, number>> | undefined
  /** By the same, where such a dimension is free and `dimensions` does not say it; of no effect elsewhere. */
  readonly axes?: Readonly<Record<string, number>> | undefined
}

// Weights above this size become inputs without data: the runtime needs only their shapes. What shapes are computed
// from (targets of Reshape, axes, paddings, scales) is smaller than this.
const weightBytes = 4096

/**
 * Infers the type and shape of every tensor by having the runtime load (not run) the graph with all of them as
 * outputs and its weights taken out: milliseconds, whatever the size of the weights. What it leaves open at first is
 * asked again with constants folded, which sees through shapes that are computed from shapes, and with the shapes that
 * the file declares. What is open still has no shape.
 * @param sizes Sizes of free dimensions; 1 for a first axis that is not named.
 * @throws DynamicShape · UnknownOperator · NotAModel
 */
export async function inferShapes(model: ModelProto, graph: GraphProto, sizes: Sizes = {}): Promise<Shapes> {
  const initialised = initialisedNames(graph)
  const inputs = graph.input.filter((input) => !initialised.has(input.name))
  const named = inputs.map((input) => ({ name: input.name, type: elementType(input), shape: declared(input) }))
  const dimensions = sizesOf(named, sizes)
  const skeleton = strip(graph)
  const promised = declaredTensors(graph)
  const given = (sides: Readonly<Record<string, number>>) =>
    named.map((input) => ({ ...input, shape: withSizes(input.shape, sides) }))

  const concrete = await infer(model, skeleton, given(dimensions), promised, dimensions)
  const free = Object.keys(dimensions)
  const open = free.length > 0 ? await load(model, skeleton, named) : concrete

  const tensors = new Map<string, TensorInfo>()
  const symbolic = new Map<string, SymbolicShape>()
  const undecided: string[] = []
  for (const [name, { type, shape }] of concrete) {
    const info = tensorInfo(name, type, isKnown(shape) ? shape : undefined)
    tensors.set(name, info)
    if (!info.shape) continue
    const inferred = open.get(name)?.shape
    // A name that the runtime made up means nothing outside its session: the size taken stands for it.
    symbolic.set(
      name,
      info.shape.map((side, axis) => {
        const other = inferred?.[axis]
        return typeof other === 'string' && other in dimensions ? other : side
      }),
    )
    if (!isNamed(inferred, info.shape, dimensions)) undecided.push(name)
  }
  if (undecided.length > 0) {
    // With other sizes the axes that come from a free dimension show by having changed with it.
    const others = Object.fromEntries(free.map((name, place) => [name, (dimensions[name] ?? 1) * (primes[place] ?? 1)]))
    const grown = await infer(model, skeleton, given(others), new Map(), others).catch(() => undefined)
    for (const name of grown ? undecided : []) {
      const shape = grown?.get(name)?.shape
      const known = symbolic.get(name)
      if (!isKnown(shape) || !known || shape.length !== known.length) continue
      symbolic.set(
        name,
        known.map((side, axis) => {
          if (shape[axis] === side) return side
          return free.find((one) => dimensions[one] === side && others[one] === shape[axis]) ?? side
        }),
      )
    }
  }
  return { tensors, symbolic, dimensions }
}

// Unlike factors for as many free dimensions as models have; further ones stay at the size taken.
const primes = [3, 5, 7, 11, 13, 17, 19, 23]

export interface Typed {
  readonly type: DataType
  /** undefined where not even the rank is known; a free side is a name, or empty. */
  readonly shape: SymbolicShape | undefined
}
/** A tensor that a graph is given, and its shape as far as it is known. */
export type Given = { readonly name: string } & Typed
type Declared = Given & { readonly shape: SymbolicShape }

function isKnown(shape: SymbolicShape | undefined): shape is readonly number[] {
  return shape?.every((side) => typeof side === 'number' && side >= 0) === true
}

/** Whether every side that the runtime left free is one of the model's own free dimensions. */
function isNamed(
  inferred: SymbolicShape | undefined,
  shape: readonly number[],
  dimensions: Readonly<Record<string, number>>,
): boolean {
  if (inferred?.length !== shape.length) return false
  return inferred.every((side) => typeof side === 'number' || side in dimensions)
}

function withSizes(shape: SymbolicShape, sizes: Readonly<Record<string, number>>): SymbolicShape {
  return shape.map((side) => (typeof side === 'string' ? (sizes[side] ?? side) : side))
}

/** The sizes of all free dimensions of a model's inputs. */
function sizesOf(inputs: readonly Declared[], { dimensions = {}, axes = {} }: Sizes): Record<string, number> {
  const taken: Record<string, number> = {}
  const names = new Set<string>()
  // Every input may say the size of a dimension that it shares with others.
  const said = new Map<string, number>()
  for (const input of inputs) {
    for (const [axis, side] of input.shape.entries()) {
      if (typeof side !== 'string') continue
      const place = `${input.name}[${axis}]`
      names.add(side).add(place)
      const size = dimensions[side] ?? dimensions[place] ?? axes[side] ?? axes[place]
      if (size !== undefined && !said.has(side)) said.set(side, size)
    }
  }
  for (const name of Object.keys(dimensions)) {
    if (names.has(name)) continue
    const some = [...names].filter((one) => !/\[\d+\]$/.test(one))
    const list = (some.length > 0 ? some : [...names]).map((one) => `"${one}"`).join(', ')
    throw new DynamicShape(
      `The model has no free dimension "${name}". ${list === '' ? 'None of its inputs has one: leave it out.' : `It has ${list}.`}`,
    )
  }
  for (const input of inputs) {
    for (const [axis, side] of input.shape.entries()) {
      if (typeof side !== 'string') continue
      taken[side] ??= sizeOf(side, input.name, axis, said.get(side))
    }
  }
  return taken
}

/** What the file itself says of tensors that nodes make. */
function declaredTensors(graph: GraphProto): Map<string, SymbolicShape> {
  const found = new Map<string, SymbolicShape>()
  for (const value of [...graph.valueInfo, ...graph.output]) {
    const type = value.type?.value
    if (type?.case === 'tensorType' && type.value.shape) found.set(value.name, declared(value))
  }
  return found
}

/**
 * The types and shapes of all tensors of an inner graph (a branch of If, a body), whose inputs and captured tensors are
 * given. What is not known stays open. @throws as the runtime refuses it
 */
export function inferInner(
  model: ModelProto,
  graph: GraphProto,
  given: readonly Given[],
): Promise<ReadonlyMap<string, Typed>> {
  return infer(model, strip(graph), given, declaredTensors(graph), {})
}

/** The types and shapes at these sizes, as far as they can be told without a run. */
async function infer(
  model: ModelProto,
  skeleton: GraphProto,
  inputs: readonly Given[],
  promised: ReadonlyMap<string, SymbolicShape>,
  sizes: Readonly<Record<string, number>>,
): Promise<Map<string, Typed>> {
  const known = await load(model, skeleton, inputs)
  const made = new Set(skeleton.output.map(({ name }) => name))
  // The runtime tells an unknown rank like that of a scalar.
  const flat = [...made].filter((name) => known.get(name)?.shape?.length === 0)
  const open = [...made].filter((name) => known.has(name) && !isKnown(known.get(name)?.shape))
  if (flat.length === 0 && open.length === 0) return known

  const doubtful = new Set([...flat, ...open])
  const said = new Map<string, SymbolicShape>()
  for (const [name, shape] of promised) {
    const sides = withSizes(shape, sizes)
    if (doubtful.has(name) && isKnown(sides)) said.set(name, sides)
  }
  // A shape that the file declares may be wrong for these sizes, and folding may meet what has no kernel.
  const plain = { level: 'disabled', flat, said: new Map() } as const
  const better =
    (said.size > 0 ? await again(model, skeleton, inputs, known, { level: 'basic', flat, said }) : undefined) ??
    (await again(model, skeleton, inputs, known, { ...plain, level: 'basic' })) ??
    (await again(model, skeleton, inputs, known, plain))
  for (const name of doubtful) {
    const before = known.get(name)
    if (!before) continue
    const shape = better?.get(name)
    known.set(name, { type: before.type, shape: isKnown(shape) ? shape : (said.get(name) ?? shape) })
  }
  return known
}

interface Again {
  readonly level: 'disabled' | 'basic'
  /** Tensors without sides, whose rank is asked for. */
  readonly flat: readonly string[]
  /** Shapes that the file declares. */
  readonly said: ReadonlyMap<string, SymbolicShape>
}

/** Loads the graph once more; undefined where the runtime refuses. @returns shapes of the tensors that nodes make */
async function again(
  model: ModelProto,
  skeleton: GraphProto,
  inputs: readonly Given[],
  known: ReadonlyMap<string, Typed>,
  { level, flat, said }: Again,
): Promise<Map<string, SymbolicShape | undefined> | undefined> {
  // Folding would compute large constants in full; their shapes are all that is needed.
  const large = new Map<string, Declared>()
  const constant = constantNodes(skeleton, inputs)
  const node = skeleton.node.filter((one, index) => {
    const results = one.output.filter((name) => name !== '').map((name) => ({ name, ...known.get(name) }))
    const replaceable = results.every(({ type, shape }) => type !== undefined && isKnown(shape))
    const bytes = results.reduce((sum, { type = 'unknown', shape }) => {
      return sum + (isKnown(shape) ? elements(shape) * bytesOf(type) : 0)
    }, 0)
    if (!constant[index] || !replaceable || bytes <= weightBytes) return true
    for (const { name, type = 'unknown', shape = [] } of results) large.set(name, { name, type, shape })
    return false
  })
  const ranks = new Map(flat.filter((name) => !large.has(name)).map((name) => [name, `${name}:rank`]))
  const output = skeleton.output
    .filter(({ name }) => !large.has(name))
    .map((one) => {
      const shape = said.get(one.name)
      return shape ? valueInfo(one.name, known.get(one.name)?.type ?? 'unknown', shape) : one
    })
  const graph = Object.assign(create(GraphProtoSchema), skeleton, {
    node: [
      ...node,
      ...[...ranks].map(([from, to]) => create(NodeProtoSchema, { opType: 'Shape', input: [from], output: [to] })),
    ],
    input: [...skeleton.input, ...[...large.values()].map(({ name, type, shape }) => valueInfo(name, type, shape))],
    output: [...output, ...[...ranks.values()].map((name) => create(ValueInfoProtoSchema, { name }))],
    valueInfo: [],
  })
  const found = await load(model, graph, inputs, level).catch(() => undefined)
  if (!found) return undefined
  const shapes = new Map<string, SymbolicShape | undefined>()
  for (const { name } of skeleton.output) {
    const shape = found.get(name)?.shape
    const rank = found.get(ranks.get(name) ?? '')?.shape?.[0]
    // Of a tensor of unknown rank the shape's own length is free.
    shapes.set(name, shape?.length === 0 && ranks.has(name) && rank !== 0 ? undefined : shape)
  }
  return shapes
}

/** Per node: whether what it makes depends on no input. */
function constantNodes(graph: GraphProto, inputs: readonly Given[]): boolean[] {
  const varying = new Set([...inputs.map(({ name }) => name), ...graph.input.map(({ name }) => name)])
  // Stripped of its weights the graph is not necessarily in an order it can run in.
  const { nodes, constant } = wire(
    Object.assign(create(GraphProtoSchema), graph, {
      input: [...varying].map((name) => create(ValueInfoProtoSchema, { name })),
    }),
  )
  const of = new Map(nodes.map((node, index) => [node, constant[index] === true]))
  return graph.node.map((node) => of.get(node) === true)
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

function sizeOf(side: string, input: string, axis: number, given: number | undefined): number {
  const size = given ?? (axis === 0 ? 1 : undefined)
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

/** Declares a tensor: name, element type, dimensions; without them its rank is left open. */
export function valueInfo(name: string, type: DataType, shape: SymbolicShape | undefined): ValueInfoProto {
  const dim = shape?.map((side) => ({
    value:
      typeof side === 'number'
        ? { case: 'dimValue' as const, value: BigInt(side) }
        : { case: 'dimParam' as const, value: side },
  }))
  const value = { elemType: dataTypeNumber(type), ...(dim ? { shape: { dim } } : {}) }
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value } } })
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
  inputs: readonly Given[],
  level: 'disabled' | 'basic' = 'disabled',
): Promise<Map<string, Typed>> {
  const known = new Map<string, Typed>(inputs.map((input) => [input.name, input]))
  for (const { name, type, dims } of weightsOf(skeleton)) known.set(name, { type, shape: dims })
  if (skeleton.output.length === 0) return known
  const graph = Object.assign(create(GraphProtoSchema), skeleton, {
    input: [...inputs.map(({ name, type, shape }) => valueInfo(name, type, shape)), ...skeleton.input],
  })
  const session = await sessionOf(model, graph, level)
  for (const output of session.outputMetadata) {
    if (output.isTensor) known.set(output.name, { type: output.type as DataType, shape: output.shape })
  }
  await session.release()
  return known
}

async function sessionOf(model: ModelProto, graph: GraphProto, level: 'disabled' | 'basic'): Promise<InferenceSession> {
  // Before version 4 of the format every initial value had to be an input as well.
  const irVersion = model.irVersion < 4n ? 4n : model.irVersion
  const loaded = (content: GraphProto): Promise<InferenceSession> =>
    InferenceSession.create(toBinary(ModelProtoSchema, Object.assign(withGraph(model, content), { irVersion })), {
      graphOptimizationLevel: level,
      logSeverityLevel: 4,
      intraOpNumThreads: 1,
    })
  try {
    return await loaded(graph)
  } catch (cause) {
    // What the file says of its inner tensors may hold for other sizes than those taken.
    if (graph.valueInfo.length === 0) throw refusal(cause)
    return loaded(Object.assign(create(GraphProtoSchema), graph, { valueInfo: [] })).catch(() => {
      throw refusal(cause)
    })
  }
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
