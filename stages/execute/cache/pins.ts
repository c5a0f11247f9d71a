import type { ModelSource } from '../../manage/index.ts'

/** A wish that at least so many copies of a model stay loaded. */
export interface Pin {
  /** Looked up at each use: the pin of an alias follows it. */
  readonly model: () => ModelSource
  readonly copies: number
}

/** What has to stay loaded, by whom it was asked for. */
export class Pins {
  readonly #pins = new Map<unknown, Pin>()

  /** Holds until it is released by the same owner; another pin of the same owner takes its place. */
  set(owner: unknown, pin: Pin): void {
    this.#pins.set(owner, pin)
  }

  get(owner: unknown): Pin | undefined {
    return this.#pins.get(owner)
  }

  release(owner: unknown): void {
    this.#pins.delete(owner)
  }

  /** Copies to keep of each model that is pinned. */
  wanted(): ReadonlyMap<string, { readonly model: ModelSource; readonly copies: number }> {
    const wanted = new Map<string, { model: ModelSource; copies: number }>()
    for (const pin of this.#pins.values()) {
      const model = pin.model()
      wanted.set(model.key, { model, copies: Math.max(pin.copies, wanted.get(model.key)?.copies ?? 0) })
    }
    return wanted
  }

  /** Copies to keep of one model. */
  copies(key: string): number {
    return this.#pins.size === 0 ? 0 : (this.wanted().get(key)?.copies ?? 0)
  }

  get size(): number {
    return this.#pins.size
  }
}
