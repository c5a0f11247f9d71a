import type { Clock } from './clock.ts'

/** How often and how fast something that crashed is started again. */
export interface RestartPolicy {
  /** Restarts allowed within `within` ms; one more escalates. */
  readonly restarts: number
  readonly within: number
  /** First pause before a restart, ms; each further one is `factor` times longer, up to `longest`. */
  readonly backoff: number
  readonly factor: number
  readonly longest: number
}

export const defaultRestartPolicy: RestartPolicy = {
  restarts: 5,
  within: 60_000,
  backoff: 50,
  factor: 2,
  longest: 5_000,
}

/** Decides after each crash: start again after a pause, or give up. */
export class RestartBudget {
  readonly #policy: RestartPolicy
  readonly #clock: Clock
  readonly #crashes: number[] = []
  #restarts = 0

  constructor(policy: Partial<RestartPolicy>, clock: Clock) {
    this.#policy = { ...defaultRestartPolicy, ...policy }
    this.#clock = clock
  }

  /** Restarts granted so far. */
  get restarts(): number {
    return this.#restarts
  }

  /** Milliseconds to wait before the restart, or undefined when the budget is used up. */
  crashed(): number | undefined {
    const { restarts, within, backoff, factor, longest } = this.#policy
    const now = this.#clock.now()
    while (this.#crashes.length > 0 && now - (this.#crashes[0] as number) > within) this.#crashes.shift()
    this.#crashes.push(now)
    if (this.#crashes.length > restarts) return undefined
    this.#restarts++
    return Math.min(longest, backoff * factor ** (this.#crashes.length - 1))
  }
}
