import type { Frame } from './frame.ts'
import type { ReplayReport } from './policy.ts'

/** Counts what becomes of the frames of a replay. */
export class Tally {
  #dropped = 0
  #onTime = 0
  #right = 0
  #latency = 0
  #sent = 0
  #ended = 0

  drop(): void {
    this.#dropped++
  }

  /** @param now ms from the begin */
  settle({ onTime, right, latency, sent }: Frame, now: number): void {
    this.#ended = now
    if (onTime) this.#onTime++
    if (onTime && right) this.#right++
    this.#latency += latency
    this.#sent += sent
  }

  report(frames: number): ReplayReport {
    const answered = Math.max(1, frames - this.#dropped)
    return {
      frames,
      dropped: this.#dropped,
      onTime: this.#onTime,
      right: this.#right,
      latency: this.#latency / answered,
      sentBytes: this.#sent / answered,
      ms: this.#ended,
    }
  }
}
