import type { Layer, Model } from './model.ts'

/** Products that the runtime merges with what scales or shifts their result, by computing new weights. */
const products: Readonly<Record<string, ReadonlySet<string>>> = {
  Conv: new Set(['BatchNormalization', 'Mul', 'Add']),
  MatMul: new Set(['Add', 'BatchNormalization']),
  Gemm: new Set(['BatchNormalization']),
}

/**
 * The tensors between a product and what the runtime folds into its weights (batch normalisation, a constant factor or
 * summand): with a cut between, the weights stay apart, and the last bits of the answer change. Behind the fold the
 * same number of bytes crosses, so that nothing is lost by leaving these cuts out.
 */
export function insideFolds(model: Model): ReadonlySet<string> {
  const inside = new Set<string>()
  const answers = new Set(model.outputs.map(({ name }) => name))
  const origin = new Map<string, string>()
  const layerOf = new Map(model.nodeOf.map((node, layer) => [node, model.layers[layer]]))
  for (const layer of model.layers) {
    const [made] = layer.outputs
    const [read] = layer.inputs
    if (!made || !read) continue
    // A fold goes on through everything that was folded itself: convolution, normalisation, factor, summand.
    const product = products[layer.kind] ? layer.kind : inside.has(read.name) ? origin.get(read.name) : undefined
    if (product === undefined) continue
    const readers = model.wiring.readers.get(made.name) ?? []
    const reader = readers.length === 1 ? layerOf.get(readers[0] ?? -1) : undefined
    if (!reader || answers.has(made.name) || !isFolded(reader, product)) continue
    inside.add(made.name)
    origin.set(made.name, product)
  }
  return inside
}

// With a second computed operand it is a sum of two branches, not a bias.
function isFolded(reader: Layer, product: string): boolean {
  return reader.inputs.length === 1 && products[product]?.has(reader.kind) === true
}
