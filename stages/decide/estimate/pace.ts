/** Crossings remembered. */
const keep = 256
/** What is unusual fades, before anything was learned of how long it lasts: all but 1/e of it in so many ms. */
const fades = 2000
/** What is assumed counts as so many crossings that followed on the same. */
const weight = 2
/** Standard deviation of a pace, on its scale, before anything was learned. */
const assumed = 0.3
/** Paces no further apart on their scale are alike, and ages that differ by no more than this factor. */
const [alike, span] = [0.3, 2.5]
/** Milliseconds: what is newer is as good as new. */
const fresh = 50

/**
 * How many times as long as usual a way takes now, learned from what followed on the same in its own past. Of each crossing
 * before, the one sent about as long after its answer as it is now since the last answer; those that were as fast or slow as
 * the last one count the more (a kernel regression, Nadaraya and Watson, 1964), beside an assumption that what is unusual
 * fades within seconds. Paces are kept as φ = r ÷ (1 + |r|) of r = ln(took ÷ usual): an outage is no further from what is
 * usual than can be, so that one does not outweigh all that came before.
 */
export class Pace {
  // Local clock, ms: when each was sent and answered, oldest at `next` once the ring is full.
  readonly #sent = new Float64Array(keep)
  readonly #came = new Float64Array(keep)
  readonly #pace = new Float64Array(keep)
  #count = 0
  #next = 0
  /** When it was last worked out; NaN: not since something was observed. */
  #at = Number.NaN
  #mean = 0
  #deviation = assumed

  /** Learns that a crossing sent and answered at these local times, ms, took so many times as long as usual. */
  observe(sent: number, came: number, times: number): void {
    const r = Math.log(times)
    if (!Number.isFinite(r)) return
    const i = this.#next
    this.#sent[i] = sent
    this.#came[i] = came
    this.#pace[i] = r / (1 + Math.abs(r))
    this.#next = (i + 1) % keep
    if (this.#count < keep) this.#count++
    this.#at = Number.NaN
  }

  /** Works out what is expected of a crossing that is sent at local time `now`, ms. */
  at(now: number): void {
    if (now === this.#at) return
    this.#at = now
    const count = this.#count
    const [sents, cames, paces] = [this.#sent, this.#came, this.#pace]
    const first = count < keep ? 0 : this.#next
    const last = (this.#next + keep - 1) % keep
    const latest = count > 0 ? (paces[last] as number) : 0
    const age = count > 0 ? Math.max(fresh, now - (cames[last] as number)) : Number.POSITIVE_INFINITY
    const prior = latest * Math.exp(-age / fades)
    let w = weight
    let sum = weight * prior
    let squares = weight * (prior * prior + assumed * assumed)
    let j = 1
    for (let i = 0; i + 1 < count; i++) {
      const before = (first + i) % keep
      if (j <= i) j = i + 1
      const came = cames[before] as number
      while (j + 1 < count && (sents[(first + j) % keep] as number) < came + age) j++
      const off = ((paces[before] as number) - latest) / alike
      if (off > 1 || off < -1) continue
      // The nearer of the two sent about that long after it.
      let after = (first + j) % keep
      let gap = Math.max(fresh, (sents[after] as number) - came)
      if (j > i + 1) {
        const sooner = (first + j - 1) % keep
        const own = Math.max(fresh, (sents[sooner] as number) - came)
        if (age - own < gap - age) {
          after = sooner
          gap = own
        }
      }
      if (gap > span * age || span * gap < age) continue
      const own = 1 - off * off
      const pace = paces[after] as number
      w += own
      sum += own * pace
      squares += own * pace * pace
    }
    const mean = sum / w
    this.#mean = mean / (1 - Math.abs(mean))
    // On the scale of r: dr/dφ = (1 + |r|)².
    this.#deviation = Math.sqrt(Math.max(0, squares / w - mean * mean)) * (1 + Math.abs(this.#mean)) ** 2
  }

  /** Times as long as usual that a crossing is expected to take. */
  get factor(): number {
    return Math.exp(this.#mean)
  }

  /** Standard deviation of its logarithm. */
  get deviation(): number {
    return this.#deviation
  }
}
