import { type Bits, has, members, size, summing } from './bits.ts'
import { crossings } from './crossings.ts'
import { echoesOf } from './echoes.ts'
import { lowerEnvelope } from './envelope.ts'
import type { Model } from './model.ts'
import type { State } from './states.ts'
import { isWireTensor, sumOf, type WireTensor } from './tensors.ts'

/** A place where a model can be cut in two without changing its answer. */
export interface LayerCut {
  /** Stable for the same file: the names of the layers whose outputs cross, in order, joined by "+". */
  readonly name: string
  /** The same in the literature's words, e.g. `pool5`. */
  readonly label: string
  /** Indices of the head's layers, ascending; the rest is the tail. */
  readonly head: readonly number[]
  /** What crosses the wire at every run. */
  readonly crossing: readonly WireTensor[]
  /** Bytes of `crossing`. */
  readonly bytes: number
  /** The share of multiply-accumulates that the head does, 0…1. */
  readonly headShare: number
  /** States that live with the head, and with the tail. */
  readonly headStates: readonly State[]
  readonly tailStates: readonly State[]
  /**
   * Whether no cut further up (the model's input included) carries as few bytes: only such a cut can be the fastest
   * where the cloud computes faster than the device. A cut in front of an activation function leaves its place to the
   * one behind it, which carries the same and costs nothing, being computed with what makes its input.
   */
  readonly envelope: boolean
}

/** Which cuts to look for. */
export interface CutOptions {
  /** Tensors that may cross at once; 1 finds the cuts of a chain alone. 3 by default. */
  readonly tensors?: number
  /** Steps after which the search through a wildly branched graph gives up. 200,000 by default. */
  readonly limit?: number
}

/** A way to cut a model of which nobody has said yet whether it is exact. */
export interface Candidate {
  readonly name: string
  readonly label: string
  /** The head's layers, without echoes. */
  readonly head: Bits
  readonly layers: number
  readonly crossing: readonly WireTensor[]
  readonly bytes: number
  readonly headStates: readonly State[]
  readonly tailStates: readonly State[]
}

/** Ways to cut a model, nearest to the input first. */
export interface Candidates {
  readonly all: readonly Candidate[]
  /** False where the search gave up at its limit, so that there may be more. */
  readonly complete: boolean
}

/**
 * Every way to cut a model that carries few tensors, those nearest to the input first. Left out are cuts whose tensors
 * have no shape before a run or a type that cannot travel, and those that would part a state from itself.
 */
export function candidates(model: Model, options: CutOptions = {}): Candidates {
  const { found, complete } = crossings(model, options.tensors ?? 3, options.limit ?? 200_000)
  const sources = sourcesOf(model)
  const sides = sidesOf(model)
  const all = found.flatMap(({ head, tensors }): Candidate[] => {
    const states = sides(head)
    const wires = tensors.map((name) => model.shapes.tensors.get(name)).filter((tensor) => tensor !== undefined)
    const crossing = inOrder(model, wires.filter(isWireTensor))
    if (!states || crossing.length < tensors.length) return []
    const from = crossing.map(({ name }) => sources.get(name) ?? { name, label: name })
    return [
      {
        name: from.map(({ name }) => name).join('+'),
        label: from.map(({ label }) => label).join('+'),
        head,
        layers: size(head),
        crossing,
        bytes: bytesOf(crossing),
        ...states,
      },
    ]
  })
  return { all: all.sort((a, b) => a.layers - b.layers || a.bytes - b.bytes), complete }
}

/** The same cut with its halves crossing as float32, which hold them exactly; undefined where it has none. */
export function widened(cut: Candidate): Candidate | undefined {
  if (!cut.crossing.some(({ type }) => type === 'float16')) return undefined
  const crossing = cut.crossing.map((one) =>
    one.type === 'float16' ? { ...one, type: 'float32' as const, bytes: 2 * one.bytes } : one,
  )
  return { ...cut, crossing, bytes: bytesOf(crossing) }
}

function bytesOf(tensors: readonly WireTensor[]): number {
  return tensors.reduce((sum, tensor) => sum + tensor.bytes, 0)
}

/** Describes cuts that were found to be exact, in their order. */
export function described(model: Model, exact: readonly Candidate[]): LayerCut[] {
  const envelope = lowerEnvelope(model, exact)
  const share = shares(model)
  return exact.map((one): LayerCut => {
    let layers: readonly number[] | undefined
    return {
      name: one.name,
      label: one.label,
      // Made when it is asked for: a wide graph has thousands of cuts, and few of them are looked at.
      get head() {
        layers ??= layersOf(model, one)
        return layers
      },
      crossing: one.crossing,
      bytes: one.bytes,
      headShare: share(one.head),
      headStates: one.headStates,
      tailStates: one.tailStates,
      envelope: envelope.has(one),
    }
  })
}

/** The head's layers. An echo that it computes is counted there, whether or not the tail computes it again. */
export function layersOf(model: Model, { head }: Candidate): number[] {
  const set = new Set(members(head))
  const read = new Set([...set].flatMap((index) => model.layers[index]?.inputs.map(({ name }) => name) ?? []))
  for (const echo of echoesOf(model)) {
    if (model.layers[echo]?.outputs.some(({ name }) => read.has(name))) set.add(echo)
  }
  return [...set].sort((a, b) => a - b)
}

/** The head's share of the multiply-accumulates; of the layers, where those of a layer are not known or none has any. */
function shares(model: Model): (head: Bits) => number {
  const total = sumOf(model.layers.map(({ macs }) => macs))
  if (!total) return (head) => size(head) / model.layers.length
  const before = summing(model.layers.map(({ macs }) => macs ?? 0))
  return (head) => before(head) / total
}

/** Per tensor the layer that it names. Second outputs of a layer go by their own name: the layer's is its first. */
function sourcesOf(model: Model): ReadonlyMap<string, { readonly name: string; readonly label: string }> {
  return new Map(model.layers.flatMap((layer) => (layer.outputs[0] ? [[layer.outputs[0].name, layer] as const] : [])))
}

/** The states of either side of a cut, undefined where it would part one from itself: it would travel back at every step. */
function sidesOf(model: Model): (head: Bits) => { headStates: State[]; tailStates: State[] } | undefined {
  const layerOf = new Map(model.nodeOf.map((node, layer) => [node, layer]))
  const touched = model.states.map((state) => {
    const touching = [model.wiring.maker.get(state.output.name), ...(model.wiring.readers.get(state.input.name) ?? [])]
    return { state, layers: touching.flatMap((node) => (node === undefined ? [] : (layerOf.get(node) ?? []))) }
  })
  return (head) => {
    const headStates: State[] = []
    const tailStates: State[] = []
    for (const { state, layers } of touched) {
      const inHead = layers.filter((layer) => has(head, layer)).length
      if (inHead !== 0 && inHead !== layers.length) return undefined
      if (inHead > 0) headStates.push(state)
      else tailStates.push(state)
    }
    return { headStates, tailStates }
  }
}

function inOrder<T extends { readonly name: string }>(model: Model, tensors: readonly T[]): T[] {
  const place = (name: string): number => model.wiring.maker.get(name) ?? -1
  return [...tensors].sort((a, b) => place(a.name) - place(b.name) || (a.name < b.name ? -1 : 1))
}

/**
 * The state that has to travel when a running stream goes over from one cut to another, in either direction; its
 * bytes are to be counted with the first message after the change.
 */
export function movingStates(from: LayerCut, to: LayerCut): readonly State[] {
  const before = new Set(from.headStates.map((state) => state.input.name))
  const after = new Set(to.headStates.map((state) => state.input.name))
  const all = [...from.headStates, ...from.tailStates]
  return all.filter(({ input }) => before.has(input.name) !== after.has(input.name))
}
