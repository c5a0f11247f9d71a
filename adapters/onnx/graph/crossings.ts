import { add, addAll, type Bits, bits, firstOutside, has } from './bits.ts'
import { echoesOf } from './echoes.ts'
import type { Model } from './model.ts'

/** One way to part a graph: the layers of the head with all that they need (echoes left out), and what leaves it. */
export interface Crossing {
  readonly head: Bits
  readonly tensors: readonly string[]
}

/** What a search for crossings found. */
export interface Crossings {
  readonly found: readonly Crossing[]
  /** False where the search ended at its limit, so that cuts may be missing. */
  readonly complete: boolean
}

interface Edge {
  readonly name: string
  /** Layer that makes the tensor, -1 for an input of the model. */
  readonly maker: number
  /** Layers that read it, ascending. */
  readonly readers: readonly number[]
  /** An answer of the model: it must leave the head even where no layer of the tail reads it. */
  readonly answer: boolean
}

/**
 * Every way to part a model's layers into a head and a tail such that at most `most` tensors cross. State tensors that
 * only wait for the next step do not count: they stay on their side.
 *
 * A depth-first search that asks of one layer after another, in the order of computation, whether it belongs to the
 * head or, with all that depends on it, to the tail. Each parting is found once; a branch ends as soon as too many
 * tensors are sure to cross. In a chain each step costs the width of the graph and a look at n/32 words, so that n
 * layers take little more than n such steps.
 * @param most Tensors that may cross.
 * @param limit Steps after which the search gives up.
 */
export function crossings(model: Model, most: number, limit: number): Crossings {
  const count = model.layers.length
  const echoes = echoesOf(model)
  const { makes, behind, inputs, leads } = relate(model, echoes)
  const found: Crossing[] = []
  let steps = 0

  const echoing = bits(count)
  for (const echo of echoes) add(echoing, echo)
  const answers = inputs.filter(({ answer }) => answer)
  // By hand instead of by recursion: one tensor may have more readers than the stack has places.
  const waiting: State[] = [{ head: bits(count), tail: bits(count), next: 0, crossing: new Set(answers), open: inputs }]
  for (let from = waiting.pop(); from !== undefined; from = waiting.pop()) {
    let state = from
    while (state.crossing.size <= most) {
      // What a layer needs was decided before it: unless it is in the tail already, all that is in the head.
      const next = firstOutside(state.tail, echoing, state.next)
      const { head, crossing } = state
      if (next >= count) {
        if (holds(head) && holds(state.tail)) found.push({ head, tensors: [...crossing].map(({ name }) => name) })
        break
      }
      state = { ...state, next }
      if (steps >= limit) return { found, complete: false }
      steps++

      // In the head: goes on later. Whatever comes of it has to cross as well, for which there may be no place left.
      if (crossing.size < most || !leads[next]) waiting.push(inHead(state, makes[next] ?? []))

      // In the tail: at least what it reads crosses.
      const tail = state.tail.slice()
      addAll(tail, behind(next))
      const cut = new Set(state.crossing)
      for (const edge of state.open) if (edge.readers.some((reader) => has(tail, reader))) cut.add(edge)
      state = { ...state, tail, next: next + 1, crossing: cut }
    }
  }
  return { found, complete: true }
}

/** What was decided of the layers before `next`. */
interface State {
  readonly head: Bits
  /** With all that depends on what is in it. */
  readonly tail: Bits
  readonly next: number
  /** Tensors that are sure to cross. */
  readonly crossing: ReadonlySet<Edge>
  /** Tensors of the head that not only the head reads. */
  readonly open: readonly Edge[]
}

/** The next layer in the head, with what it makes. */
function inHead({ head, tail, next, crossing, open }: State, made: readonly Edge[]): State {
  const above = head.slice()
  add(above, next)
  const left = made.filter((edge) => edge.answer || edge.readers.some((reader) => has(tail, reader)))
  return {
    head: above,
    tail,
    next: next + 1,
    crossing: left.length > 0 ? new Set([...crossing, ...left]) : crossing,
    open: [...open, ...made].filter(({ readers }) => (readers.at(-1) ?? -1) > next),
  }
}

function holds(set: Bits): boolean {
  for (let word = 0; word < set.length; word++) if (set[word] !== 0) return true
  return false
}

interface Relations {
  /** Per layer: what it makes. */
  readonly makes: readonly (readonly Edge[])[]
  /** Of a layer: itself and all that depends on it. */
  readonly behind: (layer: number) => Bits
  /** The model's inputs. */
  readonly inputs: readonly Edge[]
  /** Per layer: whether something that must leave the head comes of it. Of others nothing but states does. */
  readonly leads: readonly boolean[]
}

function relate(model: Model, echoes: ReadonlySet<number>): Relations {
  const count = model.layers.length
  const layerOf = new Map(model.nodeOf.map((node, layer) => [node, layer]))
  const stateInputs = new Set(model.states.map((state) => state.input.name))
  const stateOutputs = new Set(model.states.map((state) => state.output.name))
  const answers = new Set(model.outputs.map(({ name }) => name).filter((name) => !stateOutputs.has(name)))

  const makes: Edge[][] = model.layers.map(() => [])
  const gather = (name: string, readers: Set<number>): Set<number> => {
    for (const node of model.wiring.readers.get(name) ?? []) {
      const layer = layerOf.get(node)
      if (layer === undefined) continue
      // Who reads an echo reads what it echoes.
      if (echoes.has(layer)) for (const output of model.layers[layer]?.outputs ?? []) gather(output.name, readers)
      else readers.add(layer)
    }
    return readers
  }
  const edge = (name: string, maker: number): Edge => ({
    name,
    maker,
    readers: [...gather(name, new Set())].sort((one, other) => one - other),
    answer: answers.has(name),
  })
  const inputs = model.inputs.filter(({ name }) => !stateInputs.has(name)).map(({ name }) => edge(name, -1))
  for (const layer of model.layers) {
    if (echoes.has(layer.index)) continue
    for (const { name } of layer.outputs) makes[layer.index]?.push(edge(name, layer.index))
  }
  const leads = model.layers.map(() => false)
  const reach: (Bits | undefined)[] = []
  for (let layer = count - 1; layer >= 0; layer--) {
    const made = makes[layer] ?? []
    leads[layer] = made.some(({ answer, readers }) => answer || readers.some((reader) => leads[reader]))
  }
  const behind = (layer: number): Bits => {
    const known = reach[layer]
    if (known) return known
    // Backwards from the end, so that each layer adds what its readers have.
    for (let at = count - 1; at >= layer; at--) {
      if (reach[at]) continue
      const set = bits(count)
      add(set, at)
      for (const { readers } of makes[at] ?? []) for (const reader of readers) addAll(set, reach[reader] ?? set)
      reach[at] = set
    }
    return reach[layer] ?? bits(count)
  }
  return { makes, behind, inputs, leads }
}
