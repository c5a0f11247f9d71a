import { createHash } from 'node:crypto'
import { toBinary } from '@bufbuild/protobuf'
import { activations } from './activations.ts'
import { isExternal, readExternal } from './external.ts'
import { type AttributeProto, AttributeProtoSchema, type GraphProto, type TensorProto } from './generated/onnx_pb.ts'
import { type OptimisedFile, typesIn } from './optimised.ts'
import { activationIn } from './separate.ts'
import { dataType } from './tensors.ts'
import { wire } from './wiring.ts'

/** Per tensor what it is computed by, down to the inputs, as a hash. Equal ones are computed by the same operators from the same. */
export type Expressions = ReadonlyMap<string, string>

/**
 * What an optimised graph computes. Names do not matter, nor do nodes that change nothing: Identity, and a Cast of an
 * answer to the type that it has.
 * @param given What its inputs are computed by; an input that is not among them stands for itself.
 */
export async function expressionsOf(file: OptimisedFile, given: Expressions = new Map()): Promise<Expressions> {
  const known = new Map<string, string>()
  for (const { name } of file.graph.input) known.set(name, given.get(name) ?? hash('input', name))
  await describe(file.graph, { path: file.path, idle: await idleCasts(file) }, known)
  return known
}

interface Surroundings {
  readonly path: string
  /** Answers that a Cast hands on as they are. */
  readonly idle: ReadonlySet<string>
}

async function describe(graph: GraphProto, around: Surroundings, known: Map<string, string>): Promise<void> {
  for (const tensor of graph.initializer) known.set(tensor.name, await constant(tensor, around.path))
  for (const node of wire(graph).nodes) {
    const inputs = node.input.map((name) => (name === '' ? '' : (known.get(name) ?? hash('unknown', name))))
    const [first = ''] = node.output
    if ((node.opType === 'Identity' && node.domain === '') || around.idle.has(first)) {
      known.set(first, inputs[0] ?? '')
      continue
    }
    const activation = activationIn(node)
    const own = node.attribute.filter(({ name }) => activation === undefined || !name.startsWith('activation'))
    const attributes = await Promise.all(own.sort(byName).map((one) => attribute(one, around, known)))
    // An activation function is what it is on its own, wherever it is computed.
    const kind = activation === undefined ? node.opType : node.opType.replace(/^Fused/, '')
    const domain = kind === node.opType ? node.domain : ''
    const made =
      domain === '' && activations.has(kind)
        ? hash('activation', kind, inputs[0] ?? '')
        : hash(domain, kind, ...inputs, '|', ...attributes)
    if (activation !== undefined) {
      known.set(first, hash(hash('activation', activation, hash(made, '0')), '0'))
      continue
    }
    node.output.forEach((name, index) => {
      if (name !== '') known.set(name, hash(made, String(index)))
    })
  }
}

async function idleCasts(file: OptimisedFile): Promise<ReadonlySet<string>> {
  const answers = new Set(file.graph.output.map(({ name }) => name))
  const casts = file.graph.node.filter(({ opType, output }) => opType === 'Cast' && answers.has(output[0] ?? ''))
  if (casts.length === 0) return new Set()
  const types = await typesIn(file, [...new Set(casts.flatMap(({ input }) => input))])
  const idle = casts.filter(({ input, attribute }) => {
    const to = attribute.find(({ name }) => name === 'to')?.i ?? 0n
    return types.get(input[0] ?? '') === dataType(Number(to))
  })
  return new Set(idle.flatMap(({ output }) => output))
}

async function constant(tensor: TensorProto, path: string): Promise<string> {
  if (isExternal(tensor)) {
    return hash('constant', String(tensor.dataType), tensor.dims.join(), digest(await readExternal(tensor, path)))
  }
  const { rawData, floatData, int32Data, int64Data, uint64Data, doubleData, stringData } = tensor
  const packed = [floatData, int32Data, int64Data, uint64Data, doubleData, stringData].map(String).join(';')
  return hash('constant', String(tensor.dataType), tensor.dims.join(), digest(rawData), packed)
}

async function attribute(
  one: AttributeProto,
  around: Surroundings,
  known: ReadonlyMap<string, string>,
): Promise<string> {
  const graphs = one.g ? [one.g, ...one.graphs] : one.graphs
  if (graphs.length === 0) return digest(toBinary(AttributeProtoSchema, one))
  const inner = await Promise.all(
    graphs.map(async (graph) => {
      // An inner graph sees what is around it; its own inputs are known by their place.
      const scope = new Map(known)
      graph.input.forEach(({ name }, index) => {
        scope.set(name, hash('inner', String(index)))
      })
      await describe(graph, around, scope)
      return graph.output.map(({ name }) => scope.get(name) ?? '').join()
    }),
  )
  return hash(one.name, ...inner)
}

function byName(one: AttributeProto, other: AttributeProto): number {
  return one.name < other.name ? -1 : 1
}

function hash(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('base64')
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64')
}
