import type { Clock, Timer } from '../../pipeline/index.ts'

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
