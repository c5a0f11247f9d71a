/** What is known of a model's use and cost, loaded or not. What policies decide by. */
export interface ModelUse {
  readonly key: string
  /** Measured, else predicted. */
  readonly bytes: number
  /** Milliseconds of a load: measured, else predicted. */
  readonly loadMs: number
  /** Smoothed milliseconds of a run; undefined before the first. */
  readonly runMs: number | undefined
  readonly requests: number
  /** Requests since it last went out of memory. */
  readonly requestsSinceEviction: number
  /** When it was last asked for, or first heard of. */
  readonly lastUsed: number
  /** Smoothed milliseconds between requests; undefined before the second. */
  readonly interArrival: number | undefined
}

/** How quickly the smoothed time between two requests follows: half the weight is on the last seven. */
const interArrivalRate = 0.1

/** How quickly costs that are measured again and again follow. */
const costRate = 0.5

/** Counts one model's requests and keeps its costs. */
export class UseRecord implements ModelUse {
  readonly key: string
  bytes: number
  loadMs: number
  runMs: number | undefined
  requests = 0
  requestsSinceEviction = 0
  lastUsed: number
  interArrival: number | undefined

  constructor(key: string, bytes: number, loadMs: number, now: number) {
    this.key = key
    this.bytes = bytes
    this.loadMs = loadMs
    this.lastUsed = now
  }

  used(now: number): void {
    if (this.requests > 0) {
      const gap = now - this.lastUsed
      // The mean of what there is, until there is enough to smooth.
      const rate = Math.max(interArrivalRate, 1 / this.requests)
      this.interArrival = this.interArrival === undefined ? gap : this.interArrival + rate * (gap - this.interArrival)
    }
    this.requests += 1
    this.requestsSinceEviction += 1
    this.lastUsed = now
  }

  /** A run took so many milliseconds. */
  ran(ms: number): void {
    this.runMs = this.runMs === undefined ? ms : this.runMs + costRate * (ms - this.runMs)
  }

  /** A new version is used as the old one was. */
  inherit({ requests, interArrival, lastUsed }: ModelUse): void {
    if (requests <= this.requests) return
    this.requests = requests
    this.interArrival = interArrival
    this.lastUsed = lastUsed
  }

  evicted(): void {
    this.requestsSinceEviction = 0
  }
}

/**
 * Milliseconds until the next request, as far as can be told: what it usually takes, and at least as long as nobody
 * has asked (a model that was busy and fell silent ages).
 */
export function expectedWait(use: ModelUse, now: number): number {
  return Math.max(use.interArrival ?? 0, now - use.lastUsed, 1)
}
