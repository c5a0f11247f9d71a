/** Weight of the newest message. */
const rate = 0.2
/** Kinds of messages told apart; of more, the oldest is learned anew. */
const most = 256
/** Shorter stays say nothing but how coarse the clock is, ms. */
const shortest = 0.05

interface Alone {
  ms: number
  /** It was seen alone; else the least that its work took beside others stands for that. */
  seen: boolean
}

/**
 * K of a node: how many times longer a message stays than one of its kind that is there alone, waiting included. What a
 * kind takes alone is the smoothed stay of those that shared the node with no other; K is the smoothed ratio, in the
 * logarithm, over all kinds. A model's load is not counted: that is the cache's affair, not the load's.
 */
export class Crowding {
  readonly #alone = new Map<string, Alone>()
  #log = 0

  /** K ≥ 1; 1 before anything was seen. */
  get slowdown(): number {
    return Math.max(1, Math.exp(this.#log))
  }

  /**
   * Learns of a message that has left.
   * @param kind what takes alike: its model and the form it came in
   * @param stay milliseconds it was here, without loads
   * @param queued milliseconds of them that it waited for an executor
   * @param alone no other was here meanwhile
   */
  observe(kind: string, stay: number, queued: number, alone: boolean): void {
    if (!(stay > 0) || !Number.isFinite(stay)) return
    let known = this.#alone.get(kind)
    if (!known) {
      const [oldest] = this.#alone.size >= most ? this.#alone.keys() : []
      if (oldest !== undefined) this.#alone.delete(oldest)
      known = { ms: Number.POSITIVE_INFINITY, seen: false }
      this.#alone.set(kind, known)
    }
    if (alone) {
      known.ms = known.seen ? known.ms + rate * (stay - known.ms) : stay
      known.seen = true
    } else if (!known.seen) known.ms = Math.min(known.ms, Math.max(0, stay - queued))
    const ratio = Math.max(stay, shortest) / Math.max(known.ms, shortest)
    this.#log += rate * (Math.log(ratio) - this.#log)
  }
}
