import { NotAModel } from './errors.ts'
import type { AttributeProto, GraphProto, NodeProto } from './generated/onnx_pb.ts'

/** How a graph hangs together: its nodes in an order they can run in, and who makes and reads each tensor. */
export interface Wiring {
  /** The graph's inputs that have no value in the file. */
  readonly inputs: ReadonlySet<string>
  /** Topologically ordered; the file's own order where that is one. */
  readonly nodes: readonly NodeProto[]
  /** Per node: the tensors it reads, those that its inner graphs (If, Loop, Scan) take from outside included. */
  readonly reads: readonly (readonly string[])[]
  /** The node that makes a tensor. */
  readonly maker: ReadonlyMap<string, number>
  /** The nodes that read a tensor, in order. */
  readonly readers: ReadonlyMap<string, readonly number[]>
  /** Nodes whose results do not depend on the model's inputs. */
  readonly constant: readonly boolean[]
  /** Nodes that at least one output of the model depends on. */
  readonly live: readonly boolean[]
}

// Their answers differ from run to run, so that they are never taken for constants and never doubled.
const random = new Set([
  'RandomNormal',
  'RandomUniform',
  'RandomNormalLike',
  'RandomUniformLike',
  'Multinomial',
  'Bernoulli',
])

/**
 * Orders a graph's nodes and finds who makes, reads and needs what.
 * @throws NotAModel where a tensor is made twice, or nodes wait for each other in a circle.
 */
export function wire(graph: GraphProto): Wiring {
  const nodes = sorted(graph)
  const maker = new Map<string, number>()
  const readers = new Map<string, number[]>()
  const reads = nodes.map((node) => readsOf(node))
  nodes.forEach((node, index) => {
    for (const name of node.output) if (name !== '') maker.set(name, index)
    for (const name of reads[index] ?? []) {
      const list = readers.get(name)
      if (list) list.push(index)
      else readers.set(name, [index])
    }
  })

  const initialised = initialisedNames(graph)
  const inputs = new Set(graph.input.map((input) => input.name).filter((name) => !initialised.has(name)))
  const constant: boolean[] = []
  nodes.forEach((node, index) => {
    const depends = (reads[index] ?? []).some((name) => {
      const from = maker.get(name)
      return from === undefined ? inputs.has(name) : !constant[from]
    })
    constant.push(!depends && !hasRandom(node))
  })

  const live = nodes.map(() => false)
  const outputs = new Set(graph.output.map((output) => output.name))
  for (let index = nodes.length - 1; index >= 0; index--) {
    const made = nodes[index]?.output ?? []
    live[index] = made.some(
      (name) => outputs.has(name) || (readers.get(name) ?? []).some((reader) => live[reader] === true),
    )
  }
  return { inputs, nodes, reads, maker, readers, constant, live }
}

/** Names that have a value in the file itself. */
export function initialisedNames(graph: GraphProto): Set<string> {
  const names = new Set(graph.initializer.map((tensor) => tensor.name))
  for (const sparse of graph.sparseInitializer) if (sparse.values) names.add(sparse.values.name)
  return names
}

/** The tensors a node reads, once each: its inputs and what its inner graphs capture from outside. */
export function readsOf(node: NodeProto): string[] {
  const names = new Set(node.input)
  for (const attribute of node.attribute) for (const inner of innerGraphs(attribute)) captures(inner, names)
  names.delete('')
  return [...names]
}

/** The graphs inside an attribute: branches of If, bodies of Loop and Scan. */
export function innerGraphs(attribute: AttributeProto): GraphProto[] {
  return attribute.g ? [attribute.g, ...attribute.graphs] : attribute.graphs
}

function captures(graph: GraphProto, into: Set<string>): void {
  const own = initialisedNames(graph)
  for (const input of graph.input) own.add(input.name)
  for (const node of graph.node) for (const name of node.output) own.add(name)
  for (const node of graph.node) for (const name of readsOf(node)) if (!own.has(name)) into.add(name)
  for (const output of graph.output) if (!own.has(output.name)) into.add(output.name)
}

function hasRandom(node: NodeProto): boolean {
  if (random.has(node.opType)) return true
  return node.attribute.some((attribute) => innerGraphs(attribute).some((inner) => inner.node.some(hasRandom)))
}

function sorted(graph: GraphProto): NodeProto[] {
  const maker = new Map<string, number>()
  graph.node.forEach((node, index) => {
    for (const name of node.output) {
      if (name === '') continue
      if (maker.has(name)) {
        throw new NotAModel(`The tensor "${name}" is made by two nodes. Export the model again; this file is damaged.`)
      }
      maker.set(name, index)
    }
  })
  const waits = graph.node.map((node) => {
    const before = new Set<number>()
    for (const name of readsOf(node)) {
      const from = maker.get(name)
      if (from !== undefined) before.add(from)
    }
    return before
  })
  if (waits.every((before, index) => [...before].every((other) => other < index))) return graph.node

  // Kahn's algorithm, always the node that comes first in the file: stable, whatever the file's order.
  const followers: number[][] = waits.map(() => [])
  const left = waits.map((before, index) => {
    for (const other of before) followers[other]?.push(index)
    return before.size
  })
  const ready = new Smallest()
  left.forEach((count, index) => {
    if (count === 0) ready.push(index)
  })
  const order: NodeProto[] = []
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    const node = graph.node[next]
    if (node) order.push(node)
    for (const follower of followers[next] ?? []) {
      const count = (left[follower] ?? 0) - 1
      left[follower] = count
      if (count === 0) ready.push(follower)
    }
  }
  if (order.length < graph.node.length) {
    throw new NotAModel('Some nodes of the model wait for each other in a circle. Export the model again.')
  }
  return order
}

/** A binary heap of numbers: gives the smallest first. */
class Smallest {
  readonly #heap: number[] = []

  push(value: number): void {
    const heap = this.#heap
    let at = heap.push(value) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = heap[above] ?? 0
      if (other <= value) break
      heap[at] = other
      at = above
    }
    heap[at] = value
  }

  pop(): number | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if ((heap[below + 1] ?? Number.POSITIVE_INFINITY) < (heap[below] ?? 0)) below++
      const other = heap[below] ?? 0
      if (other >= last) break
      heap[at] = other
      at = below
    }
    heap[at] = last
    return first
  }
}
