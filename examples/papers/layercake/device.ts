import { type Conditions, variant } from './data.ts'

/** One run on the device. */
export interface Job {
  readonly model: string
  /** Factor of this run's time. */
  readonly noise: number
  /** When it was asked for, ms. */
  readonly at: number
  /** Asked when its turn comes: whether anybody still waits for it. */
  readonly isWanted: () => boolean
  readonly done: (ran: { readonly queue: number; readonly load: number; readonly run: number }) => void
}

/** The device: one run at a time, first come first served, the least recently used variant leaves its memory. */
export class Device {
  readonly #conditions: Conditions
  readonly #after: (ms: number, then: () => void) => void
  readonly #now: () => number
  readonly #waiting: Job[] = []
  #held: readonly string[]
  #busy = false
  #ends = 0

  constructor(
    conditions: Conditions,
    held: readonly string[],
    time: { readonly now: () => number; readonly after: (ms: number, then: () => void) => void },
  ) {
    this.#conditions = conditions
    this.#held = held.slice(0, conditions.holds)
    this.#now = time.now
    this.#after = time.after
  }

  /** The variants it holds, most recently used first. */
  get held(): readonly string[] {
    return this.#held
  }

  /** ms until everything that it was asked for is expected to be done. */
  get wait(): number {
    const waiting = this.#waiting.reduce((sum, { model }) => sum + this.expected(model), 0)
    return waiting + (this.#busy ? Math.max(0, this.#ends - this.#now()) : 0)
  }

  /** ms that a variant is expected to take, with its load where it is not held. */
  expected(model: string): number {
    const { device, deviceLoad } = this.#conditions
    const { run, load } = variant(model)
    return run * device + (this.#held.includes(model) ? 0 : load * deviceLoad)
  }

  run(job: Job): void {
    this.#waiting.push(job)
    if (!this.#busy) this.#next()
  }

  #next(): void {
    const job = this.#waiting.shift()
    this.#busy = job !== undefined
    if (!job) return
    if (!job.isWanted()) return this.#next()
    const { device, deviceLoad, holds } = this.#conditions
    const { run, load } = variant(job.model)
    const loads = this.#held.includes(job.model) ? 0 : load * deviceLoad
    const runs = run * device * job.noise
    const queue = this.#now() - job.at
    this.#held = [job.model, ...this.#held.filter((model) => model !== job.model)].slice(0, holds)
    this.#ends = this.#now() + loads + runs
    this.#after(loads + runs, () => {
      job.done({ queue, load: loads, run: runs })
      this.#next()
    })
  }
}
