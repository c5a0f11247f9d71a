import type { ModelSource } from '../../manage/index.ts'
import type { NamedUse } from './contract.ts'

/** Names that point to one version of a model each, and how many leases and requests each version has under its name. */
export class Aliases {
  readonly #models = new Map<string, ModelSource>()
  readonly #leases = new Map<string, number>()
  readonly #ended = new Map<string, (() => void)[]>()

  get names(): readonly string[] {
    return [...this.#models.keys()]
  }

  get(name: string): ModelSource | undefined {
    return this.#models.get(name)
  }

  /** Whether any name points to this version. */
  pointTo(key: string): boolean {
    return [...this.#models.values()].some((model) => model.key === key)
  }

  move(name: string, model: ModelSource): void {
    this.#models.set(name, model)
  }

  /** A request that begins now. @param otherwise the version of a name that was never moved */
  use(name: string, otherwise: ModelSource): NamedUse {
    const model = this.#models.get(name) ?? otherwise
    let over = false
    this.leased(name, model.key)
    return {
      model,
      end: () => {
        if (!over) this.released(name, model.key)
        over = true
      },
    }
  }

  leased(name: string, key: string): void {
    const id = identity(name, key)
    this.#leases.set(id, (this.#leases.get(id) ?? 0) + 1)
  }

  released(name: string, key: string): void {
    const id = identity(name, key)
    const left = (this.#leases.get(id) ?? 1) - 1
    if (left > 0) {
      this.#leases.set(id, left)
      return
    }
    this.#leases.delete(id)
    for (const ended of this.#ended.get(id) ?? []) ended()
    this.#ended.delete(id)
  }

  /** Calls back once nothing that was begun under this name uses this version; at once when nothing does. */
  whenEnded(name: string, key: string, then: () => void): void {
    const id = identity(name, key)
    if (!this.#leases.has(id)) return then()
    this.#ended.set(id, [...(this.#ended.get(id) ?? []), then])
  }
}

function identity(name: string, key: string): string {
  return JSON.stringify([name, key])
}
