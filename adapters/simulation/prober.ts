import type { Probe } from '../../pipeline/index.ts'

/** Bytes of a probe's frame besides what it carries. */
const header = 100
/** As `transfer()` probes by default: ms of silence, the share of what was captured, and what is allowed before that. */
const [every, share, first] = [5000, 0.01, 4096]
/** Bytes from which a probe tells a rate, and at most; ms that one may take by what is known. */
const [telling, mostTelling, longest] = [16 * 1024, 64 * 1024, 100]
/** ms that an answer is waited for, besides what is known of the way: three beats. */
const patience = 750

export interface ProberOptions {
  /** Sends so many bytes up, and hears of the answer: ms until then. */
  send(bytes: number, answered: (up: number, down: number) => void): void
  after(ms: number, then: () => void): void
  now(): number
  /** What is known of the way, ms per byte; undefined: nothing. */
  msPerByte(): number | undefined
  /** What was found. */
  found(probe: Probe, up: number, down: number): void
  failed(probe: Probe): void
}

/** Probes the way to the cloud as the pipeline does: while nothing crosses it, a tiny one, and one that tells the rate. */
export class Prober {
  readonly #options: ProberOptions
  #allowed = first
  #spent = 0
  #tried = Number.NEGATIVE_INFINITY
  /** When the cloud was last heard of, ms; undefined: never. */
  #heard: number | undefined
  #asking = false

  constructor(options: ProberOptions) {
    this.#options = options
  }

  /** The cloud has answered. */
  heard(): void {
    this.#heard = this.#options.now()
  }

  /** A frame of so many bytes was captured, and crosses or does not. */
  passed(bytes: number, crosses: boolean): void {
    const now = this.#options.now()
    this.#allowed += share * bytes
    if (this.#asking || now - this.#tried < every) return
    if (this.#heard === undefined ? crosses : now - this.#heard <= every) return
    this.#tried = now
    this.#send(0)
  }

  #send(carried: number): void {
    const { send, after, now, msPerByte, found, failed } = this.#options
    const bytes = carried + header
    if (this.#spent + bytes > this.#allowed) return
    this.#spent += bytes
    this.#asking = true
    const sent = now()
    let open = true
    const probe = (answered: boolean): Probe => ({ node: 'cloud', bytes, ms: now() - sent, answered, now: now() })
    send(bytes, (up, down) => {
      if (!open) return
      open = this.#asking = false
      this.heard()
      found(probe(true), up, down)
      const inTime = Math.max(telling, Math.floor(longest / (msPerByte() ?? 1 / 250)))
      const left = Math.min(mostTelling, inTime, Math.floor(this.#allowed - this.#spent) - header)
      if (carried === 0 && left >= telling) this.#send(left)
    })
    after(patience + 2 * bytes * (msPerByte() ?? 1 / 250), () => {
      if (!open) return
      open = this.#asking = false
      failed(probe(false))
    })
  }
}
