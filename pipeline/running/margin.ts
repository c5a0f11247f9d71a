/** Before anything was seen, ms. */
const assumed = 4
const least = 1

/**
 * How long before its deadline a message must be settled to be in time: twice what timers and settling took at their
 * worst lately. A worst case is forgotten by a tenth with each that was better.
 */
export class Margin {
  readonly #most: number
  #worst = assumed / 2

  /** @param most milliseconds it may be at most */
  constructor(most: number) {
    this.#most = most
  }

  /** Milliseconds. */
  get ms(): number {
    return Math.min(this.#most, Math.max(least, 2 * this.#worst))
  }

  /** Settling came so many milliseconds after the moment it was meant for. */
  observe(ms: number): void {
    this.#worst = Math.max(ms, 0.9 * this.#worst)
  }
}
