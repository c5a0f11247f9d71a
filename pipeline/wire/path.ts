/** Nothing that takes longer is worth telling, ms. */
const longest = 600_000

/**
 * What one sender has learned of its way to the other side: the shortest round trip and the rate at which chunks were
 * acknowledged. The delivery rate is taken as BBR takes it: bytes acknowledged between a chunk's departure and its
 * acknowledgement, over that time.
 */
export class Path {
  #rtt: number | undefined
  /** Recent delivery rates, bytes/ms; the largest counts, old ones leave. */
  readonly #rates: number[] = []

  /** Shortest round trip of a small message, ms; undefined before the first. */
  get rtt(): number | undefined {
    return this.#rtt
  }

  /** Uplink, bytes/ms; undefined before the first chunk was acknowledged. */
  get rate(): number | undefined {
    return this.#rates.length === 0 ? undefined : Math.max(...this.#rates)
  }

  /** A small message was answered after `ms`. */
  observeRtt(ms: number): void {
    // Drifts up by 1 % per sample, so that a longer path is believed after a while.
    this.#rtt = this.#rtt === undefined ? ms : Math.min(ms, this.#rtt * 1.01)
  }

  observeRate(bytes: number, ms: number): void {
    if (ms <= 0) return
    this.#rates.push(bytes / ms)
    if (this.#rates.length > 10) this.#rates.shift()
  }

  /** Chunks to keep in flight: 1.25 × rate × round trip, at least two, at most 64. */
  inFlight(chunkBytes: number): number {
    const { rate, rtt } = this
    if (rate === undefined || rtt === undefined) return 2
    return Math.min(64, Math.max(2, Math.ceil((1.25 * rate * rtt) / chunkBytes)))
  }

  /** What the other side may be told: the round trip, and what sending so many bytes takes; undefined while unknown. */
  expects(bytes: number): { readonly rtt: number; readonly upload: number } | undefined {
    const { rate, rtt } = this
    if (rate === undefined && (rtt === undefined || bytes > 4096)) return undefined
    const upload = rate === undefined ? 0 : bytes / rate
    return { rtt: Math.min(rtt ?? 0, longest), upload: Math.min(upload, longest) }
  }

  /**
   * Milliseconds that sending so many bytes may take: at the slowest of the recent rates, for who gives up too early sends
   * all of it once more. On an unknown path 2 Mbit/s are assumed.
   */
  uploadTime(bytes: number): number {
    return bytes / (this.#rates.length === 0 ? 250 : Math.min(...this.#rates))
  }
}
