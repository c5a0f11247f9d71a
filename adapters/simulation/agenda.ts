import TinyQueue from 'tinyqueue'

interface Event<T> {
  at: number
  order: number
  step: (of: T) => void
  of: T
}

/**
 * What is to happen to what, in order of time; what is due at one moment happens in the order it was put down. Entries
 * are used again, so that a long run leaves nothing behind.
 */
export class Agenda<T> {
  readonly #events = new TinyQueue<Event<T>>([], (a, b) => a.at - b.at || a.order - b.order)
  readonly #unused: Event<T>[] = []
  #now = 0
  #order = 0

  /** The moment of what happens now, ms. */
  get now(): number {
    return this.#now
  }

  /** Puts down a step for a moment, ms; one that has passed is now. */
  put(at: number, step: (of: T) => void, of: T): void {
    const event = this.#unused.pop() ?? { at, order: 0, step, of }
    event.at = Math.max(at, this.#now)
    event.order = this.#order++
    event.step = step
    event.of = of
    this.#events.push(event)
  }

  /** Lets everything happen, what it sets off included. */
  run(): void {
    for (let event = this.#events.pop(); event; event = this.#events.pop()) {
      const { at, step, of } = event
      this.#unused.push(event)
      this.#now = at
      step(of)
    }
  }
}
