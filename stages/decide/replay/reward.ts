/** What is known of a decision before it is taken: 1, megabytes, and the seconds they take on the uplink, if known. */
export const features = 3
/** How many arms are told apart; what comes above shares one. */
const mostArms = 4096
/** Doubt about a weight before anything was observed, as a variance. */
const doubt = 100

interface Arm {
  /** Inverse of the ridge-regularised normal matrix, row by row. */
  readonly inverse: Float64Array
  /** Weights of each metric, one after the other. */
  readonly weights: Float64Array
}

/**
 * Expected rewards of each arm, linear in the features: ridge regression by recursive least squares. Where predictions
 * are made before the same decision's outcome is learned, they are independent of it.
 */
export class RewardModel {
  readonly #arms = new Map<string, Arm>()
  readonly #all: Arm
  readonly #metrics: number
  readonly #gain = new Float64Array(features)

  /** @param metrics rewards learned side by side */
  constructor(metrics: number) {
    this.#metrics = metrics
    this.#all = fresh(metrics)
  }

  /** Writes what each metric is expected to be into `to`; of an arm never seen, what all arms gave on average. */
  predict(arm: string, x: Float64Array, to: Float64Array): void {
    const known = this.#arms.get(arm) ?? this.#all
    for (let metric = 0; metric < this.#metrics; metric++) {
      let sum = 0
      for (let i = 0; i < features; i++) sum += (known.weights[metric * features + i] as number) * (x[i] as number)
      to[metric] = sum
    }
  }

  observe(arm: string, x: Float64Array, rewards: Float64Array): void {
    let known = this.#arms.get(arm)
    if (!known) {
      known = fresh(this.#metrics)
      if (this.#arms.size < mostArms) this.#arms.set(arm, known)
    }
    this.#learn(known, x, rewards)
    this.#learn(this.#all, x, rewards)
  }

  /** Sherman–Morrison: A⁻¹ ← A⁻¹ − (A⁻¹x)(A⁻¹x)ᵀ / (1 + xᵀA⁻¹x), and θ ← θ + A⁻¹x (r − θᵀx) with the new A⁻¹. */
  #learn({ inverse, weights }: Arm, x: Float64Array, rewards: Float64Array): void {
    const gain = this.#gain
    let norm = 1
    for (let i = 0; i < features; i++) {
      let sum = 0
      for (let j = 0; j < features; j++) sum += (inverse[i * features + j] as number) * (x[j] as number)
      gain[i] = sum
      norm += sum * (x[i] as number)
    }
    for (let i = 0; i < features; i++) {
      for (let j = 0; j < features; j++) {
        const at = i * features + j
        inverse[at] = (inverse[at] as number) - ((gain[i] as number) * (gain[j] as number)) / norm
      }
    }
    for (let metric = 0; metric < this.#metrics; metric++) {
      let error = rewards[metric] as number
      for (let i = 0; i < features; i++) error -= (weights[metric * features + i] as number) * (x[i] as number)
      for (let i = 0; i < features; i++) {
        const at = metric * features + i
        weights[at] = (weights[at] as number) + ((gain[i] as number) / norm) * error
      }
    }
  }
}

function fresh(metrics: number): Arm {
  const inverse = new Float64Array(features * features)
  for (let i = 0; i < features; i++) inverse[i * features + i] = doubt
  return { inverse, weights: new Float64Array(metrics * features) }
}
