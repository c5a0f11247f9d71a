import type { Conversation, Delivery, RequestOptions } from '../../pipeline/index.ts'

/** The asking side of one request. */
export class MemoryConversation implements Conversation {
  readonly #options: RequestOptions
  readonly #fault: (error: Error) => void
  readonly #ended: (conversation: MemoryConversation) => void
  #open = true

  constructor(
    options: RequestOptions,
    fault: (error: Error) => void,
    ended: (conversation: MemoryConversation) => void,
  ) {
    this.#options = options
    this.#fault = fault
    this.#ended = ended
  }

  /** Hands one reply to the asker, unless it has heard enough. */
  receive(reply: Delivery): void {
    if (this.#open) this.#guard(() => this.#options.onReply(reply))
  }

  /** Ends the conversation with an error, unless it has ended. */
  fail(error: Error): void {
    if (!this.#open) return
    this.close()
    this.#guard(() => this.#options.onError(error))
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#ended(this)
  }

  /** A callback that throws must not stop the deliveries to others. */
  #guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#fault(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
