import TinyQueue from 'tinyqueue'
import type { Clock, Timer } from '../../pipeline/index.ts'

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
  return new Virtual()
}

/** Cancelled timers from which on it is worth looking for them. */
const fewest = 256
/** Timers fired in a row before the process's own timers and sockets get their turn. */
const burst = 256
/** Turns of the event loop that work may take without waiting for a timer. */
const patience = 10

class Virtual implements VirtualClock {
  #now = 0
  #order = 0
  #cancelled = 0
  #timers = queued([])
  #yielded: (() => void)[] = []
  #fired = 0

  now(): number {
    return this.#now
  }

  after(ms: number, ring: () => void): Timer {
    const timer = new Waiting(this.#now + Math.max(0, ms), this.#order++, ring, this)
    this.#timers.push(timer)
    return timer
  }

  yield(then: () => void): void {
    this.#yielded.push(then)
  }

  get pending(): number {
    return this.#timers.length - this.#cancelled
  }

  drive<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let over = false
      const end = () => {
        over = true
      }
      work.then(end, end)
      let idle = 0
      const step = () => {
        if (over) return resolve(work)
        try {
          if (this.#pass()) idle = 0
          else if (++idle > patience) throw new Error('Virtual time stands still: the work waits for no timer.')
        } catch (error) {
          return reject(error)
        }
        if (idle > 0 || this.#fired >= burst) {
          this.#fired = 0
          setImmediate(step)
        } else afterMicrotasks(step)
      }
      setImmediate(step)
    })
  }

  /** A timer that waited does so no longer. */
  cancelled(): void {
    this.#cancelled++
    // Most timers are deadlines that never come: they must not wait for their time to be forgotten.
    if (this.#cancelled < fewest || 2 * this.#cancelled < this.#timers.length) return
    this.#timers = queued(this.#timers.data.filter(({ ring }) => ring !== undefined))
    this.#cancelled = 0
  }

  /** Lets happen what is next: what let others go first, else the timers of the next moment. False when there is nothing. */
  #pass(): boolean {
    if (this.#yielded.length > 0) {
      for (const then of this.#yielded.splice(0)) then()
      return true
    }
    let passed = false
    for (let next = this.#timers.peek(); next && !(passed && next.at > this.#now); next = this.#timers.peek()) {
      this.#timers.pop()
      const { ring } = next
      if (ring === undefined) {
        this.#cancelled--
        continue
      }
      next.ring = undefined
      this.#now = next.at
      passed = true
      this.#fired++
      // Timers of one moment need no turn between them: they would not have had one on a real clock.
      ring()
    }
    return passed
  }
}

class Waiting implements Timer {
  readonly at: number
  readonly order: number
  ring: (() => void) | undefined
  readonly #clock: Virtual

  constructor(at: number, order: number, ring: () => void, clock: Virtual) {
    this.at = at
    this.order = order
    this.ring = ring
    this.#clock = clock
  }

  cancel(): void {
    if (this.ring === undefined) return
    this.ring = undefined
    this.#clock.cancelled()
  }
}

const queued = (waiting: Waiting[]) => new TinyQueue(waiting, (a, b) => a.at - b.at || a.order - b.order)

/** Calls when all promises have had their say: ticks come behind the microtasks among which they were asked for. */
function afterMicrotasks(then: () => void): void {
  void settled.then(() => process.nextTick(then))
}

/** A tenth of what `queueMicrotask` costs. */
const settled = Promise.resolve()
