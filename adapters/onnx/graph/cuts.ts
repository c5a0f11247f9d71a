import { type Bits, has, members, size, summing } from './bits.ts'
import { crossings } from './crossings.ts'
import { echoesOf } from './echoes.ts'
import { lowerEnvelope } from './envelope.ts'
import { UnknownCut } from './errors.ts'
import { insideFolds } from './folded.ts'
import { insideGroups } from './groups.ts'
import type { Model } from './model.ts'
import { insideQuantised } from './quantised.ts'
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

/** Cuts, nearest to the input first. */
export interface Cuts extends ReadonlyArray<LayerCut> {
  /** False where the search gave up at its limit, so that there may be more. */
  readonly complete: boolean
}

/** Which cuts to look for. */
export interface CutOptions {
  /** Tensors that may cross at once; 1 finds the cuts of a chain alone. 3 by default. */
  readonly tensors?: number
  /** Steps after which the search through a wildly branched graph gives up. 200,000 by default. */
  readonly limit?: number
}

/**
 * Every cut of a model that carries few tensors, those nearest to the input first.
 *
 * Left out are cuts whose tensors have no shape before a run or a type that cannot travel, those that would part a
 * state from itself, and those where the answer would change because the runtime computes what lies around as one:
 * inside the integer groups of a quantised model, between a product and what is folded into its weights, and inside
 * spelled-out normalisations and activations.
 */
export function cuts(model: Model, options: CutOptions = {}): Cuts {
  const { found, complete } = crossings(model, options.tensors ?? 3, options.limit ?? 200_000)
  const inside = new Set([...insideQuantised(model), ...insideFolds(model), ...insideGroups(model)])
  const sources = sourcesOf(model)
  const sides = sidesOf(model)
  const share = shares(model)
  const offered = found.flatMap(({ head, tensors }) => {
    const states = sides(head)
    const wires = tensors.map((name) => model.shapes.tensors.get(name)).filter((tensor) => tensor !== undefined)
    const crossing = inOrder(model, wires.filter(isWireTensor))
    if (!states || crossing.length < tensors.length || crossing.some(({ name }) => inside.has(name))) return []
    const bytes = crossing.reduce((sum, tensor) => sum + tensor.bytes, 0)
    return [{ head, crossing, bytes, states, layers: size(head) }]
  })
  offered.sort((a, b) => a.layers - b.layers || a.bytes - b.bytes)
  const envelope = lowerEnvelope(model, offered)

  const listed = offered.map((one): LayerCut => {
    let layers: readonly number[] | undefined
    const from = one.crossing.map(({ name }) => sources.get(name) ?? { name, label: name })
    return {
      name: from.map(({ name }) => name).join('+'),
      label: from.map(({ label }) => label).join('+'),
      // Made when it is asked for: a wide graph has thousands of cuts, and few of them are looked at.
      get head() {
        layers ??= withEchoes(model, one.head)
        return layers
      },
      crossing: one.crossing,
      bytes: one.bytes,
      headShare: share(one.head),
      ...one.states,
      envelope: envelope.has(one),
    }
  })
  return Object.assign(listed, { complete })
}

// An echo that the head computes is counted there, whether or not the tail computes it again.
function withEchoes(model: Model, head: Bits): number[] {
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

/**
 * The cut of that name: a cut's own name or label, the name or label of the one layer or tensor that crosses; with
 * `after:` before it or not.
 * @throws UnknownCut which names the nearest that exist
 */
export function findCut(model: Model, name: string, options: CutOptions = {}): LayerCut {
  const wanted = name.replace(/^after:/, '')
  const matches: ((cut: LayerCut) => boolean)[] = [
    (cut) => cut.name === wanted,
    (cut) => cut.label === wanted,
    (cut) => cut.crossing.map((tensor) => tensor.name).join('+') === wanted,
  ]
  // Few tensors first: most cuts have one, and are found at once.
  const most = options.tensors ?? 3
  let all: readonly LayerCut[] = []
  let complete = true
  for (let tensors = 1; tensors <= most; tensors++) {
    const found = cuts(model, { ...options, tensors })
    all = found
    complete &&= found.complete
    for (const match of matches) {
      const cut = all.find(match)
      if (cut) return cut
    }
  }
  throw new UnknownCut(`${whyNot(model, wanted)} ${instead(model, wanted, all, complete)}`)
}

function whyNot(model: Model, wanted: string): string {
  const layer = model.layers.find((one) => one.name === wanted || one.label === wanted)
  if (!layer) return `There is no layer "${wanted}".`
  const open = layer.outputs.find(({ shape }) => shape === undefined)
  return open
    ? `Behind "${wanted}" the model cannot be cut: the shape of "${open.name}" is only known in a run.`
    : `Behind "${wanted}" the model cannot be cut without changing its answer.`
}

function instead(model: Model, wanted: string, all: readonly LayerCut[], complete: boolean): string {
  const near = nearest(wanted, [
    ...new Set([...all.map(({ name }) => name), ...model.layers.map(({ name }) => name)]),
  ]).filter((name) => all.some((cut) => cut.name === name))
  const best = all.some((cut) => cut.envelope) ? all.filter((cut) => cut.envelope) : all
  const some = [...new Set([...near, ...best.slice(0, 8).map(({ name }) => name)])].slice(0, 8)
  const more = all.length > some.length ? `, or any of the ${all.length} that "quintet inspect" lists` : ''
  const gaveUp = complete ? '' : ' The search for cuts ended at its limit: there may be more.'
  return `Use one of ${some.join(', ') || '(it has none)'}${more}.${gaveUp}`
}

/** The names most like what was wanted, at most three, best first; none that is wholly unlike. */
export function nearest(wanted: string, names: readonly string[]): string[] {
  const pairs = (text: string): Set<string> =>
    new Set(Array.from({ length: Math.max(0, text.length - 1) }, (_, at) => text.slice(at, at + 2).toLowerCase()))
  const own = pairs(wanted)
  const likeness = (name: string): number => {
    const other = pairs(name)
    const shared = [...own].filter((pair) => other.has(pair)).length
    return (2 * shared) / Math.max(1, own.size + other.size)
  }
  return names
    .map((name) => ({ name, like: likeness(name) }))
    .filter(({ like }) => like > 0.5)
    .sort((a, b) => b.like - a.like)
    .slice(0, 3)
    .map(({ name }) => name)
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
