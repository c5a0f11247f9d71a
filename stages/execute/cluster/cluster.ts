import {
  type Actor,
  asQuintetError,
  Boundary,
  type Clock,
  evolve,
  expose,
  failure,
  type Item,
  layerOf,
  type Message,
  nodeSubject,
  Responder,
  type StageContext,
  type Subscription,
} from '../../../pipeline/index.ts'
import { chosen, type ModelSource, type Models } from '../../manage/index.ts'
import type { CacheHost } from '../cache/index.ts'
import type { ExecutorPool } from '../contract.ts'
import { assertMovable, NodeAliases } from './aliases.ts'
import type { Presence } from './announcement.ts'
import { type Asked, asked, nodeActor, type Told } from './asked.ts'
import { NodeFigures } from './figures.ts'
import { Holdings } from './holdings.ts'
import { ModelKeys } from './keys.ts'
import { Membership } from './membership.ts'
import type { ClusterSettings } from './options.ts'
import { Placements } from './placements.ts'
import { makeRecord } from './record.ts'
import { RecordKeeper } from './record-keeper.ts'
import { ModelRouting } from './routing.ts'
import { Versions } from './versions.ts'

/** How long what other nodes have sent may take to end, ms. */
const drainWithin = 10_000

export interface ClusterNodeOptions {
  readonly settings: ClusterSettings
  readonly context: StageContext
  readonly outward: NonNullable<StageContext['outward']>
  readonly models: Models
  /** Whether the node's memory for models is bounded. */
  readonly limited: boolean
  /** Names whose model never goes. */
  readonly pinned: readonly string[]
  /** 0 ≤ x < 1. Default `Math.random`. */
  readonly random?: () => number
}

/** What `execute()` lends to its node of the cluster. */
export interface LocalExecution {
  readonly pool: ExecutorPool
  /** Runs the model that the plan names on the pool. */
  readonly run: (message: Message) => Promise<Message>
}

/** Moves that are told of for not being believed. */
const mostRefused = 256

/** One cloud node among those that share the execution of a pipeline. Whoever makes it closes it, before its pool. */
export class ClusterNode {
  readonly #options: ClusterNodeOptions
  readonly #clock: Clock
  readonly #started: number
  readonly #keys: ModelKeys
  readonly #aliases = new NodeAliases()
  /** Moves that were heard of and not believed. */
  readonly #refused = new Set<string>()
  readonly #figures = new NodeFigures()
  readonly #holdings: Holdings
  readonly #membership: Membership
  readonly #placements: Placements
  readonly #routing: ModelRouting
  readonly #records: RecordKeeper
  #local: LocalExecution | undefined
  #responder: Responder | undefined
  #actor: Actor<Asked, Told> | undefined
  /** What its actor is spoken to through. */
  #address: Subscription | undefined
  /** Runs under way here. */
  #running = 0
  #closing: Promise<void> | undefined

  constructor(options: ClusterNodeOptions) {
    const { settings, context, outward, models, random = Math.random } = options
    const { clock, platform, events, node, pipeline } = context
    const { transport, tenant } = outward
    this.#options = options
    this.#clock = clock
    this.#started = clock.now()
    this.#keys = new ModelKeys(tenant, pipeline, models)
    this.#holdings = new Holdings({ clock, events, onChanged: () => this.#membership.changed() })
    this.#membership = new Membership({
      transport,
      tenant,
      pipeline,
      node,
      clock,
      events,
      beat: settings.beat,
      self: () => this.#presence(),
      onHeard: (presence) => this.#learn(presence),
    })
    this.#placements = new Placements({
      transport,
      tenant,
      pipeline,
      node,
      clock,
      settings,
      random,
      membership: this.#membership,
      self: () => this.#presence(),
    })
    this.#routing = new ModelRouting({
      transport,
      tenant,
      pipeline,
      node,
      clock,
      platform,
      events,
      settings,
      random,
      membership: this.#membership,
      placements: this.#placements,
      figures: this.#figures,
      self: () => this.#presence(),
      holds: ({ key }) => this.#holdings.holds(key),
      here: (message) => this.#here(message),
    })
    this.#records = new RecordKeeper({
      transport,
      clock,
      events,
      every: settings.observe === false ? 0 : settings.observe,
      record: () => this.#record(),
    })
  }

  /** For the pool's cache: no memory is freed while a message may still come for its model. */
  readonly guard = (host: CacheHost): CacheHost => this.#holdings.guard(host)

  /** Tells which file is run for a message that comes from behind a layer. */
  know(source: ModelSource, model: string, layer: string | undefined): void {
    this.#holdings.know(source, this.#keys.of(model, layer))
  }

  /**
   * Joins the others: resolves when they know of this node, and messages for what it holds can come.
   * @throws TransportClosed · BadConfiguration the server does not allow a subject
   */
  async open(local: LocalExecution): Promise<void> {
    const { settings, context, outward, models, pinned } = this.#options
    const { clock, platform, events, node, pipeline, side } = context
    const { transport, tenant } = outward
    const { cache } = local.pool
    if (cache === undefined) throw new TypeError('A node of a cluster needs a cache: its subscriptions follow it.')
    this.#local = local
    for (const model of models.ids) this.#holdings.know(models.source(model), this.#keys.of(model))
    const versions = new Versions({
      models,
      aliases: this.#aliases,
      cache,
      clock,
      pinned,
      onMoved: () => this.#membership.changed(),
    })
    try {
      this.#responder = await Responder.open({
        transport,
        boundary: Boundary.service(tenant, pipeline),
        node,
        side,
        clock,
        platform,
        events,
        capacity: settings.capacity,
        group: false,
        accept: (message) => void this.#serve(message),
      })
      const subject = nodeSubject('cmd', tenant, pipeline, node)
      this.#actor = nodeActor(
        {
          follow: (command) => versions.follow(command),
          place: (question) => this.#placements.answer(question),
          record: () => this.#record(),
        },
        { node, clock, events },
      )
      this.#address = await expose(this.#actor, { transport, subject, schema: asked })
      await this.#membership.join(settings.settle)
      await this.#holdings.open(cache, this.#responder)
      if (settings.observe !== false) this.#records.open()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** Executors have come or gone. */
  look(): void {
    // The cache hears of it in the same turn, but later.
    queueMicrotask(() => this.#holdings.look())
  }

  /** Runs a message on whichever node holds its model. Never rejects. */
  async run(message: Message): Promise<Item> {
    const name = chosen(message, this.#options.models)
    const layer = layerOf(message.payload.at)
    // What comes from behind a layer is finished by the model that began it.
    const use = layer === undefined ? this.#aliases.use(name) : { model: name, end: () => {} }
    try {
      const key = this.#keys.of(use.model, layer)
      const planned = evolve(message, { plan: { ...message.plan, model: use.model } })
      return await this.#routing.route({ message: planned, key })
    } catch (thrown) {
      return failure(message, 'execute', asQuintetError(thrown, 'execute'))
    } finally {
      use.end()
    }
  }

  /** Leaves the others, then lets what they have sent end. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#membership.leave()
    await this.#address?.close()
    await this.#actor?.stop()
    await this.#holdings.close()
    await this.#responder?.drain(drainWithin)
    await this.#membership.close()
    await this.#records.close()
  }

  /** A message of another node. */
  async #serve(message: Message): Promise<void> {
    this.#figures.counts.served += 1
    const { model } = message.plan
    // What has to be loaded for it, others should know of before they have the same loaded elsewhere.
    if (model !== undefined && !this.#holds(model, layerOf(message.payload.at))) this.#membership.changed()
    let item: Item
    try {
      item = await this.#here(message)
    } catch (thrown) {
      item = failure(message, 'execute', asQuintetError(thrown, 'execute'))
    }
    this.#responder?.settle(item)
  }

  #holds(model: string, layer: string | undefined): boolean {
    try {
      return this.#holdings.holds(this.#keys.of(model, layer).key)
    } catch {
      // One that is not in the catalogue here.
      return false
    }
  }

  async #here(message: Message): Promise<Message> {
    if (this.#local === undefined) throw new TypeError('The node is not open yet.')
    this.#running += 1
    try {
      return await this.#local.run(message)
    } finally {
      this.#running -= 1
    }
  }

  /** Another node knows of moves that this one has not heard of; it may be wrong, which is told once. */
  #learn({ node, aliases }: Presence): void {
    let moved = false
    for (const alias of aliases) {
      if (!this.#aliases.isNews(alias)) continue
      try {
        assertMovable(this.#options.models, alias)
        moved = this.#aliases.move(alias) || moved
      } catch (error) {
        const told = `${node} ${alias.name} ${alias.to} ${alias.revision}`
        if (this.#refused.has(told) || this.#refused.size >= mostRefused) continue
        this.#refused.add(told)
        this.#options.context.events.emit({ type: 'fault', where: 'cluster', error })
      }
    }
    if (moved) this.#membership.changed()
  }

  #presence(): Presence {
    const memory = this.#local?.pool.cache?.statistics()
    const keys = (...states: readonly string[]) => {
      const copies = memory?.copies.filter(({ state }) => states.includes(state)) ?? []
      return new Set(copies.flatMap(({ key }) => this.#holdings.keyOf(key)?.key ?? []))
    }
    return {
      node: this.#options.context.node,
      bytes: memory?.usedBytes ?? 0,
      pending: this.#running,
      loading: [...new Set([...keys('loading'), ...this.#routing.loadingHere])].slice(0, 256),
      holding: [...keys('ready')].slice(0, 1_024),
      aliases: this.#aliases.all.slice(0, 1_024),
    }
  }

  #record() {
    const { context, outward, limited } = this.#options
    const { pool } = this.#local as LocalExecution
    const cache = pool.cache
    if (cache === undefined) throw new TypeError('A node of a cluster needs a cache.')
    return makeRecord({
      tenant: outward.tenant,
      pipeline: context.pipeline,
      node: context.node,
      uptime: this.#clock.now() - this.#started,
      limited,
      aliases: this.#aliases.all,
      cache: cache.statistics(),
      pool: pool.statistics(),
      figures: this.#figures,
    })
  }
}
