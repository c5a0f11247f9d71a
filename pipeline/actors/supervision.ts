import { z } from 'zod'
import type { Clock, Timer } from '../clock.ts'
import { readOptions } from '../options.ts'

/*
 * The one rule by which anything here is tried again: how pauses grow, how many restarts there are, how good time gives
 * them back, what a child that is given up does to its owner. Whoever retries or restarts uses it.
 */

/** How the pauses between tries grow. */
export const backoffPolicy = z.strictObject({
  /** Pause after the first failure, ms. Default 50. */
  first: z.number().min(0).default(50),
  /** Each further one is so many times as long. Default 2. */
  factor: z.number().min(1).default(2),
  /** Longest pause, ms, without jitter. Default 5,000. */
  longest: z.number().min(0).default(5_000),
  /** Share of a pause that chance adds at most, so that what failed together does not return together. Default 0. */
  jitter: z.number().min(0).max(1).default(0),
})

/** How often and how fast something that failed is started again. */
export const restartPolicy = backoffPolicy.extend({
  /** Restarts in a row; one more failure, and it is given up. Default 5. */
  restarts: z.number().int().min(0).default(5),
  /** Milliseconds of running well that give all of them back, evenly. Default 60,000. */
  within: z.number().positive().default(60_000),
})

/** How long something that was given up rests before it is tried again: longer each time, until it has run well. */
export const restPolicy = z.strictObject({
  /** The first rest, ms. Default 10,000. */
  first: z.number().min(0).default(10_000),
  /** Each further one is so many times as long. Default 2. */
  factor: z.number().min(1).default(2),
  /** The longest, ms. Default 20,000: who is well again is back within half a minute. */
  longest: z.number().min(0).default(20_000),
})

export type BackoffPolicy = z.output<typeof backoffPolicy>
export type RestPolicy = z.output<typeof restPolicy>
export type RestartPolicy = z.output<typeof restartPolicy>

/**
 * The pause before the next try, ms.
 * @param failures in a row, this one included: 1 or more
 * @param random 0 ≤ x < 1, where the policy has jitter
 */
export function pauseAfter(failures: number, policy: Partial<BackoffPolicy>, random?: () => number): number {
  const { first = 50, factor = 2, longest = 5_000, jitter = 0 } = policy
  // No pause stays none, also where the power is past all numbers.
  const pause = first === 0 ? 0 : Math.min(longest, first * factor ** (failures - 1))
  return random === undefined ? pause : pause * (1 + jitter * random())
}

/** What can be an owner: an actor is. */
export interface Owner {
  /** It fails with this error, as if it had done so itself. */
  crash(error: unknown): void
  stop(): Promise<void>
}

/**
 * What a child that is given up does to its owner. `restart`: the owner fails with the same error, and its own supervision
 * decides · `stop`: the owner stops. Without one of them the child alone is unavailable; whoever asks it gets `ActorStopped`.
 */
export type Escalation = { readonly restart: Owner } | { readonly stop: Owner }

export interface SupervisionOptions {
  readonly restart?: Partial<RestartPolicy>
  /** How what is given up is tried again all the same. Default: never. */
  readonly rest?: Partial<RestPolicy> | undefined
  readonly clock: Clock
  /** 0 ≤ x < 1, for the policy's jitter. */
  readonly random?: () => number
}

/**
 * Decides after each failure of one child: start it again after a pause, or give it up. A failure costs one restart of the
 * budget; time that the child runs well gives restarts back, and shortens the pauses with them. Pauses give nothing back,
 * nor do starts that fail: what never runs is given up however slowly it is tried. Where there is a policy for that, what was
 * given up is tried again after a rest, with one restart that is given back as all are.
 */
export class Supervision {
  readonly #policy: RestartPolicy
  readonly #rest: RestPolicy | undefined
  readonly #clock: Clock
  readonly #random: (() => number) | undefined
  /** Rests in a row, without having run well for long in between. */
  #rests = 0
  /** Restarts used and not given back. */
  #used = 0
  #runningSince: number | undefined
  #restarts = 0
  #givenUp = false
  #closed = false
  #timer: Timer | undefined
  #endPause: ((again: boolean) => void) | undefined

  /** @throws BadConfiguration naming the option of the policy that is wrong */
  constructor({ restart = {}, rest, clock, random }: SupervisionOptions) {
    this.#rest = rest && readOptions(restPolicy, rest, 'what is supervised', 'rest')
    this.#policy = readOptions(restartPolicy, restart, 'what is supervised', 'restart')
    this.#clock = clock
    this.#random = random
  }

  /** Restarts granted so far. */
  get restarts(): number {
    return this.#restarts
  }

  /** Whether its budget is used up: it is not started again, or not before it has rested. */
  get givenUp(): boolean {
    return this.#givenUp
  }

  /** The child runs from now on. */
  started(): void {
    this.#runningSince = this.#clock.now()
  }

  /**
   * The child has failed, or could not be started. `givenUp` says at once what that comes to.
   * @returns resolves to true after the pause, when it is to be started again; to false when it is not
   */
  failed(): Promise<boolean> {
    const { restarts, within } = this.#policy
    const good = this.#runningSince === undefined ? 0 : this.#clock.now() - this.#runningSince
    this.#runningSince = undefined
    if (good >= within) this.#rests = 0
    this.#used = Math.max(0, this.#used - (good * restarts) / within) + 1
    if (this.#used > restarts) this.#givenUp = true
    if (this.#closed || (this.#givenUp && !this.#rest)) return Promise.resolve(false)
    if (!this.#givenUp || !this.#rest) {
      this.#restarts += 1
      return this.#pause(pauseAfter(Math.floor(this.#used), this.#policy, this.#random))
    }
    this.#used = restarts
    return this.#pause(pauseAfter(++this.#rests, this.#rest)).then((again) => {
      if (!again) return false
      this.#restarts += 1
      this.#givenUp = false
      return true
    })
  }

  #pause(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.#endPause = resolve
      this.#timer = this.#clock.after(ms, () => resolve(true))
    })
  }

  /** Starts nothing again: a pause ends at once. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#endPause?.(false)
  }
}
