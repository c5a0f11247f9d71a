import type { Location } from './location.ts'

/** An attempt under way. */
export interface Underway {
  readonly attempt: number
  readonly location: Location
  /** Local clock, ms: when it was decided, is expected to end, and its message runs out of time. */
  readonly from: number
  readonly ends: number
  readonly expires: number
}

/** Attempts remembered at most; the oldest is forgotten. */
const most = 1024

/** The attempts that were decided and have not ended, by message, and how long this side is busy with those it runs. */
export class Pending {
  readonly #underway = new Map<string, Underway>()
  #here = 0
  #until = Number.NEGATIVE_INFINITY

  /** Remembers an attempt; another one of the same message must have been forgotten. */
  add(id: string, underway: Underway): void {
    if (this.#underway.size >= most) {
      const [oldest] = this.#underway.keys()
      if (oldest !== undefined) this.forget(oldest)
    }
    this.#underway.set(id, underway)
    if (underway.location.target !== undefined) return
    this.#here++
    this.#until = Math.max(this.#until, underway.ends)
  }

  /** The attempt, which is over; undefined when it was not decided here. */
  take(id: string, attempt: number): Underway | undefined {
    return this.#underway.get(id)?.attempt === attempt ? this.forget(id) : undefined
  }

  /** Milliseconds until this side has nothing left to run, as far as that was predicted. */
  busy(now: number): number {
    return this.#here === 0 ? 0 : Math.max(0, this.#until - now)
  }

  /** A message is decided anew: whatever it did before is over. */
  forget(id: string): Underway | undefined {
    const underway = this.#underway.get(id)
    if (!underway) return undefined
    this.#underway.delete(id)
    if (underway.location.target === undefined && --this.#here === 0) this.#until = Number.NEGATIVE_INFINITY
    return underway
  }
}
