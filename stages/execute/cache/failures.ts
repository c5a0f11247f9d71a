import { type BackoffPolicy, pauseAfter } from '../../../pipeline/index.ts'

/** Deaths in a row of executors that were loading a model, up to which chance is blamed: neighbours die together. */
const chance = 2

/** In place of an executor's id: on none of them. */
const anywhere = '*'

interface Failures {
  times: number
  /** Executors that died in a row while they loaded it. */
  losses: number
  error: unknown
  readonly until: Map<string, number>
}

/** Loads that failed, and for how long they are not tried again. */
export class LoadFailures {
  readonly #backoff: BackoffPolicy
  readonly #models = new Map<string, Failures>()

  constructor(backoff: BackoffPolicy) {
    this.#backoff = backoff
  }

  /** @returns milliseconds until it is tried on this executor again: longer with each failure in a row */
  failed(key: string, executor: string, error: unknown, now: number): number {
    const model = this.#of(key)
    model.times += 1
    const wait = pauseAfter(model.times, this.#backoff)
    model.error = error
    model.until.set(executor, now + wait)
    return wait
  }

  /** An executor died while it loaded the model: twice may be chance; from the third on it is tried nowhere for a while. */
  lost(key: string, error: unknown, now: number): void {
    const model = this.#of(key)
    model.losses += 1
    if (model.losses > chance) this.failed(key, anywhere, error, now)
  }

  succeeded(key: string): void {
    this.#models.delete(key)
  }

  /** Milliseconds for which it is not to be tried on this executor; 0 when it may be. */
  wait(key: string, executor: string, now: number): number {
    const until = this.#models.get(key)?.until
    return until === undefined ? 0 : Math.max(0, (until.get(executor) ?? 0) - now, (until.get(anywhere) ?? 0) - now)
  }

  /** Why it failed last; undefined when it did not. */
  error(key: string): unknown {
    return this.#models.get(key)?.error
  }

  /** An executor that is gone has no failures; how often a model failed in a row is remembered. */
  forget(executor: string): void {
    for (const { until } of this.#models.values()) until.delete(executor)
  }

  #of(key: string): Failures {
    const known = this.#models.get(key)
    if (known !== undefined) return known
    const fresh: Failures = { times: 0, losses: 0, error: undefined, until: new Map() }
    this.#models.set(key, fresh)
    return fresh
  }
}
