import type { ModelSource } from '../manage/index.ts'
import type { Executor, LoadReport } from './ports.ts'

/** Which models one executor holds. It ends with its executor, so that a new one starts from nothing. */
export class Residency {
  readonly #executor: Executor
  readonly #held = new Map<string, { readonly model: ModelSource; readonly report: LoadReport }>()
  readonly #loading = new Map<string, Promise<LoadReport>>()
  readonly #failed = new Map<string, Error>()

  constructor(executor: Executor) {
    this.#executor = executor
  }

  /** Whether the model can be run without loading it. */
  has(key: string): boolean {
    return this.#held.has(key)
  }

  /** How many models it holds. */
  get size(): number {
    return this.#held.size
  }

  /** The models it holds, in the order in which they were loaded. */
  models(): readonly ModelSource[] {
    return [...this.#held.values()].map(({ model }) => model)
  }

  /** Bytes that the models it holds have added, as measured. */
  get bytes(): number {
    let sum = 0
    for (const { report } of this.#held.values()) sum += report.residentBytes
    return sum
  }

  /** Why the last try to load this model here failed; undefined when it did not. */
  failure(key: string): Error | undefined {
    return this.#failed.get(key)
  }

  /**
   * Loads the model unless it is held, once however many ask meanwhile; nobody who asks can stop it for the others.
   *
   * @throws ModelLoadFailed · ExecutorLost
   */
  load(model: ModelSource): Promise<LoadReport> {
    const held = this.#held.get(model.key)
    if (held !== undefined) return Promise.resolve(held.report)
    const running = this.#loading.get(model.key)
    if (running !== undefined) return running
    const load = this.#load(model)
    this.#loading.set(model.key, load)
    return load
  }

  /** Frees the model. Whoever runs it has to be done with it. @throws ExecutorLost */
  async unload(key: string): Promise<void> {
    // Not held from here on: nothing may be sent to a model on its way out.
    this.#held.delete(key)
    await this.#executor.unload(key)
  }

  async #load(model: ModelSource): Promise<LoadReport> {
    try {
      const report = await this.#executor.load(model)
      this.#held.set(model.key, { model, report })
      this.#failed.delete(model.key)
      return report
    } catch (error) {
      this.#failed.set(model.key, error as Error)
      throw error
    } finally {
      this.#loading.delete(model.key)
    }
  }
}
