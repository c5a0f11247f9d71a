/** Milliseconds after which nobody waits for an answer any more. */
const forgotten = 10_000
/** Waited for so many times longer than expected, a message says that the way has become slower. */
const patient = 2
/** Crossings remembered. */
const most = 64

interface Crossing {
  readonly id: string
  /** Where it was sent, as far as anybody knew. */
  readonly edge: string | undefined
  readonly bytes: number
  /** Local clock, ms: when it was to leave the device. */
  readonly left: number
  /** Milliseconds from there to the answer, as expected. */
  readonly takes: number
}

/**
 * What was sent and has not been answered. How long it has been waited for tells that a way has become slower before any
 * outcome does, and what is still on its way holds up what is sent behind it, even where nobody wants its answer any more.
 */
export class Unanswered {
  #crossings: Crossing[] = []

  /** So many bytes were to leave for an edge at local time `left`, and to be answered after `takes` ms. */
  sent(id: string, edge: string | undefined, bytes: number, left: number, takes: number): void {
    this.#crossings = this.#crossings.filter((one) => one.id !== id)
    this.#crossings.push({ id, edge, bytes, left, takes })
    if (this.#crossings.length > most) this.#crossings.shift()
  }

  /** It was answered: so has left whatever had left before it. */
  answered(id: string): void {
    const at = this.#crossings.findIndex((one) => one.id === id)
    if (at >= 0) this.#crossings.splice(0, at + 1)
  }

  /** It was not answered, and the way is not to blame. */
  ended(id: string): void {
    this.#crossings = this.#crossings.filter((one) => one.id !== id)
  }

  /** Everything that had left before a local time has arrived. */
  through(before: number): void {
    this.#crossings = this.#crossings.filter(({ left }) => left >= before)
  }

  /** How many times slower than expected the way to an edge is at least: 1 where nothing is late. */
  slower(now: number, edge: string | undefined): number {
    this.#forget(now)
    let most = 1
    for (const { edge: to, left, takes } of this.#crossings) {
      if (to !== edge) continue
      const waited = now - left
      if (waited > patient * takes) most = Math.max(most, waited / Math.max(1, takes))
    }
    return most
  }

  /** Milliseconds that what is sent now waits for what was sent before, at so many ms a byte. */
  wait(now: number, byte: number): number {
    let free = Number.NEGATIVE_INFINITY
    for (const { left, bytes } of this.#crossings) free = Math.max(free, left) + byte * bytes
    return Math.max(0, free - now)
  }

  #forget(now: number): void {
    if (this.#crossings.length > 0 && now - (this.#crossings[0] as Crossing).left > forgotten) this.#crossings.shift()
  }
}
