/** Capacities below this share of the largest finite one count as used up: what is left of rounding. */
const negligible = 1e-12

/**
 * A flow network and its maximum flow, by Dinic's algorithm: O(V²E), on layer graphs far less. Capacities may be
 * Infinity, as long as every way from source to sink has a finite edge.
 */
export class FlowNetwork {
  readonly #first: Int32Array
  readonly #to: number[] = []
  readonly #next: number[] = []
  readonly #left: number[] = []
  readonly #level: Int32Array
  readonly #at: Int32Array
  #largest = 0

  /** @param vertices how many; they are numbered from 0 */
  constructor(vertices: number) {
    this.#first = new Int32Array(vertices).fill(-1)
    this.#level = new Int32Array(vertices)
    this.#at = new Int32Array(vertices)
  }

  /** Adds an edge; `back` is the capacity the other way. */
  edge(from: number, to: number, capacity: number, back = 0): void {
    this.#half(from, to, capacity)
    this.#half(to, from, back)
  }

  /**
   * Sends as much as there is room for.
   * @returns per vertex whether it is on the source's side of a minimum cut (the smallest such side)
   */
  minimumCut(source: number, sink: number): Uint8Array {
    const least = negligible * this.#largest
    while (this.#levels(source, sink, least)) {
      this.#at.set(this.#first)
      while (this.#augment(source, sink, least)) {}
    }
    return Uint8Array.from(this.#level, (level) => (level >= 0 ? 1 : 0))
  }

  #half(from: number, to: number, capacity: number): void {
    if (Number.isFinite(capacity) && capacity > this.#largest) this.#largest = capacity
    this.#to.push(to)
    this.#left.push(capacity)
    this.#next.push(this.#first[from] as number)
    this.#first[from] = this.#to.length - 1
  }

  /** Distances from the source over edges with room; whether the sink is reached. */
  #levels(source: number, sink: number, least: number): boolean {
    const level = this.#level.fill(-1)
    level[source] = 0
    const queue = [source]
    for (const vertex of queue) {
      for (let edge = this.#first[vertex] as number; edge >= 0; edge = this.#next[edge] as number) {
        const to = this.#to[edge] as number
        if ((level[to] as number) >= 0 || !((this.#left[edge] as number) > least)) continue
        level[to] = (level[vertex] as number) + 1
        queue.push(to)
      }
    }
    return (level[sink] as number) >= 0
  }

  /** Sends along one shortest way; iterative, as layer graphs are deep. */
  #augment(source: number, sink: number, least: number): boolean {
    const path: number[] = []
    let vertex = source
    while (vertex !== sink) {
      const edge = this.#forward(vertex, least)
      if (edge >= 0) {
        path.push(edge)
        vertex = this.#to[edge] as number
        continue
      }
      const back = path.pop()
      if (back === undefined) return false
      // A dead end is not tried again in this phase.
      vertex = this.#to[back ^ 1] as number
      this.#at[vertex] = this.#next[back] as number
    }
    const amount = path.reduce((smallest, edge) => Math.min(smallest, this.#left[edge] as number), Infinity)
    for (const edge of path) {
      this.#left[edge] = (this.#left[edge] as number) - amount
      this.#left[edge ^ 1] = (this.#left[edge ^ 1] as number) + amount
    }
    return true
  }

  #forward(vertex: number, least: number): number {
    let edge = this.#at[vertex] as number
    for (; edge >= 0; edge = this.#next[edge] as number) {
      const to = this.#to[edge] as number
      if ((this.#left[edge] as number) > least && this.#level[to] === (this.#level[vertex] as number) + 1) break
    }
    this.#at[vertex] = edge
    return edge
  }
}
