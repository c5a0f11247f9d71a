import { activations } from './activations.ts'
import { type Bits, isWithin } from './bits.ts'
import type { Model } from './model.ts'
import { sumOf, type WireTensor } from './tensors.ts'

interface Candidate {
  readonly head: Bits
  readonly crossing: readonly WireTensor[]
  readonly bytes: number
}

/**
 * The cuts that no cut further up (the model's input included) beats or meets in bytes. A cut in front of an activation
 * function is not among them and beats none: the one behind it carries the same.
 * @param candidates Those with smaller heads first.
 */
export function lowerEnvelope<T extends Candidate>(model: Model, candidates: readonly T[]): ReadonlySet<T> {
  const states = new Set(model.states.map((state) => state.input.name))
  const input = sumOf(model.inputs.filter(({ name }) => !states.has(name)).map(({ bytes }) => bytes)) ?? Infinity
  const between = beforeActivations(model)
  const standing = new Set<T>()
  for (const one of candidates) {
    if (one.bytes >= input || one.crossing.some(({ name }) => between.has(name))) continue
    // What beats a beaten cut beats whatever that one would have beaten, so that those standing are enough.
    const beaten = [...standing].some((other) => other.bytes <= one.bytes && isWithin(other.head, one.head))
    if (!beaten) standing.add(one)
  }
  return standing
}

/** Tensors that one activation function alone reads, straight behind what makes them. */
function beforeActivations(model: Model): ReadonlySet<string> {
  const layerOf = new Map(model.nodeOf.map((node, layer) => [node, model.layers[layer]]))
  const answers = new Set(model.outputs.map(({ name }) => name))
  const between = model.layers
    .flatMap((layer) => layer.outputs)
    .filter(({ name, bytes }) => {
      const readers = model.wiring.readers.get(name) ?? []
      const [reader] = readers.length === 1 ? readers.map((node) => layerOf.get(node)) : []
      const [made] = reader?.outputs ?? []
      return made && reader && activations.has(reader.kind) && made.bytes === bytes && !answers.has(made.name)
    })
  return new Set(between.map(({ name }) => name))
}
