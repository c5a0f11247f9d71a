import type { Answer } from '../answer.ts'

/** Answers that nobody has asked for yet are kept up to this many; older ones are let go. */
const kept = 1024

/**
 * The answers of a run, for one reader. Once it reads, the place in the in-flight window is given back only when it has
 * taken the answer, so that a slow reader slows the capture down; while nobody reads, places are given back at once.
 */
export class Answers<M = unknown> implements AsyncIterable<Answer<M>> {
  readonly #queue: { readonly answer: Answer<M>; readonly taken: () => void }[] = []
  /** Called when the reader leaves before the end. */
  onLeave: () => Promise<unknown> = async () => {}
  #reading = false
  #wake: (() => void)[] = []
  #ended = false
  #error: unknown

  /** @param taken called once when the answer's place in the window is free again */
  push(answer: Answer<M>, taken: () => void): void {
    if (this.#reading) this.#queue.push({ answer, taken })
    else {
      this.#queue.push({ answer, taken: () => {} })
      if (this.#queue.length > kept) this.#queue.shift()
      taken()
    }
    this.#wakeAll()
  }

  end(error?: unknown): void {
    this.#ended = true
    this.#error = error
    this.#wakeAll()
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }

  /** No reader will come back for what it has not read: gives its places back. */
  release(): void {
    this.#reading = false
    for (const { taken } of this.#queue.splice(0)) taken()
  }

  [Symbol.asyncIterator](): AsyncIterator<Answer<M>> {
    if (this.#reading)
      throw new TypeError('These answers are being read already. Read them once, and share what you read.')
    this.#reading = true
    return {
      next: async () => {
        for (;;) {
          const next = this.#queue.shift()
          if (next) {
            next.taken()
            return { done: false, value: next.answer }
          }
          if (this.#ended) {
            if (this.#error !== undefined) throw this.#error
            return { done: true, value: undefined }
          }
          await new Promise<void>((resolve) => this.#wake.push(resolve))
        }
      },
      return: async () => {
        this.release()
        await this.onLeave()
        return { done: true, value: undefined }
      },
    }
  }
}
