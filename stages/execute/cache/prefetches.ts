import type { Clock, Timer } from '../../../pipeline/index.ts'
import type { ModelSource } from '../../manage/index.ts'
import { Arrivals, type PrefetchWindow } from './arrivals.ts'
import type { UseRecord } from './use.ts'

/** Watches when models are asked for, and says when one that is not loaded is about to be asked for again. */
export class Prefetches {
  readonly #options: { readonly bin: number; readonly bins: number }
  readonly #clock: Clock
  readonly #due: (model: ModelSource, window: PrefetchWindow) => void
  readonly #arrivals = new Map<string, Arrivals>()
  readonly #timers = new Map<string, Timer>()

  /** @param due called when a model should be loaded */
  constructor(
    options: { readonly bin: number; readonly bins: number },
    clock: Clock,
    due: (model: ModelSource, window: PrefetchWindow) => void,
  ) {
    this.#options = options
    this.#clock = clock
    this.#due = due
  }

  /** A request came. @param use before the request was counted */
  asked(use: UseRecord): void {
    this.cancel(use.key)
    if (use.requests === 0) return
    const arrivals = this.#arrivals.get(use.key) ?? new Arrivals(this.#options)
    this.#arrivals.set(use.key, arrivals)
    arrivals.add(this.#clock.now() - use.lastUsed)
  }

  /** It is loaded nowhere from now on. */
  left(model: ModelSource, use: UseRecord): void {
    const window = this.#arrivals.get(model.key)?.window()
    if (window === undefined) return
    const wait = use.lastUsed + window.from - this.#clock.now()
    // It went although it was due: there was something better to keep.
    if (wait <= 0) return
    this.cancel(model.key)
    const timer = this.#clock.after(
      wait,
      () => {
        this.#timers.delete(model.key)
        this.#due(model, window)
      },
      { background: true },
    )
    this.#timers.set(model.key, timer)
  }

  cancel(key: string): void {
    this.#timers.get(key)?.cancel()
    this.#timers.delete(key)
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }
}
