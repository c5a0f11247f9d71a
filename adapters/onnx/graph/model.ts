import { labelled } from './labels.ts'
import { macsOf } from './macs.ts'
import { type ModelFile, readFileOf } from './read.ts'
import { inferShapes, type Shapes } from './shapes.ts'
import { pairStates, type State } from './states.ts'
import { bytesOf, elements, type TensorInfo, tensorInfo } from './tensors.ts'
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
  /** Multiply-accumulates of one run. */
  readonly macs: number
  /** Elements and bytes of its weights. */
  readonly parameters: number
  readonly parameterBytes: number
  readonly inputBytes: number
  readonly outputBytes: number
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
  readonly layers: readonly Layer[]
  /** Every tensor the graph computes on, by name. */
  readonly shapes: Shapes
  readonly wiring: Wiring
  /** Node of `wiring.nodes` per layer. */
  readonly nodeOf: readonly number[]
}

/** What a file alone does not say. */
export interface ReadOptions {
  /** Sizes of free dimensions, by name or `INPUT[AXIS]`; a free first axis that is not named is 1. */
  readonly dimensions?: Readonly<Record<string, number>> | undefined
  /** A recurrent model's states, input name → output name; without, those with the usual names are found. */
  readonly states?: Readonly<Record<string, string>> | undefined
}

/**
 * Reads an ONNX model: layers in order, their shapes, work and bytes. Constant parts of the graph and parts that no
 * output depends on are no layers.
 * @throws NotAModel · BadExternalData · UnknownOperator · DynamicShape · BadConfiguration · TooLarge
 */
export async function readModel(path: string, options: ReadOptions = {}): Promise<Model> {
  const file = await readFileOf(path)
  const { graph } = file
  const wiring = wire(graph)
  const shapes = await inferShapes(file.proto, graph, options.dimensions ?? {})
  const info = (name: string): TensorInfo => shapes.tensors.get(name) ?? tensorInfo(name, 'unknown', undefined)
  const initialised = initialisedNames(graph)
  const inputs = graph.input.filter(({ name }) => !initialised.has(name)).map(({ name }) => info(name))
  const outputs = graph.output.map(({ name }) => info(name))
  const nodeOf = wiring.nodes.flatMap((_, node) => (wiring.live[node] && !wiring.constant[node] ? [node] : []))
  return {
    file,
    inputs,
    outputs,
    states: pairStates(inputs, outputs, options.states),
    layers: describe(wiring, nodeOf, info),
    shapes,
    wiring,
    nodeOf,
  }
}

function describe(wiring: Wiring, nodeOf: readonly number[], info: (name: string) => TensorInfo): Layer[] {
  const named = new Map<string, number>()
  for (const node of wiring.nodes) named.set(node.name, (named.get(node.name) ?? 0) + 1)
  const counted = new Set<string>()

  const drafts = nodeOf.map((nodeIndex, index) => {
    const node = wiring.nodes[nodeIndex]
    if (!node) throw new RangeError(`no node ${nodeIndex}`)
    const reads = wiring.reads[nodeIndex] ?? []
    const constants = reads.filter((name) => isConstant(wiring, name))
    const inputs = reads.filter((name) => !constants.includes(name)).map(info)
    const outputs = node.output.filter((name) => name !== '').map(info)
    const weights = constants.map(info).filter((tensor) => isWeights(tensor))
    // A weight that several layers share counts where it is used first.
    const own = weights.filter((tensor) => !counted.has(tensor.name))
    for (const tensor of own) counted.add(tensor.name)
    const first = node.output.find((name) => name !== '') ?? ''
    return {
      index,
      name: node.name !== '' && named.get(node.name) === 1 ? node.name : first,
      kind: node.opType,
      inputs,
      outputs,
      macs: macsOf(
        node,
        node.input.map((name) => info(name).shape),
        info(first).shape,
      ),
      parameters: own.reduce((sum, tensor) => sum + elements(tensor.shape ?? []), 0),
      parameterBytes: own.reduce((sum, tensor) => sum + tensor.bytes, 0),
      inputBytes: inputs.reduce((sum, tensor) => sum + tensor.bytes, 0),
      outputBytes: outputs.filter((tensor) => isRead(wiring, tensor, first)).reduce((sum, { bytes }) => sum + bytes, 0),
      window: elements(node.attribute.find(({ name }) => name === 'kernel_shape')?.ints.map(Number) ?? []),
      weights: weights.find((tensor) => (tensor.shape?.length ?? 0) > 1)?.name,
    }
  })
  const labels = labelled(drafts)
  return drafts.map(({ weights: _, ...layer }, index) => ({
    ...layer,
    window: /Pool/.test(layer.kind) ? layer.window : 1,
    label: labels[index] ?? layer.name,
  }))
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
