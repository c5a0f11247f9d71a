/** Deliveries made in a row before timers and sockets get their turn. */
const burst = 512

/** Behind the event loop's other work; browsers have no `setImmediate`. */
const behindOthers: (job: () => void) => void = globalThis.setImmediate ?? ((job) => setTimeout(job, 0))

function done(): void {}

/**
 * Runs what is queued later and in order: in microtasks, so that a message costs no timer; after a burst it goes on
 * behind the event loop's other work, so that a storm of messages starves no deadline.
 */
export class Turns {
  readonly #queue: (() => void)[] = []
  #next = 0
  #scheduled = false
  #spent = 0
  #refill: (() => void) | undefined

  /** Queues a job; it must not throw. */
  later(job: () => void): void {
    this.#queue.push(job)
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(this.#run)
  }

  #run = (): void => {
    while (this.#next < this.#queue.length) {
      if (this.#spent++ >= burst) {
        behindOthers(this.#resume)
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
    if (this.#refill) return
    this.#refill = () => {
      this.#refill = undefined
      this.#spent = 0
    }
    behindOthers(this.#refill)
  }
}
