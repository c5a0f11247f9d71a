import { Cancelled, type Clock, DeadlineExceeded, type Timer } from '../../../pipeline/index.ts'
import type { ModelSource } from '../../manage/index.ts'
import type { Lease, LeaseOptions } from './contract.ts'

/** How a request for a lease ended without one. */
export type WaiterEnd = 'refused' | 'failed' | 'given-up'

export interface WaiterOptions {
  readonly model: ModelSource
  /** The alias it was asked for by. */
  readonly alias: string | undefined
  readonly options: LeaseOptions
  /** Waits no longer than this, in ms. */
  readonly longestWait: number
  readonly clock: Clock
  /** It ended without a lease: by its signal, its deadline, or as it was told. */
  readonly onEnd: (waiter: Waiter, end: WaiterEnd) => void
}

/** A request that waits for a copy. It settles at its deadline at the latest. */
export class Waiter {
  /** The version that it gets: its alias may move while it waits. */
  model: ModelSource
  readonly alias: string | undefined
  /** When it came and until when it waits, on the cache's clock. */
  readonly since: number
  readonly until: number
  /** By when the work has to be done, where the caller said so. */
  readonly expires: number | undefined
  readonly executors: ReadonlySet<string> | undefined
  readonly result: Promise<Lease>
  readonly #signal: AbortSignal | undefined
  readonly #onEnd: (waiter: Waiter, end: WaiterEnd) => void
  #settle: { resolve(lease: Lease): void; reject(error: Error): void } | undefined
  #timer: Timer | undefined
  readonly #abort = () => this.reject(new Cancelled(undefined, { cause: this.#signal?.reason }), 'given-up')

  constructor({ model, alias, options, longestWait, clock, onEnd }: WaiterOptions) {
    const { expires, signal, executors } = options
    this.model = model
    this.alias = alias
    this.since = clock.now()
    this.expires = expires
    this.until = Math.min(this.since + longestWait, expires ?? Number.POSITIVE_INFINITY)
    this.executors = executors && new Set(executors)
    this.result = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.#signal = signal
    this.#onEnd = onEnd
    signal?.addEventListener('abort', this.#abort, { once: true })
    this.#timer = clock.after(Math.max(0, this.until - this.since), () => {
      const waited = Math.round(this.until - this.since)
      this.reject(
        new DeadlineExceeded(
          `Model "${this.model.name}" was not loaded within ${waited} ms. Allow more, pin it, or give the cache a larger budget.`,
        ),
        'failed',
      )
    })
  }

  get settled(): boolean {
    return this.#settle === undefined
  }

  /** Whether a copy on this executor will do. */
  accepts(executor: string): boolean {
    return this.executors?.has(executor) ?? true
  }

  resolve(lease: Lease): void {
    this.#release()?.resolve(lease)
  }

  reject(error: Error, end: WaiterEnd): void {
    const settle = this.#release()
    if (settle === undefined) return
    settle.reject(error)
    this.#onEnd(this, end)
  }

  #release(): { resolve(lease: Lease): void; reject(error: Error): void } | undefined {
    const settle = this.#settle
    this.#settle = undefined
    this.#timer?.cancel()
    this.#signal?.removeEventListener('abort', this.#abort)
    return settle
  }
}

/** Who waits for which model. */
export class Waiters {
  readonly #byModel = new Map<string, Set<Waiter>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(waiter: Waiter): void {
    const others = this.#byModel.get(waiter.model.key)
    if (others === undefined) this.#byModel.set(waiter.model.key, new Set([waiter]))
    else others.add(waiter)
    this.#size += 1
  }

  remove(waiter: Waiter): void {
    const waiters = this.#byModel.get(waiter.model.key)
    if (!waiters?.delete(waiter)) return
    this.#size -= 1
    if (waiters.size === 0) this.#byModel.delete(waiter.model.key)
  }

  /** Those who wait for a model, in the order in which they came. */
  of(key: string): Iterable<Waiter> {
    return this.#byModel.get(key) ?? []
  }

  groups(): Iterable<ReadonlySet<Waiter>> {
    return this.#byModel.values()
  }

  all(): Waiter[] {
    return [...this.#byModel.values()].flatMap((waiters) => [...waiters])
  }
}
