/**
 * Whether one half can do its work. A part that cannot, and says so, takes the half out of service until it can: messages
 * go to others meanwhile.
 */
export class Health {
  readonly #ill = new Map<string, string>()
  readonly #listeners = new Set<() => void>()

  /** Why it cannot; undefined while it can. */
  get reason(): string | undefined {
    const [first] = this.#ill.values()
    return first
  }

  /** A part cannot work. @param reason a sentence */
  fails(part: string, reason: string): void {
    this.#change(() => this.#ill.set(part, reason))
  }

  /** A part works, again or still. */
  works(part: string): void {
    if (this.#ill.has(part)) this.#change(() => this.#ill.delete(part))
  }

  /** Calls when the reason comes or goes. @returns ends that */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #change(change: () => void): void {
    const before = this.reason
    change()
    if (this.reason !== before) for (const listener of [...this.#listeners]) listener()
  }
}
