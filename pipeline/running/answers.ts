import type { Answer } from '../answer.ts'

/** Answers that nobody has asked for yet are kept up to this many; older ones are let go. */
const kept = 1024

/**
 * The answers of a run, for one reader. Once it reads, the place in the in-flight window is given back only when it has
 * taken the answer, so that a slow reader slows the capture down; while nobody reads, places are given back at once.
 */
export class Answers implements AsyncIterable<Answer> {
  readonly #queue: { readonly answer: Answer; readonly taken: () => void }[] = []
  /** Called when the reader leaves before the end. */
  onLeave: () => Promise<unknown> = async () => {}
  #reading = false
  #wake: (() => void) | undefined
  #ended = false
  #error: unknown

  /** @param taken called once when the answer's place in the window is free again */
  push(answer: Answer, taken: () => void): void {
    if (this.#reading) this.#queue.push({ answer, taken })
    else {
      this.#queue.push({ answer, taken: () => {} })
      if (this.#queue.length > kept) this.#queue.shift()
      taken()
    }
    this.#wake?.()
  }

  end(error?: unknown): void {
    this.#ended = true
    this.#error = error
    this.#wake?.()
  }

  /** No reader will come back for what it has not read: gives its places back. */
  release(): void {
    this.#reading = false
    for (const { taken } of this.#queue.splice(0)) taken()
  }

  [Symbol.asyncIterator](): AsyncIterator<Answer> {
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
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
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
