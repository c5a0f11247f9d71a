import { isExternal } from './external.ts'
import type { TensorProto } from './generated/onnx_pb.ts'
import { hasInner, innerMacs } from './inner.ts'
import { labelled } from './labels.ts'
import { macsOf } from './macs.ts'
import { type ModelFile, readFileOf } from './read.ts'
import { inferShapes, type Shapes } from './shapes.ts'
import { type AmbiguousState, pairStates, type State } from './states.ts'
import { bytesOf, elements, sumOf, type TensorInfo, tensorInfo } from './tensors.ts'
import { initialisedNames, type Wiring, wire } from './wiring.ts'

/** One operator of a model, as the plan sees it. */
export interface Layer {
  /** Place in the order of computation, from 0, counting layers alone. */
  readonly index: number
  /** The node's name where it is unique, otherwise its first output tensor's: it names the cut behind it. */
  readonly name: string
  /** As the literature writes it, e.g. `pool5`, where that can be told; otherwise the name. */
  readonly label: string
  /** Operator, e.g. `Conv`. */
  readonly kind: string
  /** What it computes on; weights and other constants are not among them. */
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
  /** Multiply-accumulates of one run; undefined where a shape, or the turns of a loop, decide and are not known. */
  readonly macs: number | undefined
  /** Elements and bytes of its weights. */
  readonly parameters: number
  readonly parameterBytes: number
  /** undefined where a shape is not known. */
  readonly inputBytes: number | undefined
  readonly outputBytes: number | undefined
  /** Elements one output element is computed from in a pooling layer's window, 1 for other kinds. */
  readonly window: number
}

/** A model that was read: its layers, and all that cutting it needs. */
export interface Model {
  readonly file: ModelFile
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
  /** A recurrent model's explicit states, among `inputs` and `outputs`. */
  readonly states: readonly State[]
  /** Inputs that look like a state with several outputs that could follow it: nothing is guessed, they have to be stated. */
  readonly ambiguousStates: readonly AmbiguousState[]
  readonly layers: readonly Layer[]
  /** Every tensor the graph computes on, by name. */
  readonly shapes: Shapes
  readonly wiring: Wiring
  /** Node of `wiring.nodes` per layer. */
  readonly nodeOf: readonly number[]
}

/** What a file alone does not say. */
export interface ReadOptions {
  /**
   * Sizes of free dimensions, by name or `INPUT[AXIS]`, each of which the model must have; a free first axis that is not
   * named is 1.
   */
  readonly dimensions?: Readonly<Record<string, number>> | undefined
  /** Sizes by the same, taken where the model has such a free dimension and `dimensions` does not say it. */
  readonly axes?: Readonly<Record<string, number>> | undefined
  /** A recurrent model's states, input name → output name; without, those with the usual names are found. */
  readonly states?: Readonly<Record<string, string>> | undefined
}

/**
 * Reads an ONNX model: layers in order, their shapes, work and bytes. Constant parts of the graph and parts that no
 * output depends on are no layers. Nothing is run: shapes that only a run can tell are left open, see `withRunShapes`.
 * @throws NotAModel · BadExternalData · UnknownOperator · DynamicShape · BadConfiguration · TooLarge
 */
export async function readModel(path: string, options: ReadOptions = {}): Promise<Model> {
  const file = await readFileOf(path)
  const wiring = wire(file.graph)
  const shapes = await inferShapes(file.proto, file.graph, options)
  return modelOf(file, wiring, shapes, options.states)
}

/** Describes a model whose shapes are known as far as they are. */
export async function modelOf(
  file: ModelFile,
  wiring: Wiring,
  shapes: Shapes,
  stated: ReadOptions['states'],
): Promise<Model> {
  const { graph } = file
  const info = (name: string): TensorInfo => shapes.tensors.get(name) ?? tensorInfo(name, 'unknown', undefined)
  const initialised = initialisedNames(graph)
  const inputs = graph.input.filter(({ name }) => !initialised.has(name)).map(({ name }) => info(name))
  const outputs = graph.output.map(({ name }) => info(name))
  const nodeOf = wiring.nodes.flatMap((_, node) => (wiring.live[node] && !wiring.constant[node] ? [node] : []))
  const { states, ambiguous } = pairStates(inputs, outputs, wiring, stated)
  return {
    file,
    inputs,
    outputs,
    states,
    ambiguousStates: ambiguous,
    layers: await describe(file, wiring, nodeOf, info),
    shapes,
    wiring,
    nodeOf,
  }
}

async function describe(
  file: ModelFile,
  wiring: Wiring,
  nodeOf: readonly number[],
  info: (name: string) => TensorInfo,
): Promise<Layer[]> {
  const named = new Map<string, number>()
  const constants = new Map(file.graph.initializer.map((tensor) => [tensor.name, tensor]))
  const made = new Set<string>()
  for (const node of wiring.nodes) {
    named.set(node.name, (named.get(node.name) ?? 0) + 1)
    const value = node.opType === 'Constant' ? node.attribute.find(({ name }) => name === 'value')?.t : undefined
    if (value && node.output[0]) constants.set(node.output[0], value)
    for (const name of node.output) made.add(name)
  }
  const constantOf = (name: string): TensorProto | undefined => {
    const value = constants.get(name)
    return value && !isExternal(value) && value.rawData.length <= 4096 ? value : undefined
  }
  const around = { file, typeOf: info, constantOf }
  const counted = new Set<string>()

  const drafts = nodeOf.map((nodeIndex, index) => {
    const node = wiring.nodes[nodeIndex]
    if (!node) throw new RangeError(`no node ${nodeIndex}`)
    const reads = wiring.reads[nodeIndex] ?? []
    const isFixed = new Set(reads.filter((name) => isConstant(wiring, name)))
    const inputs = reads.filter((name) => !isFixed.has(name)).map(info)
    const outputs = node.output.filter((name) => name !== '').map(info)
    const weights = [...isFixed].map(info).filter((tensor) => isWeights(tensor))
    // A weight that several layers share counts where it is used first.
    const own = weights.filter((tensor) => !counted.has(tensor.name))
    for (const tensor of own) counted.add(tensor.name)
    const first = node.output.find((name) => name !== '') ?? ''
    const isUnique = named.get(node.name) === 1 && !(made.has(node.name) && node.name !== first)
    return {
      index,
      node,
      name: node.name !== '' && isUnique ? node.name : first,
      kind: node.opType,
      inputs,
      outputs,
      macs: macsOf(
        node,
        node.input.map((name) => info(name).shape),
        info(first).shape,
      ),
      parameters: own.reduce((sum, tensor) => sum + elements(tensor.shape ?? []), 0),
      parameterBytes: sumOf(own.map(({ bytes }) => bytes)) ?? 0,
      inputBytes: sumOf(inputs.map(({ bytes }) => bytes)),
      outputBytes: sumOf(outputs.filter((tensor) => isRead(wiring, tensor, first)).map(({ bytes }) => bytes)),
      window: elements(node.attribute.find(({ name }) => name === 'kernel_shape')?.ints.map(Number) ?? []),
      weights: weights.find((tensor) => (tensor.shape?.length ?? 0) > 1)?.name,
    }
  })
  const labels = labelled(drafts)
  const layers: Layer[] = []
  for (const [index, { weights: _, node, ...layer }] of drafts.entries()) {
    layers.push({
      ...layer,
      macs: hasInner(node) ? await innerMacs(node, around) : layer.macs,
      window: /Pool/.test(layer.kind) ? layer.window : 1,
      label: labels[index] ?? layer.name,
    })
  }
  return layers
}

function isConstant(wiring: Wiring, name: string): boolean {
  const maker = wiring.maker.get(name)
  if (maker !== undefined) return wiring.constant[maker] === true
  return !wiring.inputs.has(name)
}

// Whole numbers say how to compute (shapes, axes), everything else what with.
function isWeights(tensor: TensorInfo): boolean {
  return tensor.type !== 'int64' && tensor.type !== 'bool' && bytesOf(tensor.type) > 0 && tensor.shape !== undefined
}

// Second outputs that nobody reads (Dropout's mask) are not computed.
function isRead(wiring: Wiring, tensor: TensorInfo, first: string): boolean {
  return tensor.name === first || (wiring.readers.get(tensor.name)?.length ?? 0) > 0
}
