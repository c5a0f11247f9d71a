import type { ModelSource } from '../manage/index.ts'
import type { Residency } from './residency.ts'

/** A place for an executor, as far as warming is concerned. */
interface Place {
  readonly failed: boolean
  readonly up: { readonly residency: Residency } | undefined
}

interface Waiter {
  readonly models: readonly ModelSource[]
  resolve(): void
  reject(error: Error): void
}

/** The models that every executor should hold before they are asked for, and who waits for that. */
export class Warmth {
  readonly #models = new Map<string, ModelSource>()
  #waiters: Waiter[] = []

  /** @returns settles when every place holds them, or one cannot load one */
  add(models: readonly ModelSource[]): Promise<void> {
    for (const model of models) this.#models.set(model.key, model)
    return new Promise((resolve, reject) => {
      this.#waiters.push({ models, resolve, reject })
    })
  }

  /** A model that this executor should load now; one that it failed to load is not tried again here. */
  next(residency: Residency): ModelSource | undefined {
    for (const model of this.#models.values()) {
      if (!residency.has(model.key) && residency.failure(model.key) === undefined) return model
    }
    return undefined
  }

  /** Tells those whose models are everywhere, or failed somewhere. */
  settle(places: readonly Place[]): void {
    const alive = places.filter((place) => !place.failed)
    this.#waiters = this.#waiters.filter(({ models, resolve, reject }) => {
      for (const { key } of models) {
        const failure = alive.map(({ up }) => up?.residency.failure(key)).find((error) => error !== undefined)
        if (failure !== undefined) {
          reject(failure)
          return false
        }
      }
      const complete = alive.every(({ up }) => models.every(({ key }) => up?.residency.has(key)))
      if (complete) resolve()
      return !complete
    })
  }

  /** Nothing can be warmed for now. */
  end(error: () => Error): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error())
  }
}
