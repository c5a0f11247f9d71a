/**
 * The in-flight window of a flow: at most `capacity` messages between capture and settlement. This is what bounds the
 * memory of a pipeline whatever the load; after MediaPipe's flow limiter, whose slot the finished result frees.
 */
export class Window {
  readonly capacity: number
  readonly #limit: () => number
  #taken = 0
  readonly #waiting: (() => void)[] = []

  /**
   * @param limit places of them that may be taken now, asked whenever one is wanted or given back. Default: all
   * @throws RangeError when the capacity is not a positive whole number
   */
  constructor(capacity: number, limit: () => number = () => capacity) {
    if (!Number.isInteger(capacity) || capacity < 1)
      throw new RangeError(`A window needs 1 or more places, not ${capacity}.`)
    this.capacity = capacity
    this.#limit = limit
  }

  get taken(): number {
    return this.#taken
  }

  /** Takes a place if one is free now. */
  tryAcquire(): boolean {
    if (this.#waiting.length > 0 || !this.#free) return false
    this.#taken++
    return true
  }

  /** Takes a place as soon as one is free, first come first served. Rejects with the signal's reason when aborted. */
  acquire(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.tryAcquire()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const granted = () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(granted), 1)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.push(granted)
    })
  }

  /** Gives a place back: to the longest waiting, if any. */
  release(): void {
    if (this.#taken > 0) this.#taken--
    while (this.#free) {
      const next = this.#waiting.shift()
      if (!next) return
      this.#taken++
      next()
    }
  }

  get #free(): boolean {
    return this.#taken < this.capacity && (this.#taken === 0 || this.#taken < this.#limit())
  }
}
