import type { Layer, Model } from './model.ts'

// Element by element, or along one axis: what normalisations and activations are spelled out with.
const steps: ReadonlySet<string> = new Set([
  'Add',
  'Cast',
  'Div',
  'Erf',
  'HardSigmoid',
  'Mul',
  'Pow',
  'ReduceMean',
  'Reciprocal',
  'Sigmoid',
  'Softplus',
  'Sqrt',
  'Sub',
  'Tanh',
])
// Without one of these it is arithmetic, such as a residual connection.
const seeds: ReadonlySet<string> = new Set(['Erf', 'HardSigmoid', 'ReduceMean', 'Sigmoid', 'Softplus', 'Tanh'])

/**
 * The tensors inside spelled-out groups (layer normalisation, GELU, swish, …): neighbouring steps in which the result
 * of a seed meets another computed value again. The runtime puts such groups together into one operator where it
 * finds them whole, whose last bits differ; so no cut goes through them.
 */
export function insideGroups(model: Model): ReadonlySet<string> {
  const group = new Map<string, Layer[]>()
  const seeded = new Set<string>()
  const joined = new Set<Layer[]>()
  for (const layer of model.layers) {
    if (!steps.has(layer.kind)) continue
    const members = merge(layer, group, joined)
    const below = seeds.has(layer.kind) || layer.inputs.some(({ name }) => seeded.has(name))
    if (layer.inputs.length > 1 && layer.inputs.some(({ name }) => seeded.has(name))) joined.add(members)
    for (const { name } of layer.outputs) {
      group.set(name, members)
      if (below) seeded.add(name)
    }
  }
  const inside = new Set<string>()
  for (const members of joined) {
    const read = new Set(members.flatMap((layer) => layer.inputs.map(({ name }) => name)))
    for (const layer of members) for (const { name } of layer.outputs) if (read.has(name)) inside.add(name)
  }
  return inside
}

/** The group of the layer: those of its inputs as one, with itself. */
function merge(layer: Layer, group: Map<string, Layer[]>, joined: Set<Layer[]>): Layer[] {
  const before = new Set(layer.inputs.map(({ name }) => group.get(name)).filter((one) => one !== undefined))
  const members = [...before].flat()
  members.push(layer)
  for (const one of before) {
    if (joined.delete(one)) joined.add(members)
    for (const part of one) for (const { name } of part.outputs) group.set(name, members)
  }
  return members
}
