import { Cancelled, type QuintetError } from './errors.ts'

/**
 * Whether work is still wanted, and why not. Every message has one, and few are ever cancelled or asked: it costs a tenth of an
 * `AbortController`, and makes one only for those who need a real signal.
 */
export class Cancellation {
  #cancelled = false
  #reason: QuintetError | undefined
  /** In order; few, so that looking for one is cheaper than keeping a set. */
  #listeners: (() => void)[] | undefined
  #controller: AbortController | undefined

  get cancelled(): boolean {
    return this.#cancelled
  }

  /** What work ends as that was cancelled: `Cancelled`, where nobody said otherwise. */
  get reason(): QuintetError {
    this.#reason ??= new Cancelled()
    return this.#reason
  }

  /** For interfaces that take a signal; its reason is this one's. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#cancelled) this.#controller.abort(this.reason)
    }
    return this.#controller.signal
  }

  /**
   * Idempotent: the first one counts.
   * @param reason what the work is to end as: work whose time is over is late, and says so
   */
  cancel(reason?: QuintetError): void {
    if (this.#cancelled) return
    this.#cancelled = true
    this.#reason = reason
    const listeners = this.#listeners
    this.#listeners = undefined
    this.#controller?.abort(this.reason)
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
