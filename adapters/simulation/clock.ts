import TinyQueue from 'tinyqueue'
import type { Clock, Timer } from '../../pipeline/index.ts'

interface Waiting {
  readonly at: number
  readonly order: number
  ring: (() => void) | undefined
}

/** A clock whose time passes as fast as there is nothing left to do. */
export interface VirtualClock extends Clock {
  /**
   * Lets time pass, from timer to timer, until the work is done; what a timer sets off happens before the next one.
   * @throws Error nothing is left that could bring the work to its end
   */
  drive<T>(work: Promise<T>): Promise<T>
  /** Timers that wait now. */
  readonly pending: number
}

/**
 * Virtual time for real stages. Timers fire in order of time, those of one moment in the order they were set, so that a
 * run is the same every time.
 */
export function virtualClock(): VirtualClock {
  let now = 0
  let order = 0
  let cancelled = 0
  let timers = queued([])
  return {
    now: () => now,
    after(ms, ring): Timer {
      const waiting: Waiting = { at: now + Math.max(0, ms), order: order++, ring }
      timers.push(waiting)
      return {
        cancel() {
          if (waiting.ring === undefined) return
          waiting.ring = undefined
          cancelled++
          // Most timers are deadlines that never come: they must not wait for their time to be forgotten.
          if (cancelled < fewest || 2 * cancelled < timers.length) return
          timers = queued(timers.data.filter(({ ring: wanted }) => wanted !== undefined))
          cancelled = 0
        },
      }
    },
    get pending() {
      return timers.length - cancelled
    },
    async drive(work) {
      let over = false
      const end = () => {
        over = true
      }
      work.then(end, end)
      await othersTurn()
      while (!over) {
        const next = timers.pop()
        if (!next) {
          // What waits for nothing but the event loop gets a few turns more.
          for (let turn = 0; turn < 10 && !over && timers.length === 0; turn++) await othersTurn()
          if (!over && timers.length === 0) throw new Error('Virtual time stands still: the work waits for no timer.')
          continue
        }
        const { ring } = next
        if (ring === undefined) {
          cancelled--
          continue
        }
        next.ring = undefined
        now = next.at
        ring()
        // Timers of one moment need no turn between them: they would not have had one on a real clock.
        const following = timers.peek()
        if (following && following.at === now) continue
        await othersTurn()
      }
      return work
    },
  }
}

/** Cancelled timers from which on it is worth looking for them. */
const fewest = 256

const queued = (waiting: Waiting[]) => new TinyQueue(waiting, (a, b) => a.at - b.at || a.order - b.order)

/** Resolves when what needs no time has happened: microtasks, and what was put behind them. */
function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
