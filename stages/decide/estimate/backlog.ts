/** Milliseconds after which work is taken to be done, or to have been given up. */
const forgotten = 10_000
/** Pieces of work remembered. */
const most = 64

interface Work {
  readonly id: string
  readonly model: string
  /** The part of the model's time, 0…1. */
  readonly share: number
  /** Local clock, ms: when it is ready to run. */
  readonly ready: number
}

/**
 * Runs that a device was given and nobody has seen the end of. What they take is asked for anew each time: a run that turns
 * out to be slow has been slow for everything that waits behind it.
 */
export class Backlog {
  #work: Work[] = []

  /** Runs there are. */
  get length(): number {
    return this.#work.length
  }

  /** A share of a model is to run from a local time on. */
  add(id: string, model: string, share: number, ready: number): void {
    this.#work.push({ id, model, share, ready })
    if (this.#work.length > most) this.#work.shift()
  }

  /** It has run, or never will. */
  done(id: string): void {
    if (this.#work.length > 0) this.#work = this.#work.filter((work) => work.id !== id)
  }

  /** It is not wanted any more: what runs runs to its end, what waits never begins. */
  givenUp(id: string): void {
    if (this.#work.length > 0) this.#work = this.#work.filter((work, at) => at === 0 || work.id !== id)
  }

  /** It is not needed: nothing if it has begun at local time `now`. */
  spared(id: string, now: number): void {
    if (this.#work.length > 0) this.#work = this.#work.filter((work) => work.id !== id || work.ready <= now)
  }

  /** Milliseconds until what is ready at local time `now` has run. @param takes ms of a whole run of a model */
  wait(now: number, takes: (model: string) => number): number {
    let free = Number.NEGATIVE_INFINITY
    for (const { model, share, ready } of this.#work) {
      if (ready > now) continue
      free = Math.max(free, ready) + share * takes(model)
    }
    this.#work =
      this.#work.length > 0 && now - (this.#work[0] as Work).ready > forgotten ? this.#work.slice(1) : this.#work
    return Math.max(0, free - now)
  }
}
