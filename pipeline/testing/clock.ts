import { behindOthers, type Clock, type Timer } from '../clock.ts'

/** A clock that stands still until it is told to go on. */
export interface FakeClock extends Clock {
  /** Lets `ms` pass: due timers fire in order of time, and what each sets off runs before the next one. */
  advance(ms: number): Promise<void>
  /** Timers that wait now: 0 when nothing was left behind. */
  readonly pending: number
}

interface Waiting {
  readonly at: number
  readonly then: () => void
}

/**
 * Time that the test owns. Give it to whatever takes a `Clock`; nothing happens by itself.
 *
 *     const clock = fakeClock()
 *     const answer = actor.ask('anybody there?', 500)
 *     await clock.advance(500)
 *     await expect(answer).rejects.toThrow(DeadlineExceeded)
 *     expect(clock.pending).toBe(0)
 *
 * @param start what `now()` says at first, ms
 */
export function fakeClock(start = 0): FakeClock {
  let now = start
  const timers = new Set<Waiting>()
  // Timers of one moment fire in the order they were set: a set keeps it, and only an earlier one goes before.
  const due = (end: number) => {
    let first: Waiting | undefined
    for (const timer of timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer
    return first
  }
  return {
    now: () => now,
    after(ms, then): Timer {
      const timer = { at: now + Math.max(0, ms), then }
      timers.add(timer)
      return { cancel: () => void timers.delete(timer) }
    },
    get pending() {
      return timers.size
    },
    async advance(ms) {
      const end = now + ms
      await settled()
      for (let timer = due(end); timer; timer = due(end)) {
        timers.delete(timer)
        now = Math.max(now, timer.at)
        timer.then()
        await settled()
      }
      now = end
    },
  }
}

/**
 * Resolves when everything that needs no time has happened: promises have settled, messages in memory have arrived.
 *
 *     stage.push(message)
 *     await settled()
 *     expect(seen).toHaveLength(1)
 */
export function settled(): Promise<void> {
  return new Promise((resolve) => behindOthers(resolve))
}
