/**
 * Whether work is still wanted. Every message has one, and few are ever cancelled or asked: it costs a tenth of an
 * `AbortController`, and makes one only for those who need a real signal.
 */
export class Cancellation {
  #cancelled = false
  /** In order; few, so that looking for one is cheaper than keeping a set. */
  #listeners: (() => void)[] | undefined
  #controller: AbortController | undefined

  get cancelled(): boolean {
    return this.#cancelled
  }

  /** For interfaces that take a signal. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#cancelled) this.#controller.abort()
    }
    return this.#controller.signal
  }

  /** Idempotent. */
  cancel(): void {
    if (this.#cancelled) return
    this.#cancelled = true
    const listeners = this.#listeners
    this.#listeners = undefined
    this.#controller?.abort()
    for (const listener of listeners ?? []) listener()
  }

  /** Calls once when cancelled: at once, if it is already. */
  listen(listener: () => void): void {
    if (this.#cancelled) return listener()
    if (!this.#listeners) this.#listeners = [listener]
    else if (!this.#listeners.includes(listener)) this.#listeners.push(listener)
  }

  unlisten(listener: () => void): void {
    const at = this.#listeners?.indexOf(listener) ?? -1
    if (at >= 0) this.#listeners?.splice(at, 1)
  }
}
