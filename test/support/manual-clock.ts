import type { Clock, Timer } from '../../pipeline/index.ts'

<<<<<<< HEAD
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
=======
/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Lets `ms` pass: due timers fire in order, and what they set off runs before the next one. */
  advance(ms: number): Promise<void>
  /** Timers that wait now. */
  readonly pending: number
}

export function manualClock(): ManualClock {
  let now = 0
  const timers = new Set<{ readonly at: number; readonly then: () => void }>()
  return {
    now: () => now,
    after(ms, then): Timer {
      const timer = { at: now + ms, then }
      timers.add(timer)
      return { cancel: () => void timers.delete(timer) }
    },
    get pending() {
      return timers.size
    },
    async advance(ms) {
      const end = now + ms
      await settled()
      while (true) {
        const [next] = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)
        if (next === undefined) break
        timers.delete(next)
        now = Math.max(now, next.at)
        next.then()
        await settled()
      }
      now = end
    },
  }
}

/** Everything that can happen without time passing has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
>>>>>>> engine
