import type { Model } from './model.ts'

const known = new WeakMap<Model, ReadonlySet<number>>()

/**
 * Layers that either side of a cut computes for itself: a DequantizeLinear costs next to nothing, and what it reads
 * is a quarter of what it makes. So the quantised tensor crosses, never its echo in floats.
 */
export function echoesOf(model: Model): ReadonlySet<number> {
  const before = known.get(model)
  if (before) return before
  const outputs = new Set(model.outputs.map(({ name }) => name))
  const echoes = model.layers.filter(
    (layer) =>
      layer.kind === 'DequantizeLinear' &&
      layer.inputs.length === 1 &&
      !layer.outputs.some(({ name }) => outputs.has(name)),
  )
  const set = new Set(echoes.map(({ index }) => index))
  known.set(model, set)
  return set
}
