import { z } from 'zod'
import { restored } from './restore.ts'

const saved = z.strictObject({ log: z.number(), spread: z.number().min(0), drift: z.number().min(0) })

export interface SlowdownOptions {
  /** Variance of one observation of ln ξ. Default 0.02: about 14 %. */
  readonly noise?: number
  /** Least variance by which ln ξ may wander from one observation to the next. Default 0.001. */
  readonly drift?: number
  /** Variance of ln ξ before the first observation. Default 1. */
  readonly prior?: number
}

/**
 * How many times slower than predicted everything is on one resource (the device, the uplink, the cloud): one observation
 * of any model informs the prediction of all. A Kalman filter on ln ξ, whose drift grows with its own surprise
 * (Q ← max(Q₀, 0.3 Q + 0.7 (K y)²)) as ALERT has it; in the logarithm a tenth and ten times are equally far.
 */
export class Slowdown {
  readonly #noise: number
  readonly #least: number
  #log = 0
  #spread: number
  #drift: number

  constructor({ noise = 0.02, drift = 0.001, prior = 1 }: SlowdownOptions = {}) {
    this.#noise = noise
    this.#least = drift
    this.#drift = drift
    this.#spread = prior
  }

  /** ξ: what a prediction is to be multiplied with. 1 before the first observation. */
  get factor(): number {
    return Math.exp(this.#log)
  }

  /** Standard deviation of ln ξ: relative, for small values. √prior before the first observation. */
  get deviation(): number {
    return Math.sqrt(this.#spread)
  }

  /**
   * Learns that what was predicted (without the factor) to take so long took so long. Ignores what is not above 0.
   * @param doubt variance of ln(predicted): what a prediction that is but a guess gets wrong is its own fault
   */
  observe(predicted: number, observed: number, doubt = 0): void {
    const ratio = observed / predicted
    if (!(ratio > 0) || !Number.isFinite(ratio)) return
    const error = Math.log(ratio) - this.#log
    const noise = this.#noise + doubt
    const before = this.#spread + this.#least
    // What the filter would make of this error as it is tells how far things seem to have moved.
    const moved = (before / (before + noise)) * error
    this.#drift = Math.max(this.#least, 0.3 * this.#drift + 0.7 * moved * moved)
    const prior = this.#spread + this.#drift
    const gain = prior / (prior + noise)
    this.#log += gain * error
    this.#spread = (1 - gain) * prior
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return { log: this.#log, spread: this.#spread, drift: this.#drift }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { log, spread, drift } = restored(saved, from, 'a slowdown')
    this.#log = log
    this.#spread = spread
    this.#drift = drift
  }
}

/** One slowdown for each resource. */
export type Resource = 'device' | 'uplink' | 'cloud'

const savedAll = z.strictObject({ device: z.unknown(), uplink: z.unknown(), cloud: z.unknown() })

/** The slowdowns of device, uplink and cloud. */
export class Slowdowns {
  readonly device: Slowdown
  readonly uplink: Slowdown
  readonly cloud: Slowdown

  constructor(options?: SlowdownOptions) {
    this.device = new Slowdown(options)
    this.uplink = new Slowdown(options)
    this.cloud = new Slowdown(options)
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof savedAll> {
    return { device: this.device.save(), uplink: this.uplink.save(), cloud: this.cloud.save() }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { device, uplink, cloud } = restored(savedAll, from, 'slowdowns')
    this.device.restore(device)
    this.uplink.restore(uplink)
    this.cloud.restore(cloud)
  }
}
