import { BadConfiguration, Cancelled, Refused } from '../../pipeline/index.ts'
import type { ModelSource } from '../manage/index.ts'
import type { ModelSplit, ModelSplitter } from './ports.ts'

/** Splits remembered, and refused cuts, too: their names come off the wire. */
const remembered = 256

/** Splits that may wait for the one being made. */
const most = 16

/**
 * One split per model and layer however many messages ask for it, made one at a time; the latest used are remembered,
 * and so are cuts that do not exist. Other failures are tried again when somebody asks again.
 */
export class Splits {
  readonly #splitter: ModelSplitter
  readonly #known = new Map<string, Promise<ModelSplit>>()
  readonly #end = new AbortController()
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(splitter: ModelSplitter) {
    this.#splitter = splitter
  }

  /** @throws as the splitter · Refused too many others wait · Cancelled it was closed */
  of(model: ModelSource, layer: string): Promise<ModelSplit> {
    const key = `${model.key} ${layer}`
    const split = this.#known.get(key) ?? this.#make(model, layer, key)
    // Moved to the end, so that the first is the one that was not asked for longest.
    this.#known.delete(key)
    this.#known.set(key, split)
    const [oldest] = this.#known.keys()
    if (this.#known.size > remembered && oldest !== undefined) this.#known.delete(oldest)
    return split
  }

  /** Ends the split being made, and those that wait for it. Resolves when it has ended. */
  async close(): Promise<void> {
    this.#end.abort()
    await this.#last
  }

  #make(model: ModelSource, layer: string, key: string): Promise<ModelSplit> {
    const { signal } = this.#end
    const make = async (): Promise<ModelSplit> => {
      this.#waiting -= 1
      if (signal.aborted) throw new Cancelled()
      const split = await this.#splitter.split(model, layer, signal)
      if (model.batch !== false) return split
      return { ...split, head: { ...split.head, batch: false }, tail: { ...split.tail, batch: false } }
    }
    const split = this.#waiting < most ? this.#last.then(make) : Promise.reject(crowded(model, layer))
    if (this.#waiting < most) {
      this.#waiting += 1
      this.#last = split.catch(() => {})
    }
    split.catch((error) => {
      if (!(error instanceof BadConfiguration) && this.#known.get(key) === split) this.#known.delete(key)
    })
    return split
  }
}

function crowded(model: ModelSource, layer: string): Refused {
  return new Refused(
    `${most} splits wait before "${model.name}" behind "${layer}". Ask again later, or cut beforehand.`,
  )
}
