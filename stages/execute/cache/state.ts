import { type Clock, guardedFault, UnknownModel } from '../../../pipeline/index.ts'
import type { ModelSource } from '../../manage/index.ts'
import { Aliases } from './aliases.ts'
import { Background } from './background.ts'
import type { Wanted } from './contract.ts'
import { LoadEstimates } from './estimates.ts'
import type { CacheEvent } from './events.ts'
import { LoadFailures } from './failures.ts'
import { Figures } from './figures.ts'
import type { SettledSettings } from './options.ts'
import { Pins } from './pins.ts'
import type { EvictionPolicy } from './policies/index.ts'
import type { LeaseRefused } from './refused.ts'
import { type Copy, Residents } from './residents.ts'
import { UseRecord } from './use.ts'
import { Waiters } from './waiter.ts'
import { Wishes } from './wishes.ts'

/** All that one cache knows: what is loaded, who waits for what, what loads take. Its parts share it. */
export class CacheState {
  readonly settings: SettledSettings
  readonly policy: EvictionPolicy
  readonly clock: Clock
  readonly residents: Residents
  readonly estimates: LoadEstimates
  readonly failures: LoadFailures
  readonly pins = new Pins()
  readonly aliases = new Aliases()
  readonly waiters = new Waiters()
  readonly wishes: Wishes
  readonly background: Background
  readonly figures = new Figures()
  closed = false
  /** Why nothing is loaded any more; undefined while it is. */
  givenUp: { readonly cause: unknown } | undefined
  readonly #uses = new Map<string, UseRecord>()
  readonly #listeners = new Set<(event: CacheEvent) => void>()

  constructor(settings: SettledSettings, policy: EvictionPolicy, clock: Clock) {
    this.settings = settings
    this.policy = policy
    this.clock = clock
    this.residents = new Residents(() => clock.now())
    this.estimates = new LoadEstimates(settings.bytesPerFileByte)
    this.failures = new LoadFailures(settings.backoff)
    this.wishes = new Wishes(clock)
    this.background = new Background(clock, settings.longestWait)
  }

  /** @throws UnknownModel no such alias */
  model(wanted: Wanted): ModelSource {
    if (typeof wanted !== 'string') return wanted
    const model = this.aliases.get(wanted)
    if (model === undefined) throw new UnknownModel(wanted, this.aliases.names)
    return model
  }

  useOf(model: ModelSource): UseRecord {
    const known = this.#uses.get(model.key)
    if (known !== undefined) return known
    const use = new UseRecord(model.key, this.estimates.bytes(model), this.#loadMs(model), this.clock.now())
    this.#uses.set(model.key, use)
    return use
  }

  /** The ready copy with the fewest leases. */
  usable(key: string, executors?: readonly string[]): Copy | undefined {
    let best: Copy | undefined
    for (const copy of this.residents.of(key)) {
      if (copy.state !== 'ready' || (executors && !executors.includes(copy.executor))) continue
      if (best === undefined || copy.leases < best.leases) best = copy
    }
    return best
  }

  readyCopies(key: string): number {
    return this.residents.of(key).filter(({ state }) => state === 'ready').length
  }

  /** Copies that can be used, or soon. */
  coming(key: string): number {
    return this.residents.of(key).filter(({ state }) => state === 'ready' || state === 'loading').length
  }

  anyUp(executors: Iterable<string>): boolean {
    for (const executor of executors) if (this.residents.holders.has(executor)) return true
    return false
  }

  /** Milliseconds until a request that comes now would have its copy: 0 when warm; undefined when that is not known. */
  readyIn(model: ModelSource): number | undefined {
    const { residents, estimates, clock } = this
    const copies = residents.of(model.key)
    if (copies.some(({ state }) => state === 'ready')) return 0
    const now = clock.now()
    const remaining = (copy: Copy) => Math.max(0, copy.since + (estimates.ms(copy.model) ?? 0) - now)
    const ms = estimates.ms(model)
    if (ms === undefined) return undefined
    const loading = copies.filter(({ state }) => state === 'loading').map(remaining)
    if (loading.length > 0) return Math.min(...loading)
    const lanes = Array.from(residents.holders.values(), (holder) => (holder.loading ? remaining(holder.loading) : 0))
    return ms + (lanes.length === 0 ? 0 : Math.min(...lanes))
  }

  /** Counts a refusal and tells of it. */
  refused({ name }: ModelSource, { reason }: LeaseRefused): void {
    this.figures.refused(reason)
    this.emit({ type: 'refused', model: name, reason })
  }

  emit(event: CacheEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        guardedFault()(error instanceof Error ? error : new Error(String(error)))
      }
    }
  }

  watch(listener: (event: CacheEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Expected ms of a load; before any was measured, a millisecond for each megabyte keeps the order right. */
  #loadMs(model: ModelSource): number {
    return this.estimates.ms(model) ?? Math.max(1, model.bytes / 1e6)
  }
}
