import { add, addAll, type Bits, bits, has, isApart, isEmpty, isWithin } from './bits.ts'
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
  /** Layers that read it. */
  readonly readers: Bits
  /** An answer of the model: it must leave the head even where no layer of the tail reads it. */
  readonly answer: boolean
}

/**
 * Every way to part a model's layers into a head and a tail such that at most `most` tensors cross. State tensors that
 * only wait for the next step do not count: they stay on their side.
 *
 * A depth-first search that asks of one layer after another, in the order of computation, whether it belongs to the
 * head or, with all that depends on it, to the tail. Each parting is found once; a branch ends as soon as too many
 * tensors are sure to cross.
 * @param most Tensors that may cross.
 * @param limit Steps after which the search gives up.
 */
export function crossings(model: Model, most: number, limit: number): Crossings {
  const count = model.layers.length
  const echoes = echoesOf(model)
  const { makes, behind, inputs } = relate(model, echoes)
  const found: Crossing[] = []
  let steps = 0

  const search = (start: State): void => {
    let { head, tail, next, crossing, open } = start
    while (crossing.size <= most && steps < limit) {
      // What a layer needs was decided before it: unless it is in the tail already, all that is in the head.
      while (next < count && (has(tail, next) || echoes.has(next))) next++
      if (next === count) {
        if (!isEmpty(head) && !isEmpty(tail)) found.push({ head, tensors: [...crossing].map(({ name }) => name) })
        return
      }
      steps++

      // In the tail: at least what it reads crosses, so that this goes no deeper than tensors may cross.
      const below = tail.slice()
      addAll(below, behind[next] ?? below)
      const cut = new Set(crossing)
      for (const edge of open) if (!isApart(edge.readers, below)) cut.add(edge)
      search({ head, tail: below, next: next + 1, crossing: cut, open })

      // In the head: goes on here.
      const above = head.slice()
      add(above, next)
      const made = makes[next] ?? []
      const left = made.filter((edge) => edge.answer || !isApart(edge.readers, tail))
      if (left.length > 0) crossing = new Set([...crossing, ...left])
      open = [...open, ...made].filter(({ readers }) => !isWithin(readers, above))
      head = above
      next++
    }
  }

  const answers = inputs.filter(({ answer }) => answer)
  search({ head: bits(count), tail: bits(count), next: 0, crossing: new Set(answers), open: inputs })
  return { found, complete: steps < limit }
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

interface Relations {
  /** Per layer: what it makes. */
  readonly makes: readonly (readonly Edge[])[]
  /** Per layer: itself and all that depends on it. */
  readonly behind: readonly Bits[]
  /** The model's inputs. */
  readonly inputs: readonly Edge[]
}

function relate(model: Model, echoes: ReadonlySet<number>): Relations {
  const count = model.layers.length
  const layerOf = new Map(model.nodeOf.map((node, layer) => [node, layer]))
  const stateInputs = new Set(model.states.map((state) => state.input.name))
  const stateOutputs = new Set(model.states.map((state) => state.output.name))
  const answers = new Set(model.outputs.map(({ name }) => name).filter((name) => !stateOutputs.has(name)))

  const makes: Edge[][] = model.layers.map(() => [])
  const behind = model.layers.map(() => bits(count))
  const gather = (name: string, readers: Bits): Bits => {
    for (const node of model.wiring.readers.get(name) ?? []) {
      const layer = layerOf.get(node)
      if (layer === undefined) continue
      // Who reads an echo reads what it echoes.
      if (echoes.has(layer)) for (const output of model.layers[layer]?.outputs ?? []) gather(output.name, readers)
      else add(readers, layer)
    }
    return readers
  }
  const edge = (name: string, maker: number): Edge => ({
    name,
    maker,
    readers: gather(name, bits(count)),
    answer: answers.has(name),
  })
  const inputs = model.inputs.filter(({ name }) => !stateInputs.has(name)).map(({ name }) => edge(name, -1))
  const own = model.layers.filter((layer) => !echoes.has(layer.index))
  const made = own.flatMap((layer) => layer.outputs.map(({ name }) => edge(name, layer.index)))
  for (const one of [...inputs, ...made]) {
    makes[one.maker]?.push(one)
  }
  for (let layer = count - 1; layer >= 0; layer--) {
    const set = behind[layer] ?? bits(count)
    add(set, layer)
    for (const one of makes[layer] ?? []) {
      for (let reader = layer + 1; reader < count; reader++) {
        if (has(one.readers, reader)) addAll(set, behind[reader] ?? set)
      }
    }
  }
  return { makes, behind, inputs }
}
