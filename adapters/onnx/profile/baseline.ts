import type { Layer, Model } from '../graph/index.ts'
import { dot, leastSquares } from './regression.ts'

/** A layer as the Neurosurgeon paper (Kang et al., ASPLOS 2017) describes it: its configuration, two numbers. */
export interface Configuration {
  readonly model: string
  readonly kind: string
  readonly variables: readonly [number, number]
  readonly ms: number
}

/**
 * The paper's variables per kind of layer: for convolutions the input feature maps and (filter / stride)² · filters;
 * for pooling input and output maps; for fully connected layers, softmax and argmax input and output neurons; for
 * activations and normalisations neurons.
 */
export function configurationOf(model: Model, layer: Layer, ms: number): Configuration {
  const input = layer.inputs[0]?.shape ?? []
  const output = layer.outputs[0]?.shape ?? []
  const count = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1)
  const about = { model: model.file.path, kind: layer.kind, ms }
  const node = model.wiring.nodes[model.nodeOf[layer.index] ?? -1]
  if (/Conv/.test(layer.kind)) {
    const weights = model.shapes.tensors.get(node?.input[1] ?? '')?.shape ?? []
    const stride = Number(node?.attribute.find(({ name }) => name === 'strides')?.ints[0] ?? 1)
    return { ...about, variables: [input[1] ?? 0, ((weights[2] ?? 1) / stride) ** 2 * (weights[0] ?? 0)] }
  }
  if (/Pool/.test(layer.kind)) return { ...about, variables: [count(input), count(output)] }
  if (/Gemm|MatMul|Softmax|ArgMax/.test(layer.kind)) return { ...about, variables: [count(input), count(output)] }
  return { ...about, variables: [count(output), 0] }
}

/** The paper's predictor: one linear model per kind of layer on its configuration. */
export function fitBaseline(samples: readonly Configuration[]): (one: Configuration) => number {
  const kinds = new Map<string, number[]>()
  for (const kind of new Set(samples.map((sample) => sample.kind))) {
    const own = samples.filter((sample) => sample.kind === kind)
    const rows = own.map(({ variables }) => [1, ...variables])
    const flat = own.map(() => 1)
    const solved = leastSquares(
      rows,
      own.map(({ ms }) => ms),
      flat,
      1e-6,
    )
    if (solved) kinds.set(kind, solved)
  }
  return ({ kind, variables }) => Math.max(0, dot([1, ...variables], kinds.get(kind) ?? [0, 0, 0]))
}
