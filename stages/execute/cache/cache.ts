import { Cancelled, type Clock, systemClock, UnknownModel } from '../../../pipeline/index.ts'
import type { ModelSource } from '../../manage/index.ts'
import type {
  AliasOptions,
  CacheHost,
  Lease,
  LeaseOptions,
  ModelCache,
  NamedUse,
  PinOptions,
  Wanted,
} from './contract.ts'
import { demand } from './demand.ts'
import type { CacheEvent } from './events.ts'
import { Grants } from './grants.ts'
import { keep } from './keep.ts'
import { leaseRefusal, nowhere, unattended } from './lease-refusal.ts'
import { Loader } from './loader.ts'
import { type CacheSettings, settle } from './options.ts'
import { leastLeased, type PlaceLoad } from './place.ts'
import { type EvictionPolicy, gainPerMs, hitDensity, savedPerMs } from './policies/index.ts'
import { Prefetches } from './prefetches.ts'
import type { Copy } from './residents.ts'
import { rollOut } from './rollout.ts'
import { CacheState } from './state.ts'
import type { CacheStatistics } from './statistics.ts'
import { Waiter, type WaiterEnd } from './waiter.ts'

export interface ModelCacheOptions extends CacheSettings {
  readonly host: CacheHost
  /** What goes first. Default `hitDensity()`. */
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
  const state = new CacheState(settle(settings), policy ?? hitDensity(), clock ?? systemClock)
  return new Cache(state, host, place ?? leastLeased)
}

class Cache implements ModelCache {
  readonly #state: CacheState
  readonly #loader: Loader
  readonly #grants: Grants
  readonly #prefetches: Prefetches | undefined
  /** The latest move of each alias: the next one waits for it. */
  readonly #moves = new Map<string, Promise<void>>()

  constructor(state: CacheState, host: CacheHost, place: PlaceLoad) {
    this.#state = state
    this.#grants = new Grants(state, (copy) => this.#loader.released(copy))
    this.#loader = new Loader(state, {
      host,
      place,
      wants: (now) => demand(state, now),
      ready: (copy) => this.#ready(copy),
      left: (copy) => this.#left(copy),
      givenUp: (error) => this.#givenUp(error),
      rested: () => {
        state.givenUp = undefined
        state.emit({ type: 'rested' })
      },
    })
    const { prefetch } = state.settings
    this.#prefetches =
      prefetch &&
      new Prefetches(prefetch, state.clock, (model, { expected }) => {
        const use = state.useOf(model)
        const due = use.lastUsed + expected
        state.background.prefetch(model, (now) => use.loadMs / Math.max(due - now, use.loadMs, 1))
        this.#loader.turn()
      })
  }

  lease(wanted: Wanted, options: LeaseOptions = {}): Promise<Lease> {
    const state = this.#state
    let model: ModelSource
    try {
      model = state.model(wanted)
      options.signal?.throwIfAborted()
    } catch (error) {
      if (error instanceof UnknownModel) return Promise.reject(error)
      return Promise.reject(new Cancelled(undefined, { cause: error }))
    }
    const alias = typeof wanted === 'string' ? wanted : undefined
    state.figures.requests += 1
    const copy = state.closed ? undefined : state.usable(model.key, options.executors)
    if (copy !== undefined) return Promise.resolve(this.#hit(copy, alias))
    this.#asked(model)
    const refused = leaseRefusal(state, model, options)
    if (refused !== undefined) {
      // So that whoever comes back finds it, should it be worth its room.
      if (refused.reason === 'cold') this.#prefetch(model)
      state.refused(model, refused)
      return Promise.reject(refused)
    }
    const { clock, settings, waiters } = state
    const onEnd = (ended: Waiter, how: WaiterEnd) => this.#ended(ended, how)
    const waiter = new Waiter({ model, alias, options, longestWait: settings.longestWait, clock, onEnd })
    waiters.add(waiter)
    this.#loader.turn()
    return waiter.result
  }

  tryLease(wanted: Wanted, { executors }: Pick<LeaseOptions, 'executors'> = {}): Lease | undefined {
    const state = this.#state
    const alias = typeof wanted === 'string' ? wanted : undefined
    const copy = state.closed ? undefined : state.usable(state.model(wanted).key, executors)
    if (copy === undefined) return undefined
    state.figures.requests += 1
    return this.#hit(copy, alias)
  }

  holders(wanted: Wanted): readonly string[] {
    const copies = this.#state.residents.of(this.#state.model(wanted).key)
    return copies.filter(({ state }) => state === 'ready').map(({ executor }) => executor)
  }

  readyIn(wanted: Wanted): number | undefined {
    return this.#state.readyIn(this.#state.model(wanted))
  }

  prefetch(wanted: Wanted): Promise<boolean> {
    const model = this.#state.model(wanted)
    if (this.#state.usable(model.key)) return Promise.resolve(true)
    if (this.#state.closed) return Promise.resolve(false)
    return new Promise((resolve) => this.#prefetch(model, resolve))
  }

  async pin(wanted: Wanted, { copies = 1 }: PinOptions = {}): Promise<void> {
    const model = () => this.#state.model(wanted)
    const owner = typeof wanted === 'string' ? `alias ${wanted}` : model().key
    await keep(this.#state, { owner, model, copies, within: this.#state.settings.longestWait }, () =>
      this.#loader.turn(),
    )
  }

  unpin(wanted: Wanted): void {
    this.#state.pins.release(typeof wanted === 'string' ? `alias ${wanted}` : wanted.key)
    this.#loader.turn()
  }

  alias(name: string, model: ModelSource, { within, from: first }: AliasOptions = {}): Promise<void> {
    const { clock, aliases, pins, wishes, settings } = this.#state
    const before = this.#moves.get(name)?.catch(() => {}) ?? Promise.resolve()
    const move = before.then(() =>
      rollOut(
        { name, model, first, within: within ?? settings.longestWait },
        {
          clock,
          aliases,
          pins,
          wishes,
          copies: (key) => this.#state.readyCopies(key),
          keep: (keeping) => keep(this.#state, keeping, () => this.#loader.turn()),
          moved: (from) => this.#moved(name, from, model),
          retire: (old) => this.#retire(old),
        },
      ),
    )
    this.#moves.set(name, move)
    return move
  }

  use(name: string, otherwise: ModelSource): NamedUse {
    return this.#state.aliases.use(name, otherwise)
  }

  async evict(wanted: Wanted): Promise<void> {
    const { residents, pins } = this.#state
    const { key } = this.#state.model(wanted)
    const spare = Math.max(0, this.#state.readyCopies(key) - pins.copies(key))
    const idle = residents.of(key).filter(({ state, leases }) => state === 'ready' && leases === 0)
    const going = idle.slice(0, spare)
    const gone = going.map((copy) => new Promise<void>((resolve) => copy.onLeft.push(resolve)))
    for (const copy of going) this.#loader.evict(copy, 'asked')
    await Promise.all(gone)
  }

  up(executor: string): void {
    if (this.#state.closed) return
    this.#state.residents.up(executor)
    this.#loader.turn()
  }

  down(executor: string): void {
    const state = this.#state
    if (state.residents.holders.has(executor)) this.#loader.down(executor)
    for (const waiter of state.waiters.all()) {
      if (waiter.executors && !state.anyUp(waiter.executors)) waiter.reject(nowhere(waiter.model), 'refused')
    }
  }

  statistics(): CacheStatistics {
    const { figures, settings, residents, waiters } = this.#state
    return figures.summary(settings, residents, waiters.size)
  }

  watch(listener: (event: CacheEvent) => void): () => void {
    return this.#state.watch(listener)
  }

  close(): void {
    const { background, wishes, waiters } = this.#state
    this.#state.closed = true
    this.#loader.close()
    this.#prefetches?.close()
    background.close()
    wishes.end(new Cancelled('The cache was closed. Make a new one to go on.'))
    const closed = new Cancelled('The cache was closed before the model was loaded. Give the work to another node.')
    for (const waiter of waiters.all()) waiter.reject(closed, 'given-up')
  }

  /** What is loaded is still leased; nothing else will be until the loader has rested. */
  #givenUp(cause: unknown): void {
    const state = this.#state
    state.givenUp = { cause }
    this.#prefetches?.close()
    state.background.close()
    for (const waiter of state.waiters.all()) {
      const refused = unattended(state, waiter.model)
      state.refused(waiter.model, refused)
      waiter.reject(refused, 'refused')
    }
    state.wishes.end(unattended(state))
  }

  /** Counts a request for a model. */
  #asked(model: ModelSource): void {
    const { clock, policy } = this.#state
    const now = clock.now()
    const use = this.#state.useOf(model)
    this.#prefetches?.asked(use)
    use.used(now)
    try {
      policy.used?.(use, now)
    } catch (error) {
      // The request has no part in it.
      this.#loader.crash(error)
    }
  }

  #hit(copy: Copy, alias: string | undefined): Lease {
    this.#asked(copy.model)
    const lease = this.#grants.hit(copy, alias)
    if (copy.leases > 1) this.#spread(copy)
    return lease
  }

  /** Asks for one more copy when those there are computed for more of the time than they should. */
  #spread({ model, use }: Copy): void {
    const { residents, settings, background } = this.#state
    const copies = residents.of(model.key).length
    if (copies >= residents.holders.size || use.runMs === undefined || use.interArrival === undefined) return
    const load = use.runMs / Math.max(use.interArrival, 0.001) / settings.busy
    if (load <= copies) return
    background.spread(model, (now) => savedPerMs(use, now) * Math.min(1, load - copies))
    this.#loader.turn()
  }

  #prefetch(model: ModelSource, tell?: (loaded: boolean) => void): void {
    const use = this.#state.useOf(model)
    this.#state.background.prefetch(model, (now) => gainPerMs(use, now), tell)
    this.#loader.turn()
  }

  #ended(waiter: Waiter, how: WaiterEnd): void {
    const { waiters, figures } = this.#state
    waiters.remove(waiter)
    if (how === 'given-up') figures.givenUp += 1
    if (how === 'failed') figures.failed += 1
  }

  /** Serves those who wait for a copy that has just been loaded. @returns how many */
  #ready(copy: Copy): number {
    const { key } = copy.model
    this.#state.background.loaded(key)
    this.#prefetches?.cancel(key)
    return this.#grants.serveAll(copy)
  }

  #left({ model, use, state }: Copy): void {
    if (state === 'loading') this.#state.background.failed(model.key)
    if (this.#state.residents.of(model.key).length === 0) this.#prefetches?.left(model, use)
  }

  /** The alias points to its new version: so do those who wait by it. */
  #moved(name: string, from: ModelSource | undefined, to: ModelSource): void {
    const { waiters } = this.#state
    this.#state.emit({ type: 'alias-moved', alias: name, from: from?.name, to: to.name })
    if (from === undefined) return
    this.#state.useOf(to).inherit(this.#state.useOf(from))
    for (const waiter of [...waiters.of(from.key)]) {
      if (waiter.alias !== name) continue
      const copy = this.#state.usable(to.key, waiter.executors && [...waiter.executors])
      if (copy !== undefined) {
        this.#grants.serve(waiter, copy)
        continue
      }
      waiters.remove(waiter)
      waiter.model = to
      waiters.add(waiter)
    }
    this.#loader.turn()
  }

  #retire(old: ModelSource): void {
    const { aliases, pins, residents } = this.#state
    if (aliases.pointTo(old.key) || pins.copies(old.key) > 0) return
    for (const copy of residents.of(old.key)) this.#loader.evict(copy, 'replaced')
  }
}
