import { create } from '@bufbuild/protobuf'
import {
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProtoSchema,
} from './generated/onnx_pb.ts'
import { macsOf } from './macs.ts'
import type { ModelFile } from './read.ts'
import { type Given, inferInner, type Typed } from './shapes.ts'
import type { DataType } from './tensors.ts'
import { initialisedNames, innerGraphs, readsOf } from './wiring.ts'

/** What stands around an inner graph: the types and shapes of outer tensors, and the values of constant ones. */
export interface Surroundings {
  readonly file: ModelFile
  readonly typeOf: (name: string) => Typed
  readonly constantOf: (name: string) => TensorProto | undefined
}

/** Whether a node computes by graphs of its own: If, Loop, Scan. */
export function hasInner(node: NodeProto): boolean {
  return node.attribute.some((attribute) => innerGraphs(attribute).length > 0)
}

/**
 * Multiply-accumulates of a node with inner graphs: of If those of the dearer branch, of Loop and Scan those of the body as
 * often as it runs.
 * @returns undefined where a shape inside, or how often a body runs, is only known in a run
 */
export async function innerMacs(node: NodeProto, around: Surroundings): Promise<number | undefined> {
  const graphs = node.attribute.flatMap(innerGraphs)
  const counts = await Promise.all(graphs.map((graph) => graphMacs(node, graph, around)))
  if (counts.every((count) => count === 0)) return 0
  const dearest = counts.includes(undefined) ? undefined : Math.max(0, ...counts.map((count) => count ?? 0))
  if (node.opType === 'If') return dearest
  const times = node.opType === 'Scan' ? scanSteps(node, around) : loopSteps(node, around)
  return dearest === undefined || times === undefined ? undefined : dearest * times
}

async function graphMacs(node: NodeProto, graph: GraphProto, around: Surroundings): Promise<number | undefined> {
  const own = new Set([...initialisedNames(graph), ...graph.input.map(({ name }) => name)])
  const captured = readsOf(node).filter((name) => !own.has(name))
  const values: TensorProto[] = []
  const given: Given[] = inputsOf(node, graph, around)
  for (const name of captured) {
    const value = around.constantOf(name)
    if (value) values.push(Object.assign(create(TensorProtoSchema), value, { name }))
    else given.push({ ...around.typeOf(name), name })
  }
  const whole = Object.assign(create(GraphProtoSchema), graph, {
    initializer: [...graph.initializer, ...values],
    input: [],
  })
  const shapes = await inferInner(around.file.proto, whole, given).catch(() => undefined)
  const constants = new Map(whole.initializer.map((tensor) => [tensor.name, tensor]))
  for (const one of graph.node) {
    const value = one.opType === 'Constant' ? one.attribute.find(({ name }) => name === 'value')?.t : undefined
    if (value && one.output[0]) constants.set(one.output[0], value)
  }
  const inside: Surroundings = {
    file: around.file,
    typeOf: (name) => shapes?.get(name) ?? around.typeOf(name),
    constantOf: (name) => constants.get(name) ?? around.constantOf(name),
  }
  let sum = 0
  for (const one of graph.node) {
    const shapeOf = (name: string | undefined): readonly number[] | undefined => {
      const shape = name === undefined ? undefined : inside.typeOf(name).shape
      return shape?.every((side) => typeof side === 'number' && side >= 0) ? shape.map(Number) : undefined
    }
    const macs = hasInner(one)
      ? await innerMacs(one, inside)
      : macsOf(one, one.input.map(shapeOf), shapeOf(one.output[0]))
    if (macs === undefined) return undefined
    sum += macs
  }
  return sum
}

/** What an inner graph is handed by its node. */
function inputsOf(node: NodeProto, graph: GraphProto, around: Surroundings): Given[] {
  const typeOf = (name: string | undefined): Typed =>
    name ? around.typeOf(name) : { type: 'unknown' as DataType, shape: undefined }
  const declared = graph.input.filter(({ name }) => !initialisedNames(graph).has(name))
  if (node.opType === 'Loop') {
    return declared.map(({ name }, place) => {
      if (place === 0) return { name, type: 'int64', shape: [] }
      if (place === 1) return { name, type: 'bool', shape: [] }
      return { ...typeOf(node.input[place]), name }
    })
  }
  if (node.opType !== 'Scan') return declared.map(({ name }, place) => ({ ...typeOf(node.input[place]), name }))
  const scanned = scannedInputs(node)
  const states = node.input.length - scanned
  return declared.map(({ name }, place) => {
    const { type, shape } = typeOf(node.input[place])
    if (place < states || !shape) return { name, type, shape }
    const axis = scanAxis(node, place - states, shape.length)
    return { name, type, shape: shape.filter((_, at) => at !== axis) }
  })
}

function scannedInputs(node: NodeProto): number {
  return Number(node.attribute.find(({ name }) => name === 'num_scan_inputs')?.i ?? 1n)
}

function scanAxis(node: NodeProto, place: number, rank: number): number {
  const axis = Number(node.attribute.find(({ name }) => name === 'scan_input_axes')?.ints[place] ?? 0n)
  return axis < 0 ? axis + rank : axis
}

function scanSteps(node: NodeProto, around: Surroundings): number | undefined {
  const states = node.input.length - scannedInputs(node)
  const name = node.input[states]
  const shape = name ? around.typeOf(name).shape : undefined
  const steps = shape?.[scanAxis(node, 0, shape.length)]
  return typeof steps === 'number' && steps >= 0 ? steps : undefined
}

/** How often the body of a Loop runs, where its count is constant and nothing ends it before. */
function loopSteps(node: NodeProto, around: Surroundings): number | undefined {
  const [count, condition] = node.input
  const times = count ? scalarOf(around.constantOf(count)) : undefined
  const body = node.attribute.flatMap(innerGraphs)[0]
  if (times === undefined || !body) return undefined
  const begins = condition ? scalarOf(around.constantOf(condition)) : 1
  if (begins === 0) return 0
  let goesOn = body.output[0]?.name
  for (;;) {
    const maker = body.node.find(({ output }) => goesOn !== undefined && output.includes(goesOn))
    if (maker?.opType !== 'Identity' && maker?.opType !== 'Cast') {
      if (goesOn !== undefined && goesOn === body.input[1]?.name) return begins === undefined ? undefined : times
      const value =
        maker?.opType === 'Constant'
          ? maker.attribute.find(({ name }) => name === 'value')?.t
          : (body.initializer.find(({ name }) => name === goesOn) ?? (goesOn ? around.constantOf(goesOn) : undefined))
      return scalarOf(value) === 1 ? times : undefined
    }
    goesOn = maker.input[0]
  }
}

/** The one number of a constant of whole numbers or truths. */
function scalarOf(tensor: TensorProto | undefined): number | undefined {
  if (!tensor || tensor.dims.some((side) => side !== 1n)) return undefined
  const { rawData } = tensor
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength)
  if (tensor.dataType === 9 && rawData.length === 1) return view.getUint8(0)
  if (tensor.dataType === 7 && rawData.length === 8) return Number(view.getBigInt64(0, true))
  // Packed as varints, where the file does not hold the raw bytes.
  const packed = [...tensor.int64Data, ...tensor.int32Data][0]
  if (!packed || (tensor.dataType !== 7 && tensor.dataType !== 9)) return undefined
  let value = 0n
  packed.forEach((byte, at) => {
    value |= BigInt(byte & 0x7f) << BigInt(7 * at)
  })
  return Number(BigInt.asIntN(64, value))
}
