import { z } from 'zod'
import {
  type ActorRef,
  type Clock,
  NoResponders,
  nodeSubject,
  remote,
  type Transport,
} from '../../../pipeline/index.ts'
import { token } from '../../manage/index.ts'
import { modelKey, type Presence } from './announcement.ts'
import { chooseNode, homeNode } from './choose.ts'
import type { ModelKey } from './keys.ts'
import type { Membership } from './membership.ts'
import type { ClusterSettings } from './options.ts'

/** How long a home may take to say where a model belongs, ms: longer, and this node decides. */
const patience = 250
/** Beats after which a node that was chosen has said that it loads the model, or does not. */
const claimBeats = 3
const mostHomes = 1_024
/** Claims kept at most: keys come off the wire. */
const mostClaims = 4_096

/** What a home is asked: where a model belongs. */
export const question = z.object({ key: modelKey, bytes: z.number().min(0) })
const answer = z.object({ node: token })

export type Question = z.infer<typeof question>
export type Answer = z.infer<typeof answer>

export interface PlacementsOptions {
  readonly transport: Transport
  readonly tenant: string
  readonly pipeline: string
  readonly node: string
  readonly clock: Clock
  readonly settings: Pick<ClusterSettings, 'beat' | 'bound'>
  /** 0 ≤ x < 1. */
  readonly random: () => number
  readonly membership: Pick<Membership, 'others' | 'lost'>
  /** This node, as it would announce itself. */
  readonly self: () => Presence
}

/**
 * Where a model that nobody holds is to be loaded. Each model has a home, the first in its key's own order of nodes,
 * that says so for all of them and remembers whom it chose until that one has announced the load: nodes that look for the
 * same model at the same time, and see unlike figures, are sent to the same one.
 */
export class Placements {
  readonly #options: PlacementsOptions
  /** By the keys of models that this node is home to: whom it has chosen lately. */
  readonly #claims = new Map<string, { readonly node: string; readonly until: number }>()
  /** Homes that were asked: each remembers what that node speaks. */
  readonly #homes = new Map<string, ActorRef<Question, Answer>>()
  /** Questions under way. */
  readonly #asked = new Map<string, Promise<string>>()

  constructor(options: PlacementsOptions) {
    this.#options = options
  }

  /** Where a model belongs that this node is home to, for another node. */
  answer(asked: Question): Answer {
    return { node: this.#decide(asked) }
  }

  /** The node to load it on, as its home says; as this node would have it where the home does not answer. Never rejects. */
  place({ key, bytes }: Pick<ModelKey, 'key' | 'bytes'>): Promise<string> {
    const known = this.#asked.get(key)
    if (known !== undefined) return known
    const asked = this.#ask({ key, bytes }).finally(() => this.#asked.delete(key))
    this.#asked.set(key, asked)
    return asked
  }

  async #ask(question: Question): Promise<string> {
    const { node, membership } = this.#options
    for (;;) {
      const home = homeNode(question.key, this.#nodes())
      if (home === node) return this.#decide(question)
      try {
        return (await this.#home(home).ask(question, patience)).node
      } catch (error) {
        if (!(error instanceof NoResponders)) return this.#decide(question)
        // The next in order is its home from now on.
        membership.lost(home)
        this.#homes.delete(home)
      }
    }
  }

  #home(node: string): ActorRef<Question, Answer> {
    const { transport, tenant, pipeline, clock } = this.#options
    const subject = nodeSubject('cmd', tenant, pipeline, node)
    const known = this.#homes.get(node) ?? remote(transport, subject, { schema: answer, clock })
    if (this.#homes.size >= mostHomes) this.#homes.clear()
    this.#homes.set(node, known)
    return known
  }

  #decide({ key, bytes }: Question): string {
    const { clock, settings, random, node } = this.#options
    const nodes = this.#nodes()
    const there =
      nodes.find(({ loading }) => loading.includes(key)) ?? nodes.find(({ holding }) => holding.includes(key))
    if (there !== undefined) return there.node
    const now = clock.now()
    const claim = this.#claims.get(key)
    if (claim !== undefined && claim.until > now && nodes.some((each) => each.node === claim.node)) return claim.node
    const chosen = chooseNode(key, nodes, { bound: settings.bound, bytes, random }) ?? node
    if (this.#claims.size >= mostClaims) this.#claims.clear()
    this.#claims.set(key, { node: chosen, until: now + claimBeats * settings.beat })
    return chosen
  }

  #nodes(): readonly [Presence, ...Presence[]] {
    const { self, membership } = this.#options
    return [self(), ...membership.others]
  }
}
