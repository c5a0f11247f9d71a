import type { Clock, Timer } from '../../../pipeline/index.ts'
import type { ModelSource } from '../../manage/index.ts'
import type { Want } from './wants.ts'

interface Prefetch {
  readonly model: ModelSource
  readonly since: number
  readonly until: number
  readonly gain: (now: number) => number
  readonly timer: Timer
  /** Whoever wants to know how it ended. */
  readonly tell: ((loaded: boolean) => void)[]
}

/** Loads that nobody waits for: ahead of requests, and further copies of busy models. */
export class Background {
  readonly #clock: Clock
  readonly #longest: number
  readonly #prefetches = new Map<string, Prefetch>()
  readonly #spreads = new Map<string, { readonly model: ModelSource; readonly gain: (now: number) => number }>()

  /** @param longest ms after which a load that has not begun is given up */
  constructor(clock: Clock, longest: number) {
    this.#clock = clock
    this.#longest = longest
  }

  get idle(): boolean {
    return this.#prefetches.size === 0 && this.#spreads.size === 0
  }

  /** @param gain what it would save, in ms of load for each ms */
  prefetch(model: ModelSource, gain: (now: number) => number, tell?: (loaded: boolean) => void): void {
    const known = this.#prefetches.get(model.key)
    if (known !== undefined) {
      if (tell) known.tell.push(tell)
      return
    }
    const since = this.#clock.now()
    const timer = this.#clock.after(this.#longest, () => this.#ended(model.key, false), { background: true })
    const until = since + this.#longest
    this.#prefetches.set(model.key, { model, since, until, gain, timer, tell: tell ? [tell] : [] })
  }

  /** One more copy of a model that is loaded. */
  spread(model: ModelSource, gain: (now: number) => number): void {
    this.#spreads.set(model.key, { model, gain })
  }

  /** @param loading whether a copy of the model is there or on its way */
  *wants(now: number, loading: (key: string) => boolean): Iterable<Want> {
    for (const [key, { model, since, until, gain }] of this.#prefetches) {
      if (!loading(key)) yield { model, since, until, gain: gain(now), declined: () => this.#ended(key, false) }
    }
    for (const [key, { model, gain }] of this.#spreads) {
      // Looked at once: whether it still pays is asked again with the next request that has to share.
      this.#spreads.delete(key)
      yield { model, since: now, until: now, gain: gain(now), declined: () => {} }
    }
  }

  /** A copy of the model can be used. */
  loaded(key: string): void {
    this.#ended(key, true)
  }

  /** A load that was under way has failed. */
  failed(key: string): void {
    this.#ended(key, false)
  }

  close(): void {
    for (const key of [...this.#prefetches.keys()]) this.#ended(key, false)
    this.#spreads.clear()
  }

  #ended(key: string, loaded: boolean): void {
    const prefetch = this.#prefetches.get(key)
    this.#prefetches.delete(key)
    prefetch?.timer.cancel()
    for (const tell of prefetch?.tell ?? []) tell(loaded)
  }
}
