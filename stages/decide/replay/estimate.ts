import { quantile } from 'simple-statistics'
import { Blocks } from './blocks.ts'
import { features, RewardModel } from './reward.ts'

/** What a policy is judged by, per decision. */
export const metrics = ['onTime', 'latency', 'accuracy', 'bytes'] as const
export type Metric = (typeof metrics)[number]

/** A mean, and the interval that holds it with 95 % (block bootstrap). */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** What is estimated of one metric, and what the log itself had; undefined where it cannot be told. */
export interface Estimates {
  readonly logged: Estimate | undefined
  /** The mean where the policy agreed with the log: right only if where it agrees is not where it is easy. */
  readonly matched: Estimate | undefined
  /** (1/n) Σ w r, with w = 1/chance where it agreed, else 0. */
  readonly ips: Estimate | undefined
  /** Σ w r ÷ Σ w. */
  readonly snips: Estimate | undefined
  /** (1/n) Σ r̂(x, policy's) + w (r − r̂(x, logged)). */
  readonly dr: Estimate | undefined
}

/** One decision whose outcome is known. */
export interface Evaluated {
  readonly agreed: boolean
  /** With which chance the log would have chosen as the policy does: 0…1. */
  readonly chance: number
  /** The arms, by any names. */
  readonly own: string
  readonly logged: string
  readonly x: Float64Array
  /** In the order of `metrics`. */
  readonly rewards: Float64Array
}

const resamples = 1000
/** Columns: n, agreed, Σw, Σw², and for each metric the sums of five means. */
const [N, AGREED, W, W2, FIRST] = [0, 1, 2, 3, 4] as const
const kinds = ['logged', 'matched', 'ips', 'dr'] as const
const column = (metric: number, kind: (typeof kinds)[number]) => FIRST + metric * kinds.length + kinds.indexOf(kind)

/** Sums what the estimators need over a stream of decisions. */
export class Estimators {
  readonly #blocks = new Blocks(FIRST + metrics.length * kinds.length)
  readonly #row = new Float64Array(FIRST + metrics.length * kinds.length)
  readonly #model = new RewardModel(metrics.length)
  readonly #ofOwn = new Float64Array(metrics.length)
  readonly #ofLogged = new Float64Array(metrics.length)
  #heaviest = 0

  /** Takes a decision; one that the log could not have taken has no weight. */
  add({ agreed, chance, own, logged, x, rewards }: Evaluated): void {
    const row = this.#row
    const weight = agreed && chance > 0 ? 1 / chance : 0
    this.#heaviest = Math.max(this.#heaviest, weight)
    row[N] = 1
    row[AGREED] = agreed ? 1 : 0
    row[W] = weight
    row[W2] = weight * weight
    // Before the outcome is learned from, so that the prediction owes nothing to it.
    this.#model.predict(own, x, this.#ofOwn)
    this.#model.predict(logged, x, this.#ofLogged)
    for (let metric = 0; metric < metrics.length; metric++) {
      const reward = rewards[metric] as number
      const at = column(metric, 'logged')
      row[at] = reward
      row[at + 1] = agreed ? reward : 0
      row[at + 2] = weight * reward
      row[at + 3] = (this.#ofOwn[metric] as number) + weight * (reward - (this.#ofLogged[metric] as number))
    }
    this.#model.observe(logged, x, rewards)
    this.#blocks.add(row)
  }

  /** Decisions taken, those agreed with, and (Σw)²/Σw²: of how many decisions of its own the weighted ones are worth. */
  get size(): {
    readonly decisions: number
    readonly agreed: number
    readonly effective: number
    readonly heaviest: number
  } {
    const sums = this.#blocks.totals()
    const [w, w2] = [sums[W] as number, sums[W2] as number]
    return {
      decisions: sums[N] as number,
      agreed: sums[AGREED] as number,
      effective: w2 > 0 ? (w * w) / w2 : 0,
      heaviest: this.#heaviest,
    }
  }

  /** @param weighted whether the weights mean anything */
  estimates(weighted: boolean, random: () => number): Readonly<Record<Metric, Estimates>> {
    const totals = this.#blocks.totals()
    const drawn = Array.from({ length: resamples }, () => this.#blocks.resampled(random))
    const mean = (at: number, by: number): Estimate | undefined => {
      const of = (sums: Float64Array) => (sums[at] as number) / (sums[by] as number)
      const value = of(totals)
      if (!Number.isFinite(value)) return undefined
      const values = drawn.map(of).filter(Number.isFinite)
      return { value, low: quantile(values, 0.025), high: quantile(values, 0.975) }
    }
    const one = (metric: number): Estimates => ({
      logged: mean(column(metric, 'logged'), N),
      matched: mean(column(metric, 'matched'), AGREED),
      ips: weighted ? mean(column(metric, 'ips'), N) : undefined,
      snips: weighted ? mean(column(metric, 'ips'), W) : undefined,
      dr: weighted ? mean(column(metric, 'dr'), N) : undefined,
    })
    return Object.fromEntries(metrics.map((metric, i) => [metric, one(i)])) as Record<Metric, Estimates>
  }
}

/** Features of a decision: see `features`. */
export function featuresOf(bytes: number, uplink: number | undefined, to: Float64Array): Float64Array {
  to[0] = 1
  to[1] = bytes / 1e6
  to[features - 1] = uplink === undefined || uplink <= 0 ? 0 : (8 * bytes) / uplink
  return to
}
