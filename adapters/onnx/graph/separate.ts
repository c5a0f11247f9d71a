import { z } from 'zod'
import { activations } from './activations.ts'
import type { GraphProto, NodeProto } from './generated/onnx_pb.ts'
import type { Model } from './model.ts'
import type { State } from './states.ts'
import { wire } from './wiring.ts'

/** Who reads and makes what in an optimised graph, constant nodes left out. */
export const optimisedGraph = z.object({
  inputs: z.array(z.string()),
  /** In the order of computation. */
  nodes: z.array(
    z.object({
      reads: z.array(z.string()),
      makes: z.array(z.string()),
      /** The activation function that is computed with it, by its attribute. */
      activation: z.string().optional(),
    }),
  ),
})
export type OptimisedGraph = z.infer<typeof optimisedGraph>

/** The same of a graph that the runtime wrote. */
export function outline(graph: GraphProto): OptimisedGraph {
  const { inputs, nodes, reads, constant } = wire(graph)
  return {
    inputs: [...inputs],
    nodes: nodes.flatMap((node, index) => {
      if (constant[index]) return []
      const activation = activationIn(node)
      const makes = node.output.filter((name) => name !== '')
      return [{ reads: [...(reads[index] ?? [])], makes, ...(activation === undefined ? {} : { activation }) }]
    }),
  }
}

/** The activation function that a node computes with its own result, number by number, as the next operator would. */
export function activationIn({ attribute }: NodeProto): string | undefined {
  const value = attribute.find(({ name }) => name === 'activation')?.s
  const kind = value && new TextDecoder().decode(value)
  return kind !== undefined && activations.has(kind) ? kind : undefined
}

/** The graph with such a function as a node of its own again, behind the tensor that it reads in the model. */
export function withActivations(model: Model, graph: OptimisedGraph): OptimisedGraph {
  const nodes = graph.nodes.flatMap((node) => {
    const [made = ''] = node.makes
    const maker = model.wiring.nodes[model.wiring.maker.get(made) ?? -1]
    const before = maker?.opType === node.activation ? maker?.input[0] : undefined
    if (node.activation === undefined || before === undefined) return [node]
    return [
      { reads: node.reads, makes: [before] },
      { reads: [before], makes: node.makes },
    ]
  })
  return { inputs: graph.inputs, nodes }
}

/** What is asked of a cut: whether it parts what the runtime computes as one. */
export interface Parting {
  readonly crossing: readonly { readonly name: string }[]
  readonly headStates: readonly State[]
}

/**
 * Which cuts are cuts of the optimised graph, too: all that crosses still exists there, and no way leads from the model's
 * inputs to what the tail answers but through it. Then no operator that the runtime fused has a part on either side.
 *
 * Goes through the graph backwards, once for 32 cuts: each tensor has a bit per cut that says whether the tail needs it.
 */
export function separates(model: Model, graph: OptimisedGraph, cuts: readonly Parting[]): boolean[] {
  const answers: boolean[] = []
  const exists = new Set([...graph.inputs, ...graph.nodes.flatMap(({ makes }) => makes)])
  for (let from = 0; from < cuts.length; from += 32) {
    const some = cuts.slice(from, from + 32)
    const broken = mixed(model, graph, exists, some)
    some.forEach((_, index) => {
      answers.push((broken & (1 << index)) === 0)
    })
  }
  return answers
}

/** The cuts, as bits, that the optimised graph does not have. */
function mixed(model: Model, graph: OptimisedGraph, exists: ReadonlySet<string>, cuts: readonly Parting[]): number {
  const crossing = new Map<string, number>()
  const headStates = new Map<string, number>()
  const needed = new Map<string, number>()
  const add = (to: Map<string, number>, name: string, bits: number): void => {
    if (bits !== 0) to.set(name, (to.get(name) ?? 0) | bits)
  }
  let broken = 0
  cuts.forEach((cut, index) => {
    const bit = 1 << index
    for (const { name } of cut.crossing) {
      add(crossing, name, bit)
      if (!exists.has(name)) broken |= bit
    }
    for (const { input, output } of cut.headStates) for (const { name } of [input, output]) add(headStates, name, bit)
  })
  const all = -1
  for (const { name } of model.outputs) add(needed, name, all & ~(headStates.get(name) ?? 0))
  for (let index = graph.nodes.length - 1; index >= 0; index--) {
    const node = graph.nodes[index]
    if (!node) continue
    let bits = 0
    for (const name of node.makes) bits |= (needed.get(name) ?? 0) & ~(crossing.get(name) ?? 0)
    for (const name of node.reads) add(needed, name, bits)
  }
  const states = new Set(model.states.map(({ input }) => input.name))
  for (const name of graph.inputs) {
    const bits = (needed.get(name) ?? 0) & ~(crossing.get(name) ?? 0)
    // A state that the tail reads is its own; one of the head's would have to cross.
    broken |= states.has(name) ? bits & (headStates.get(name) ?? 0) : bits
  }
  return broken
}
