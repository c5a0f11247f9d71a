import type { Clock } from './clock.ts'
import type { Target } from './plan.ts'
import type { CloudLoad, Fact, World } from './world.ts'

/** A node that was not heard of for so long is none to aim at, ms. */
const lately = 60_000

/** What the nodes below the wire say of themselves, written into the world. Lists are made anew only when nodes change. */
export class Clouds {
  readonly #world: World
  readonly #clock: Clock
  readonly #owner: string
  readonly #nodes = new Map<string, Fact<CloudLoad>>()

  constructor(world: World, clock: Clock, owner: string) {
    this.#world = world
    this.#clock = clock
    this.#owner = owner
  }

  heard(load: CloudLoad): void {
    const now = this.#clock.now()
    let changed = !this.#nodes.has(load.node)
    this.#nodes.set(load.node, { value: load, at: now, owner: this.#owner })
    if (this.#nodes.size > 1) {
      for (const [node, { at }] of this.#nodes) if (now - at > lately) changed = this.#nodes.delete(node)
    }
    this.#world.set('cloud', load, this.#owner)
    this.#world.set('clouds', this.#nodes, this.#owner)
    if (changed) this.#list()
  }

  lost(node: string): void {
    if (this.#nodes.delete(node)) this.#list()
  }

  /** The node that was heard of longest ago, and when; undefined while none is known. */
  get stalest(): { readonly node: string; readonly at: number } | undefined {
    let stalest: { node: string; at: number } | undefined
    for (const [node, { at }] of this.#nodes) if (!stalest || at < stalest.at) stalest = { node, at }
    return stalest
  }

  #list(): void {
    // Where there is but one, any is that one; naming it would only forbid another to take over.
    const named = this.#nodes.size > 1 ? [...this.#nodes.keys()].map((node): Target => `node:${node}`) : []
    this.#world.set('targets', ['any', ...named], this.#owner)
  }
}
