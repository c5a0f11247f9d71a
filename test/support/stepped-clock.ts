import type { Clock, Timer } from '../../pipeline/index.ts'

/** A clock that a test moves. */
export class ManualClock implements Clock {
  #now = 0
  #timers: { at: number; then: () => void }[] = []

  now(): number {
    return this.#now
  }

  after(ms: number, then: () => void): Timer {
    const timer = { at: this.#now + ms, then }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((one) => one !== timer)
      },
    }
  }

  /** Moves on by `ms`, calling what comes due in its order. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const next = this.#timers.filter((one) => one.at <= until).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#timers = this.#timers.filter((one) => one !== next)
      this.#now = next.at
      next.then()
    }
    this.#now = until
  }
}
