import type { ModelSource } from '../manage/index.ts'
import type { ModelSplit, ModelSplitter } from './ports.ts'

/** Splits remembered, and refused cuts, too: their names come off the wire. */
const remembered = 256

/** One split per model and layer however many messages ask for it, one at a time, the latest remembered. */
export class Splits {
  readonly #splitter: ModelSplitter
  readonly #known = new Map<string, Promise<ModelSplit>>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(splitter: ModelSplitter) {
    this.#splitter = splitter
  }

  /** @throws as the splitter */
  of(model: ModelSource, layer: string): Promise<ModelSplit> {
    const key = `${model.key} ${layer}`
    const known = this.#known.get(key)
    if (known) return known
    const split = this.#last.then(() => this.#splitter.split(model, layer))
    this.#last = split.catch(() => {})
    this.#known.set(key, split)
    const [oldest] = this.#known.keys()
    if (this.#known.size > remembered && oldest !== undefined) this.#known.delete(oldest)
    return split
  }
}
