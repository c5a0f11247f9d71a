import { create } from '@bufbuild/protobuf'
import { TooLarge } from '../../../pipeline/index.ts'
import type { LayerCut } from './cuts.ts'
import { echoesOf } from './echoes.ts'
import { type Encoded, encoded, joined } from './encode.ts'
import { isExternal } from './external.ts'
import {
  AttributeProto_AttributeType,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  type ValueInfoProto,
} from './generated/onnx_pb.ts'
import type { Model } from './model.ts'
import { valueInfo } from './shapes.ts'
import { type DataType, dataTypeNumber, type TensorInfo, tensorInfo, type WireTensor } from './tensors.ts'
import { initialisedNames, readsOf } from './wiring.ts'

/** The head or tail of a cut model: an ONNX model of its own. */
export interface PartModel {
  /** The file's bytes, its weights inside; put together when they are asked for. */
  readonly bytes: Uint8Array
  /** The same as it is written: weights stay where they are until then. */
  readonly encoded: Encoded
  /** What it takes and gives, states included. */
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
}

/** What cutting needs to know of a cut. */
export type CutPlan = Pick<LayerCut, 'head' | 'crossing' | 'headStates'>

/** Both parts of a cut model. The head's outputs without its states are the tail's inputs without its states. */
export interface Parts {
  readonly head: PartModel
  readonly tail: PartModel
  /** What crosses, named as the head gives it and the tail takes it. */
  readonly crossing: readonly WireTensor[]
}

// protobuf ends at 2 GiB; the runtime's own limit is a little below.
const mostBytes = 2 ** 31 - 2 ** 20

/**
 * Cuts a model in two. What crosses carries its type and shape in both parts (without it the runtime optimises them
 * otherwise than the whole). Weights go where they are read, constants to both sides where both read them. A tensor
 * that the tail hands on unchanged, an answer of the head or an input that only the tail reads, crosses under the
 * name `NAME:crossing`; so does one that crosses as another type than the graph's own, with a Cast on either side.
 * @throws TooLarge where a part would exceed protobuf's 2 GiB · BadExternalData
 */
export async function cutInTwo(model: Model, cut: CutPlan): Promise<Parts> {
  const inHead = new Set(cut.head)
  const echoes = echoesOf(model)
  const nodes = (head: boolean): Set<number> =>
    new Set(model.nodeOf.filter((_, layer) => !echoes.has(layer) && inHead.has(layer) === head))
  const inputs = new Set(model.inputs.map(({ name }) => name))
  const answers = new Set(model.outputs.map(({ name }) => name))
  // A name cannot be both input and output of one graph, so that what is only handed on needs a second one.
  const cast = (tensor: WireTensor): boolean => tensor.type !== known(model, tensor.name).type
  const renamed = cut.crossing.filter((one) => inputs.has(one.name) || answers.has(one.name) || cast(one))
  const alias = new Map(renamed.map(({ name }) => [name, `${name}:crossing`]))
  const crossing = cut.crossing.map((tensor) => ({ ...tensor, name: alias.get(tensor.name) ?? tensor.name }))
  const headStates = cut.headStates.map((state) => state.output)
  const inTheHead = new Set(cut.headStates.map((state) => state.output.name))

  const head = await part(model, {
    nodes: nodes(true),
    given: [],
    wanted: [...crossing, ...headStates],
    copies: renamed.map((tensor) =>
      copy(tensor.name, `${tensor.name}:crossing`, cast(tensor) ? tensor.type : undefined),
    ),
  })
  const tail = await part(model, {
    nodes: nodes(false),
    given: crossing,
    wanted: model.outputs.filter(({ name }) => !inTheHead.has(name)),
    copies: renamed.map((tensor) =>
      copy(`${tensor.name}:crossing`, tensor.name, cast(tensor) ? known(model, tensor.name).type : undefined),
    ),
  })
  return { head, tail, crossing }
}

interface Order {
  /** Nodes of the part, without constants and echoes. */
  readonly nodes: ReadonlySet<number>
  /** Tensors handed in instead of computed. */
  readonly given: readonly TensorInfo[]
  readonly wanted: readonly TensorInfo[]
  /** Nodes that give a tensor a second name. */
  readonly copies: readonly NodeProto[]
}

async function part(model: Model, order: Order): Promise<PartModel> {
  const { graph } = model.file
  const takesGiven = ({ input }: NodeProto): boolean => order.given.some(({ name }) => name === input[0])
  const before = order.copies.filter((one) => takesGiven(one))
  const after = order.copies.filter((one) => !takesGiven(one))
  const given = new Set([...order.given.map(({ name }) => name), ...before.flatMap(({ output }) => output)])
  const wanted = [...order.wanted.map(({ name }) => name), ...after.flatMap(({ input }) => input)]
  const chosen = withNeeds(model, order.nodes, wanted, given)
  const own = model.wiring.nodes.filter((_, index) => chosen.has(index))
  const node = [...before, ...own, ...after]

  const read = new Set([...node.flatMap(readsOf), ...wanted])
  const made = new Set(node.flatMap((one) => one.output))
  const initialised = initialisedNames(graph)
  const values = graph.initializer.filter(({ name }) => read.has(name))
  const keptInputs = graph.input.filter(({ name }) => read.has(name) && !given.has(name))
  const shapes = graph.valueInfo.filter(({ name }) => made.has(name) && !given.has(name))
  const inputs = [
    ...keptInputs.filter(({ name }) => !initialised.has(name)).map(({ name }) => known(model, name)),
    ...order.given,
  ]

  const bytes = values.reduce((sum, tensor) => sum + weightBytes(model, tensor), 0)
  if (bytes > mostBytes) {
    throw new TooLarge(
      `One part of the cut would hold ${bytes} bytes of weights, and an ONNX file at most 2 GiB. Choose a cut that shares them out more evenly.`,
    )
  }
  const created = Object.assign(create(GraphProtoSchema), graph, {
    node,
    initializer: values,
    sparseInitializer: graph.sparseInitializer.filter(({ values: sparse }) => sparse && read.has(sparse.name)),
    input: [...keptInputs, ...order.given.map((tensor) => declaration(model, tensor))],
    output: order.wanted.map((tensor) => declaration(model, tensor)),
    valueInfo: shapes.filter(({ name }) => !order.wanted.some((tensor) => tensor.name === name)),
    quantizationAnnotation: graph.quantizationAnnotation.filter(({ tensorName }) => made.has(tensorName)),
  })
  const content = await encoded(model.file.proto, created, model.file.path)
  return {
    get bytes() {
      return joined(content)
    },
    encoded: content,
    inputs,
    outputs: order.wanted,
  }
}

/** The nodes and whatever constants and echoes they and the wanted tensors need. */
function withNeeds(
  model: Model,
  nodes: ReadonlySet<number>,
  wanted: readonly string[],
  given: ReadonlySet<string>,
): Set<number> {
  const { wiring } = model
  const echoes = new Set([...echoesOf(model)].map((layer) => model.nodeOf[layer]))
  const chosen = new Set(nodes)
  const queue = [...[...nodes].flatMap((index) => wiring.reads[index] ?? []), ...wanted]
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const maker = wiring.maker.get(name)
    if (maker === undefined || chosen.has(maker) || given.has(name)) continue
    if (!wiring.constant[maker] && !echoes.has(maker)) continue
    chosen.add(maker)
    queue.push(...(wiring.reads[maker] ?? []))
  }
  return chosen
}

/** The same tensor under another name, as another type where one is given. */
function copy(from: string, to: string, type: DataType | undefined): NodeProto {
  const names = { name: `${from} as ${to}`, input: [from], output: [to] }
  if (type === undefined) return create(NodeProtoSchema, { opType: 'Identity', ...names })
  const attribute = { name: 'to', type: AttributeProto_AttributeType.INT, i: BigInt(dataTypeNumber(type)) }
  return create(NodeProtoSchema, { opType: 'Cast', ...names, attribute: [attribute] })
}

function known(model: Model, name: string): TensorInfo {
  return model.shapes.tensors.get(name) ?? tensorInfo(name, 'unknown', undefined)
}

/** Declares a tensor as the whole model would: free dimensions of the model's inputs stay free. */
function declaration(model: Model, tensor: TensorInfo): ValueInfoProto {
  const output = model.file.graph.output.find(({ name }) => name === tensor.name)
  if (output) return output
  const source = tensor.name.replace(/:crossing$/, '')
  const shape = model.shapes.symbolic.get(tensor.name) ?? model.shapes.symbolic.get(source) ?? tensor.shape ?? []
  return valueInfo(tensor.name, tensor.type, shape)
}

function weightBytes(model: Model, tensor: TensorProto): number {
  return isExternal(tensor) ? (known(model, tensor.name).bytes ?? 0) : tensor.rawData.length
}
