import {
  asQuintetError,
  Boundary,
  Caller,
  Cancelled,
  type Clock,
  type Events,
  evolve,
  type Failure,
  failure,
  type Item,
  type Message,
  type Platform,
  type QuintetError,
  Refused,
  sleep,
  type Transport,
} from '../../../pipeline/index.ts'
import type { Presence } from './announcement.ts'
import { chooseNode } from './choose.ts'
import type { NodeFigures } from './figures.ts'
import type { ModelKey } from './keys.ts'
import type { Membership } from './membership.ts'
import type { ClusterSettings } from './options.ts'
import type { Placements } from './placements.ts'

/** Callers kept: one for each model that others hold. */
const mostCallers = 256
/** Shortest wait before a message that was refused is tried again, ms. */
const shortestPause = 25
/** So often one message is refused at most before its sender hears of it. */
const mostRefusals = 16

const none: ReadonlySet<string> = new Set()

/** A message whose model is known. */
export interface Routed {
  readonly message: Message
  readonly key: ModelKey
}

export interface RoutingOptions {
  readonly transport: Transport
  readonly tenant: string
  readonly pipeline: string
  readonly node: string
  readonly clock: Clock
  readonly platform: Platform
  readonly events: Events
  readonly settings: ClusterSettings
  readonly random: () => number
  readonly membership: Membership
  readonly placements: Placements
  readonly figures: NodeFigures
  /** This node, as it would announce itself. */
  readonly self: () => Presence
  /** Whether the model can be run here without a load. */
  readonly holds: (key: ModelKey) => boolean
  /** Runs it here, loading what is missing. */
  readonly here: (message: Message) => Promise<Item>
}

/**
 * Brings messages to a node that holds their model: this one; else any of those that listen on the model's subject; else,
 * when nobody does, the one node that is to load it. A node that is lost, or refuses, sends the message on to the next
 * one, for as long as its budget lasts. Never rejects.
 */
export class ModelRouting {
  readonly #options: RoutingOptions
  readonly #callers = new Map<string, Caller>()
  /** To single nodes, each tried once: where else to go is decided here. */
  readonly #direct: Caller
  /** Where models are being loaded for messages of this node, and how many messages wait there. */
  readonly #loads = new Map<string, { readonly node: string; waiting: number }>()

  constructor(options: RoutingOptions) {
    this.#options = options
    const { tenant, pipeline } = options
    this.#direct = this.#caller(Boundary.service(tenant, pipeline), 1)
  }

  /** Models that this node loads for messages of its own, by their keys. */
  get loadingHere(): readonly string[] {
    const { node } = this.#options
    return [...this.#loads].flatMap(([key, load]) => (load.node === node ? [key] : []))
  }

  async route({ message, key }: Routed): Promise<Item> {
    const { holds, figures, clock } = this.#options
    const { counts } = figures
    counts.entered += 1
    // A plan that names a node has reasons of its own.
    if (message.plan.target?.startsWith('node:')) return this.#here(message)
    const tried = new Set<string>()
    for (let refusals = 0; ; ) {
      if (holds(key)) {
        counts.here += 1
        return this.#here(message)
      }
      const asked = await this.#askHolders(message, key)
      if (asked !== undefined && !isElsewhere(asked)) {
        counts.elsewhere += 1
        return asked
      }
      counts.missed += 1
      const loaded = await this.#load(message, key, tried)
      if (!isElsewhere(loaded)) return loaded
      const { error } = loaded
      if (error instanceof Refused) refusals += 1
      const pause = this.#pause(error, key, tried, refusals)
      if (pause === undefined || clock.now() + pause >= message.expires) {
        if (error instanceof Refused) counts.refused += 1
        return loaded
      }
      try {
        if (pause > 0) await sleep(clock, pause, message.cancellation?.signal)
      } catch {
        return failure(message, 'execute', message.cancellation?.reason ?? new Cancelled())
      }
    }
  }

  /** One round trip tells whether anybody holds it. @returns undefined when it is known that it is being loaded here */
  async #askHolders(message: Message, key: ModelKey): Promise<Item | undefined> {
    if (this.#loads.get(key.key)?.node === this.#options.node) return undefined
    let caller = this.#callers.get(key.key)
    if (caller === undefined) {
      caller = this.#caller(key.boundary, 3)
      if (this.#callers.size >= mostCallers) this.#callers.clear()
      this.#callers.set(key.key, caller)
    }
    return this.#answered(message, await caller.call(message))
  }

  /** Has it run on the one node that is to load it. */
  async #load(message: Message, key: ModelKey, tried: Set<string>): Promise<Item> {
    const { node: self, figures } = this.#options
    const node = await this.#choose(key, tried)
    tried.add(node)
    const load = this.#loads.get(key.key) ?? { node, waiting: 0 }
    if (load.node === node) {
      load.waiting += 1
      this.#loads.set(key.key, load)
    }
    try {
      if (node === self) {
        figures.counts.loadedHere += 1
        // Others that look for it now should come here, too.
        if (load.waiting === 1) this.#options.membership.changed()
        return await this.#here(message)
      }
      figures.counts.sent += 1
      const { plan } = message
      const sent = evolve(message, { plan: { ...plan, target: `node:${node}` } })
      const answered = this.#answered(message, await this.#direct.call(sent))
      if (answered.kind === 'failure' && isGone(answered.error)) this.#options.membership.lost(node)
      return answered
    } finally {
      if (load.node === node) {
        load.waiting -= 1
        if (load.waiting === 0) this.#loads.delete(key.key)
      }
    }
  }

  /** Where it is being loaded, or has been since nobody held it; else where it belongs, or can be helped. */
  async #choose(key: ModelKey, tried: ReadonlySet<string>): Promise<string> {
    const { settings, random, node, placements } = this.#options
    const candidates = this.#untried(tried)
    const there = this.#loadsWhere(key, candidates) ?? candidates.find(({ holding }) => holding.includes(key.key))?.node
    if (there !== undefined) return there
    if (tried.size === 0) return placements.place(key)
    const { bound } = settings
    return chooseNode(key.key, candidates, { bound, bytes: key.bytes, random }) ?? node
  }

  #untried(tried: ReadonlySet<string>): readonly Presence[] {
    const { membership, self } = this.#options
    return [self(), ...membership.others].filter((each) => !tried.has(each.node))
  }

  #loadsWhere({ key }: ModelKey, among: readonly Presence[]): string | undefined {
    const waiting = this.#loads.get(key)?.node
    const found = among.find((each) => each.node === waiting) ?? among.find((each) => each.loading.includes(key))
    return found?.node
  }

  /** Milliseconds until it is worth another look; undefined when it is not. */
  #pause(error: QuintetError, key: ModelKey, tried: Set<string>, refusals: number): number | undefined {
    const { settings } = this.#options
    if (error instanceof Refused && error.retryAfter !== undefined && refusals < mostRefusals) {
      // Whoever refused it for now is as good as any then; one that refuses again and again needs help.
      if (refusals < 2 || this.#loadsWhere(key, this.#untried(none)) !== undefined) tried.clear()
      return Math.max(shortestPause, error.retryAfter)
    }
    return tried.size < settings.tries && this.#untried(tried).length > 0 ? 0 : undefined
  }

  async #here(message: Message): Promise<Item> {
    try {
      return await this.#options.here(message)
    } catch (thrown) {
      return failure(message, 'execute', asQuintetError(thrown, 'execute'))
    }
  }

  /** The message as it goes on here: the plan as it was, and what the way between nodes took as part of executing. */
  #answered(message: Message, item: Item): Item {
    if (item.kind !== 'message') return item
    const { transfer: _between, ...timings } = item.timings
    const { transfer } = message.timings
    const { model = message.plan.model } = item.plan
    return evolve(item, {
      plan: { ...message.plan, ...(model === undefined ? {} : { model }) },
      timings: transfer === undefined ? timings : { ...timings, transfer },
    })
  }

  #caller(boundary: Boundary, attempts: number): Caller {
    const { transport, clock, platform, events } = this.#options
    return new Caller({ transport, boundary, stage: 'execute', clock, platform, events, attempts, outage: 0 })
  }
}

/** Nobody listens there, or gave a sign of life. */
function isGone(error: QuintetError): boolean {
  return error.code === 'no-responders' || error.code === 'node-lost'
}

/** Whether another node may do better: the failure is of the one that was asked, not of the message. */
function isElsewhere(item: Item): item is Failure {
  if (item.kind !== 'failure') return false
  const { code } = item.error
  return (
    isGone(item.error) ||
    code === 'refused' ||
    code === 'version-mismatch' ||
    // It does not know a field that it would have to.
    (code === 'bad-message' && item.error.retryable) ||
    code === 'executor-lost' ||
    code === 'model-load-failed' ||
    code === 'unknown-model'
  )
}
