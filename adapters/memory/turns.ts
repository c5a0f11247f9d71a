import { type Clock, yieldTo } from '../../pipeline/index.ts'

/** Deliveries made in a row before timers and sockets get their turn. */
const burst = 512

function done(): void {}

/** What follows it is a microtask, without the context that `queueMicrotask` makes for each. */
const settled = Promise.resolve()

/**
 * Runs what is queued later and in order: in microtasks, so that a message costs no timer; after a burst it goes on
 * behind the event loop's other work, so that a storm of messages starves no deadline.
 */
export class Turns {
  readonly #clock: Clock
  readonly #queue: (() => void)[] = []
  #next = 0
  #scheduled = false
  #spent = 0
  #refilling = false

  /** @param clock knows when others have had their turn */
  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Queues a job; it must not throw. */
  later(job: () => void): void {
    this.#queue.push(job)
    if (this.#scheduled) return
    this.#scheduled = true
    void settled.then(this.#run)
  }

  #run = (): void => {
    while (this.#next < this.#queue.length) {
      if (this.#spent++ >= burst) {
        yieldTo(this.#clock, this.#resume)
        return
      }
      const job = this.#queue[this.#next] as () => void
      // What was delivered must not be kept alive by its place in the queue.
      this.#queue[this.#next++] = done
      job()
    }
    this.#queue.length = 0
    this.#next = 0
    this.#scheduled = false
    this.#countTurn()
  }

  #resume = (): void => {
    this.#spent = 0
    if (this.#next * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#next)
      this.#next = 0
    }
    this.#run()
  }

  /** Once per turn of the event loop, forgets what was spent in it. */
  #countTurn(): void {
    if (this.#refilling) return
    this.#refilling = true
    yieldTo(this.#clock, this.#refill)
  }

  #refill = (): void => {
    this.#refilling = false
    this.#spent = 0
  }
}
