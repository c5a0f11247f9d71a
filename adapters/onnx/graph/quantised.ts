import type { Model } from './model.ts'

/**
 * The float tensors inside the integer parts of a quantised model: below a DequantizeLinear and above a
 * QuantizeLinear, with nothing but float operators between. The runtime fuses such groups into integer operators, so
 * that these tensors never exist; a cut there would change the answer (and cost four times the bytes).
 */
export function insideQuantised(model: Model): ReadonlySet<string> {
  const { layers } = model
  const below = new Set<string>()
  for (const layer of layers) {
    if (layer.kind === 'QuantizeLinear') continue
    if (layer.kind === 'DequantizeLinear' || layer.inputs.some(({ name }) => below.has(name))) {
      for (const { name } of layer.outputs) below.add(name)
    }
  }
  const above = new Set<string>()
  for (const layer of [...layers].reverse()) {
    if (layer.kind === 'DequantizeLinear') continue
    if (layer.kind === 'QuantizeLinear' || layer.outputs.some(({ name }) => above.has(name))) {
      for (const { name } of layer.inputs) above.add(name)
    }
  }
  return new Set([...below].filter((name) => above.has(name)))
}
