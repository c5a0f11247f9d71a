import { Cancelled, type Clock, guardedFault, systemClock, UnknownModel } from '../../../pipeline/index.ts'
import type { ModelSource } from '../../manage/index.ts'
import { Aliases } from './aliases.ts'
import { Background } from './background.ts'
import type { AliasOptions, CacheHost, Lease, LeaseOptions, ModelCache, PinOptions, Wanted } from './contract.ts'
import { LoadEstimates } from './estimates.ts'
import type { CacheEvent } from './events.ts'
import { LoadFailures } from './failures.ts'
import { Figures } from './figures.ts'
import { CopyLease } from './lease.ts'
import { Loader } from './loader.ts'
import { type CacheSettings, type SettledSettings, settle } from './options.ts'
import { Pins } from './pins.ts'
import { leastLeased, type PlaceLoad } from './place.ts'
import { ageing, type EvictionPolicy, gainPerMs, savedPerMs } from './policies/index.ts'
import { Prefetches } from './prefetches.ts'
import { LeaseRefused } from './refused.ts'
import { type Copy, Residents } from './residents.ts'
import { rollOut } from './rollout.ts'
import type { CacheStatistics } from './statistics.ts'
import { UseRecord } from './use.ts'
import { Waiter, type WaiterEnd, Waiters } from './waiter.ts'
import type { Want } from './wants.ts'
import { Wishes } from './wishes.ts'

export interface ModelCacheOptions extends CacheSettings {
  readonly host: CacheHost
  /** What goes first. Default `ageing()`. */
  readonly policy?: EvictionPolicy
  /** Where a model is loaded. Default: the executor with the fewest leases. */
  readonly place?: PlaceLoad
  readonly clock?: Clock
}

/**
 * A cache without executors; tell it of them by `up`.
 *
 * @throws BadConfiguration naming the option that is wrong
 */
export function modelCache({ host, policy, place, clock, ...settings }: ModelCacheOptions): ModelCache {
  return new Cache(host, policy ?? ageing(), place ?? leastLeased, clock ?? systemClock, settle(settings))
}

class Cache implements ModelCache {
  readonly #settings: SettledSettings
  readonly #policy: EvictionPolicy
  readonly #clock: Clock
  readonly #residents: Residents
  readonly #estimates: LoadEstimates
  readonly #failures: LoadFailures
  readonly #pins = new Pins()
  readonly #aliases = new Aliases()
  readonly #waiters = new Waiters()
  readonly #wishes: Wishes
  readonly #background: Background
  readonly #prefetches: Prefetches | undefined
  readonly #figures = new Figures()
  readonly #uses = new Map<string, UseRecord>()
  readonly #listeners = new Set<(event: CacheEvent) => void>()
  readonly #loader: Loader
  /** The latest move of each alias: the next one waits for it. */
  readonly #moves = new Map<string, Promise<void>>()
  #closed = false

  constructor(host: CacheHost, policy: EvictionPolicy, place: PlaceLoad, clock: Clock, settings: SettledSettings) {
    this.#settings = settings
    this.#policy = policy
    this.#clock = clock
    this.#residents = new Residents(() => clock.now())
    this.#estimates = new LoadEstimates(settings.bytesPerFileByte)
    this.#failures = new LoadFailures(settings.backoff)
    this.#wishes = new Wishes(clock)
    this.#background = new Background(clock, settings.longestWait)
    this.#prefetches =
      settings.prefetch &&
      new Prefetches(settings.prefetch, clock, (model, { expected }) => {
        const use = this.#useOf(model)
        const due = use.lastUsed + expected
        this.#background.prefetch(model, (now) => use.loadMs / Math.max(due - now, use.loadMs, 1))
        this.#loader.turn()
      })
    this.#loader = new Loader({
      settings,
      host,
      policy,
      clock,
      place,
      residents: this.#residents,
      estimates: this.#estimates,
      failures: this.#failures,
      pins: this.#pins,
      figures: this.#figures,
      useOf: (model) => this.#useOf(model),
      wants: (now) => this.#wants(now),
      idle: () =>
        this.#waiters.size === 0 &&
        this.#pins.size === 0 &&
        this.#background.idle &&
        this.#residents.used + this.#residents.overhead <= settings.budget,
      ready: (copy) => this.#ready(copy),
      left: (copy) => this.#left(copy),
      turned: () => this.#wishes.look(),
      emit: (event) => this.#emit(event),
    })
  }

  lease(wanted: Wanted, options: LeaseOptions = {}): Promise<Lease> {
    let model: ModelSource
    try {
      model = this.#model(wanted)
      options.signal?.throwIfAborted()
    } catch (error) {
      if (error instanceof UnknownModel) return Promise.reject(error)
      return Promise.reject(new Cancelled(undefined, { cause: error }))
    }
    const alias = typeof wanted === 'string' ? wanted : undefined
    this.#figures.requests += 1
    const copy = this.#closed ? undefined : this.#usable(model.key, options.executors)
    if (copy !== undefined) return Promise.resolve(this.#hit(copy, alias))
    this.#asked(model)
    const refused = this.#refusal(model, options)
    if (refused !== undefined) {
      this.#refused(model, refused)
      return Promise.reject(refused)
    }
    const waiter = new Waiter({
      model,
      alias,
      options,
      longestWait: this.#settings.longestWait,
      clock: this.#clock,
      onEnd: (ended, how) => this.#ended(ended, how),
    })
    this.#waiters.add(waiter)
    this.#loader.turn()
    return waiter.result
  }

  tryLease(wanted: Wanted, { executors }: Pick<LeaseOptions, 'executors'> = {}): Lease | undefined {
    const alias = typeof wanted === 'string' ? wanted : undefined
    const copy = this.#closed ? undefined : this.#usable(this.#model(wanted).key, executors)
    if (copy === undefined) return undefined
    this.#figures.requests += 1
    return this.#hit(copy, alias)
  }

  holders(wanted: Wanted): readonly string[] {
    const copies = this.#residents.of(this.#model(wanted).key)
    return copies.filter(({ state }) => state === 'ready').map(({ executor }) => executor)
  }

  readyIn(wanted: Wanted): number | undefined {
    const model = this.#model(wanted)
    const copies = this.#residents.of(model.key)
    if (copies.some(({ state }) => state === 'ready')) return 0
    const now = this.#clock.now()
    const remaining = (copy: Copy) => Math.max(0, copy.since + (this.#estimates.ms(copy.model) ?? 0) - now)
    const ms = this.#estimates.ms(model)
    if (ms === undefined) return undefined
    const loading = copies.filter(({ state }) => state === 'loading').map(remaining)
    if (loading.length > 0) return Math.min(...loading)
    const lanes = Array.from(this.#residents.holders.values(), (holder) =>
      holder.loading ? remaining(holder.loading) : 0,
    )
    return ms + (lanes.length === 0 ? 0 : Math.min(...lanes))
  }

  prefetch(wanted: Wanted): Promise<boolean> {
    const model = this.#model(wanted)
    if (this.#usable(model.key)) return Promise.resolve(true)
    if (this.#closed) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.#prefetch(model, resolve)
      this.#loader.turn()
    })
  }

  async pin(wanted: Wanted, { copies = 1 }: PinOptions = {}): Promise<void> {
    const model = this.#model(wanted)
    const owner = typeof wanted === 'string' ? `alias ${wanted}` : model.key
    await this.#pin(owner, () => this.#model(wanted), copies, this.#settings.longestWait)
  }

  unpin(wanted: Wanted): void {
    this.#pins.release(typeof wanted === 'string' ? `alias ${wanted}` : wanted.key)
    this.#loader.turn()
  }

  alias(name: string, model: ModelSource, { within = this.#settings.longestWait }: AliasOptions = {}): Promise<void> {
    const before = this.#moves.get(name)?.catch(() => {}) ?? Promise.resolve()
    const move = before.then(() =>
      rollOut(name, model, within, {
        clock: this.#clock,
        aliases: this.#aliases,
        pins: this.#pins,
        wishes: this.#wishes,
        copies: (key) => this.#readyCopies(key),
        keep: (owner, kept, copies, longest) => this.#pin(owner, () => kept, copies, longest),
        moved: (from) => this.#moved(name, from, model),
        retire: (old) => this.#retire(old),
      }),
    )
    this.#moves.set(name, move)
    return move
  }

  async evict(wanted: Wanted): Promise<void> {
    const { key } = this.#model(wanted)
    const spare = Math.max(0, this.#readyCopies(key) - this.#pins.copies(key))
    const going = this.#residents.of(key).filter(({ state, leases }) => state === 'ready' && leases === 0)
    const gone = going.slice(0, spare).map((copy) => new Promise<void>((resolve) => copy.onLeft.push(resolve)))
    for (const copy of going.slice(0, spare)) this.#loader.evict(copy, 'asked')
    await Promise.all(gone)
  }

  up(executor: string): void {
    if (this.#closed) return
    this.#residents.up(executor)
    this.#loader.turn()
  }

  down(executor: string): void {
    if (this.#residents.holders.has(executor)) this.#loader.down(executor)
    for (const waiter of this.#waiters.all()) {
      if (waiter.executors && !this.#anyUp(waiter.executors)) waiter.reject(nowhere(waiter.model), 'refused')
    }
  }

  statistics(): CacheStatistics {
    return this.#figures.summary(this.#settings, this.#residents, this.#waiters.size)
  }

  watch(listener: (event: CacheEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  close(): void {
    this.#closed = true
    this.#loader.close()
    this.#prefetches?.close()
    this.#background.close()
    this.#wishes.close()
    const closed = new Cancelled('The cache was closed before the model was loaded. Give the work to another node.')
    for (const waiter of this.#waiters.all()) waiter.reject(closed, 'given-up')
  }

  #model(wanted: Wanted): ModelSource {
    if (typeof wanted !== 'string') return wanted
    const model = this.#aliases.get(wanted)
    if (model === undefined) throw new UnknownModel(wanted, this.#aliases.names)
    return model
  }

  #useOf(model: ModelSource): UseRecord {
    const known = this.#uses.get(model.key)
    if (known !== undefined) return known
    const use = new UseRecord(model.key, this.#estimates.bytes(model), this.#loadMs(model), this.#clock.now())
    this.#uses.set(model.key, use)
    return use
  }

  /** Expected ms of a load; before any was measured, a millisecond for each megabyte keeps the order right. */
  #loadMs(model: ModelSource): number {
    return this.#estimates.ms(model) ?? Math.max(1, model.bytes / 1e6)
  }

  /** The ready copy with the fewest leases. */
  #usable(key: string, executors?: readonly string[]): Copy | undefined {
    let best: Copy | undefined
    for (const copy of this.#residents.of(key)) {
      if (copy.state !== 'ready' || (executors && !executors.includes(copy.executor))) continue
      if (best === undefined || copy.leases < best.leases) best = copy
    }
    return best
  }

  #readyCopies(key: string): number {
    return this.#residents.of(key).filter(({ state }) => state === 'ready').length
  }

  #anyUp(executors: Iterable<string>): boolean {
    for (const executor of executors) if (this.#residents.holders.has(executor)) return true
    return false
  }

  /** Counts a request for a model. */
  #asked(model: ModelSource): void {
    const now = this.#clock.now()
    const use = this.#useOf(model)
    this.#prefetches?.asked(use)
    use.used(now)
    this.#policy.used?.(use, now)
  }

  #hit(copy: Copy, alias: string | undefined): Lease {
    this.#asked(copy.model)
    this.#figures.hit(copy.bytes)
    const lease = this.#grant(copy, alias, undefined)
    if (copy.leases > 1) this.#spread(copy)
    return lease
  }

  #grant(copy: Copy, alias: string | undefined, waitedMs: number | undefined): Lease {
    const { key } = copy.model
    if (alias !== undefined) this.#aliases.leased(alias, key)
    return new CopyLease(copy, waitedMs, this.#clock, (released, heldMs) => {
      this.#figures.held(heldMs)
      this.#loader.released(released)
      if (alias !== undefined) this.#aliases.released(alias, key)
    })
  }

  /** Asks for one more copy when those there are computed for more of the time than they should. */
  #spread({ model, use }: Copy): void {
    const copies = this.#residents.of(model.key).length
    if (copies >= this.#residents.holders.size || use.runMs === undefined || use.interArrival === undefined) return
    const load = use.runMs / Math.max(use.interArrival, 0.001) / this.#settings.busy
    if (load <= copies) return
    this.#background.spread(model, (now) => savedPerMs(use, now) * Math.min(1, load - copies))
    this.#loader.turn()
  }

  #prefetch(model: ModelSource, tell?: (loaded: boolean) => void): void {
    const use = this.#useOf(model)
    this.#background.prefetch(model, (now) => gainPerMs(use, now), tell)
  }

  /** Why a request that no copy can serve now need not wait. */
  #refusal(model: ModelSource, { expires, executors }: LeaseOptions): LeaseRefused | undefined {
    const { name, key } = model
    if (this.#closed) return new LeaseRefused('closed', 'The cache was closed. Give the work to another node.')
    if (executors !== undefined && !this.#anyUp(executors)) return nowhere(model)
    const now = this.#clock.now()
    const ready = this.readyIn(model)
    if (this.#waiters.size >= this.#settings.waiting) {
      return new LeaseRefused('crowded', `${this.#waiters.size} requests wait for loads already. Ask again later.`, {
        retryAfter: Math.ceil(ready ?? 1_000),
      })
    }
    const possible = (executors ?? [...this.#residents.holders.keys()]).filter((id) => this.#residents.holders.has(id))
    const failing = Math.min(...possible.map((id) => this.#failures.wait(key, id, now)))
    if (possible.length > 0 && failing > 0) {
      return new LeaseRefused(
        'failing',
        `Loading "${name}" has failed on every executor. It is tried again in ${Math.ceil(failing)} ms; look at the cause.`,
        { cause: this.#failures.error(key), retryAfter: Math.ceil(failing) },
      )
    }
    if (expires === undefined || ready === undefined || now + ready <= expires) return undefined
    // So that whoever comes back finds it, should it be worth its room.
    this.#prefetch(model)
    this.#loader.turn()
    return new LeaseRefused(
      'cold',
      `Model "${name}" is not loaded, and would be in ${Math.ceil(ready)} ms at best, too late. Allow more, pin it, or run elsewhere.`,
      { retryAfter: Math.ceil(ready) },
    )
  }

  #refused(model: ModelSource, { reason }: LeaseRefused): void {
    this.#figures.refused(reason)
    this.#emit({ type: 'refused', model: model.name, reason })
  }

  #ended(waiter: Waiter, how: WaiterEnd): void {
    this.#waiters.remove(waiter)
    if (how === 'given-up') this.#figures.givenUp += 1
    if (how === 'failed') this.#figures.failed += 1
  }

  #wants(now: number): Want[] {
    const wants: Want[] = []
    for (const waiters of this.#waiters.groups()) wants.push(...this.#demand(waiters, now))
    for (const { model, copies } of this.#pins.size === 0 ? [] : this.#pins.wanted().values()) {
      const there = this.#residents.of(model.key).filter(({ state }) => state === 'ready' || state === 'loading').length
      const missing = Math.min(copies, this.#residents.holders.size) - there
      const declined = (error: Error) => this.#wishes.fail(model.key, error)
      for (let each = 0; each < missing; each++) {
        wants.push({ model, since: now, until: now, lasting: true, declined })
      }
    }
    wants.push(...this.#background.wants(now, (key) => this.#readyOrLoading(key)))
    return wants
  }

  /** The load that those who wait for a model need, unless one that is under way will do for all of them. */
  *#demand(waiters: ReadonlySet<Waiter>, now: number): Iterable<Want> {
    let first: Waiter | undefined
    let inTime = false
    for (const waiter of waiters) {
      const loading = this.#residents.of(waiter.model.key).filter(({ state }) => state === 'loading')
      if (loading.some(({ executor }) => waiter.accepts(executor))) continue
      if (first === undefined || waiter.until < first.until) first = waiter
      inTime ||= waiter.expires === undefined || now + (this.#estimates.ms(waiter.model) ?? 0) <= waiter.expires
    }
    if (first === undefined) return
    const { model, since, until, executors } = first
    yield {
      model,
      since,
      until,
      executors,
      ...(inTime ? {} : { gain: gainPerMs(this.#useOf(model), now) }),
      declined: (error) => {
        for (const waiter of [...waiters]) {
          if (waiter.executors !== executors) continue
          const refused = error instanceof LeaseRefused
          if (refused) this.#refused(model, error)
          waiter.reject(error, refused ? 'refused' : 'failed')
        }
      },
    }
  }

  #readyOrLoading(key: string): boolean {
    return this.#residents.of(key).some(({ state }) => state === 'ready' || state === 'loading')
  }

  /** Serves those who wait for a copy that has just been loaded. */
  #ready(copy: Copy): number {
    const now = this.#clock.now()
    const { key } = copy.model
    this.#background.loaded(key)
    this.#prefetches?.cancel(key)
    let served = 0
    for (const waiter of [...this.#waiters.of(key)]) {
      if (!waiter.accepts(copy.executor)) continue
      this.#serve(waiter, copy, now)
      served += 1
    }
    return served
  }

  #serve(waiter: Waiter, copy: Copy, now: number): void {
    this.#waiters.remove(waiter)
    this.#figures.missed(copy.bytes, now - waiter.since)
    waiter.resolve(this.#grant(copy, waiter.alias, now - waiter.since))
  }

  #left({ model, use, state }: Copy): void {
    if (state === 'loading') this.#background.failed(model.key)
    if (this.#residents.of(model.key).length === 0) this.#prefetches?.left(model, use)
  }

  #pin(owner: unknown, model: () => ModelSource, copies: number, within: number): Promise<void> {
    const before = this.#pins.get(owner)
    this.#pins.set(owner, { model, copies })
    const excess = this.#pinnedTooMuch(model())
    if (excess !== undefined) {
      if (before === undefined) this.#pins.release(owner)
      else this.#pins.set(owner, before)
      this.#emit({ type: 'refused', model: model().name, reason: excess.reason })
      return Promise.reject(excess)
    }
    const { key, name } = model()
    this.#loader.turn()
    return this.#wishes.until(
      key,
      within,
      `"${name}" was not loaded ${copies} times within ${Math.round(within)} ms. Look at the executors and what else they load.`,
      () => {
        const executors = this.#residents.holders.size
        return executors > 0 && this.#readyCopies(key) >= Math.min(copies, executors)
      },
    )
  }

  #pinnedTooMuch({ name }: ModelSource): LeaseRefused | undefined {
    let bytes = 0
    for (const { model, copies } of this.#pins.wanted().values()) bytes += copies * this.#estimates.bytes(model)
    if (bytes <= this.#settings.budget) return undefined
    return new LeaseRefused(
      'pinned',
      `With "${name}" pinned models would take about ${(bytes / 1e6).toFixed(1)} MB of ${(this.#settings.budget / 1e6).toFixed(1)}. Unpin some, or raise the budget.`,
    )
  }

  /** The alias points to its new version: so do those who wait by it. */
  #moved(name: string, from: ModelSource | undefined, to: ModelSource): void {
    this.#emit({ type: 'alias-moved', alias: name, from: from?.name, to: to.name })
    if (from === undefined) return
    this.#useOf(to).inherit(this.#useOf(from))
    const now = this.#clock.now()
    for (const waiter of [...this.#waiters.of(from.key)]) {
      if (waiter.alias !== name) continue
      const copy = this.#usable(to.key, waiter.executors && [...waiter.executors])
      if (copy !== undefined) {
        this.#serve(waiter, copy, now)
        continue
      }
      this.#waiters.remove(waiter)
      waiter.model = to
      this.#waiters.add(waiter)
    }
    this.#loader.turn()
  }

  #retire(old: ModelSource): void {
    if (this.#aliases.pointTo(old.key) || this.#pins.copies(old.key) > 0) return
    for (const copy of this.#residents.of(old.key)) this.#loader.evict(copy, 'replaced')
  }

  #emit(event: CacheEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        guardedFault()(error instanceof Error ? error : new Error(String(error)))
      }
    }
  }
}

function nowhere({ name }: ModelSource): LeaseRefused {
  return new LeaseRefused(
    'no-executor',
    `None of the executors that were asked for "${name}" is up. Ask without naming any, or when they are.`,
  )
}
