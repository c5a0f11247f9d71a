import type { ResultPayload } from '../payload.ts'

/** Sources whose last answer is kept; of more, the one that was answered longest ago is forgotten. */
const kept = 1024

/** The last answer of each source, to be given again. */
export class LastAnswers {
  readonly #bySource = new Map<string, { readonly payload: ResultPayload; readonly at: number }>()

  get(source: string): { readonly payload: ResultPayload; readonly at: number } | undefined {
    return this.#bySource.get(source)
  }

  /** @param at local clock, ms */
  set(source: string, payload: ResultPayload, at: number): void {
    // Moved to the end, so that the first is the one that was answered longest ago.
    if (this.#bySource.size > 1) this.#bySource.delete(source)
    this.#bySource.set(source, { payload, at })
    const [oldest] = this.#bySource.size > kept ? this.#bySource.keys() : []
    if (oldest !== undefined) this.#bySource.delete(oldest)
  }
}
