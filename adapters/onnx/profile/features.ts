import { insideQuantised, type Layer, type Model } from '../graph/index.ts'

/** What a layer's time is predicted from. */
export interface Features {
  /** Operator with what decides how it is computed, most general part first: `Conv:depthwise:int8`. */
  readonly kind: string
  /** Multiply-accumulates; for pooling and other work without products, element operations. */
  readonly macs: number
  /** Bytes read and written: inputs, outputs and weights. */
  readonly bytes: number
}

/** The features of every layer of a model, by index. */
export function featuresOf(model: Model): Features[] {
  const inside = insideQuantised(model)
  const replaceable = new Set(model.file.graph.input.map(({ name }) => name))
  return model.layers.map((layer) => {
    const weights = weightsOf(model, layer)
    const kind = [layer.kind, shapeKind(layer, weights?.shape)]
    // Operators between bytes are computed with bytes.
    if (layer.outputs.some(({ name }) => inside.has(name))) kind.push('int8')
    // Weights that a caller may replace cannot be rearranged beforehand, which makes convolutions slower.
    else if (weights && replaceable.has(weights.name) && model.file.proto.irVersion >= 4n) kind.push('replaceable')
    // What is not known without a run counts as nothing.
    const { macs = 0, inputBytes = 0, outputBytes = 0 } = layer
    return {
      kind: kind.filter((part) => part !== '').join(':'),
      macs: macs || (layer.window > 1 ? (outputBytes / 4) * layer.window : outputBytes / 4),
      bytes: inputBytes + outputBytes + layer.parameterBytes,
    }
  })
}

function weightsOf(model: Model, layer: Layer): { name: string; shape: readonly number[] } | undefined {
  const node = model.nodeOf[layer.index]
  const name = node === undefined ? undefined : model.wiring.nodes[node]?.input[/^QLinear/.test(layer.kind) ? 3 : 1]
  const shape = name === undefined ? undefined : model.shapes.tensors.get(name)?.shape
  return name !== undefined && shape ? { name, shape } : undefined
}

// [filters, channels per group, …kernel]
function shapeKind(layer: Layer, weights: readonly number[] | undefined): string {
  if (!/Conv/.test(layer.kind) || !weights || weights.length < 3) return ''
  if (weights[1] === 1 && (weights[0] ?? 0) > 1) return 'depthwise'
  return weights.slice(2).every((side) => side === 1) ? 'pointwise' : 'spatial'
}
