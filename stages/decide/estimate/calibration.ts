import { z } from 'zod'
import { restored } from './restore.ts'

const bins = 10
/** What is assumed of a bin, that a score is what it says, counts as so many answers that were checked. */
const weight = 4
/** Before any answer scores are taken to be spread as Beta(κ·A, κ·(1 − A)) with κ = 3; counts as so many answers. */
const prior = { concentration: 3, answers: 10 }
/** Answers counted before the newest begin to count for more. */
const horizon = 500

const numbers = z.array(z.number().min(0)).length(bins)
const saved = z.strictObject({ seen: numbers, checked: numbers, right: numbers })

/** What a score stands for: the share of answers with at least that score, and how often those and the others are right. */
export interface Acceptance {
  /** 0…1 */
  readonly share: number
  readonly accepted: number
  readonly rejected: number
}

/**
 * Accuracy of one model by the score it gives itself, in bins of a tenth. A bin starts as the score says, shifted so that
 * over all answers seen the mean is the model's accuracy; what was checked since (against the truth, or against a more
 * accurate model that answered the same message) counts against four answers' worth of that. How often it gives which score
 * is assumed as well, as ten answers' worth: good models are sure more often.
 */
export class Calibration {
  readonly #seen = new Float64Array(bins)
  readonly #checked = new Float64Array(bins)
  readonly #right = new Float64Array(bins)
  readonly #accuracy: number
  readonly #assumed: Float64Array
  /** By threshold, until something is learned. */
  readonly #acceptances: (Acceptance | undefined)[] = []
  #count = 0

  /** @param accuracy of the model over all answers, 0…1 */
  constructor(accuracy: number) {
    this.#accuracy = accuracy
    this.#assumed = spread(accuracy)
  }

  /** Answers seen, the newest so many hundred. */
  get count(): number {
    return this.#count
  }

  /** Learns that an answer had this score, 0…1. */
  see(score: number): void {
    if (!(score >= 0 && score <= 1)) return
    if (this.#count >= horizon) {
      for (let i = 0; i < bins; i++) this.#seen[i] = (this.#seen[i] as number) * (1 - 1 / horizon)
      this.#count -= 1
    }
    this.#acceptances.length = 0
    const bin = at(score)
    this.#seen[bin] = (this.#seen[bin] as number) + 1
    this.#count += 1
  }

  /** Learns whether an answer with this score was right. */
  check(score: number, right: boolean): void {
    if (!(score >= 0 && score <= 1)) return
    this.#acceptances.length = 0
    const bin = at(score)
    this.#checked[bin] = (this.#checked[bin] as number) + 1
    if (right) this.#right[bin] = (this.#right[bin] as number) + 1
  }

  /** The chance that an answer with this score is right. */
  of(score: number): number {
    return this.#bin(at(Math.min(1, Math.max(0, score))), this.#shift())
  }

  /** What a threshold does, a multiple of a tenth: scores below it are not accepted. */
  at(threshold: number): Acceptance {
    const first = Math.round(threshold * bins)
    this.#acceptances[first] ??= this.#acceptance(first)
    return this.#acceptances[first]
  }

  #acceptance(first: number): Acceptance {
    const shift = this.#shift()
    let [above, right, below, rightBelow] = [0, 0, 0, 0]
    for (let bin = 0; bin < bins; bin++) {
      const seen = (this.#seen[bin] as number) + (this.#assumed[bin] as number)
      const chance = this.#bin(bin, shift)
      if (bin >= first) {
        above += seen
        right += seen * chance
      } else {
        below += seen
        rightBelow += seen * chance
      }
    }
    return {
      share: above / (above + below),
      accepted: above > 0 ? right / above : this.#accuracy,
      rejected: below > 0 ? rightBelow / below : this.#accuracy,
    }
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return { seen: [...this.#seen], checked: [...this.#checked], right: [...this.#right] }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { seen, checked, right } = restored(saved, from, 'a calibration')
    this.#seen.set(seen)
    this.#checked.set(checked)
    this.#right.set(right)
    this.#acceptances.length = 0
    this.#count = seen.reduce((sum, count) => sum + count, 0)
  }

  /** What must be added to the scores so that their mean is the accuracy. */
  #shift(): number {
    let [sum, count] = [0, 0]
    for (let bin = 0; bin < bins; bin++) {
      const seen = (this.#seen[bin] as number) + (this.#assumed[bin] as number)
      sum += seen * middle(bin)
      count += seen
    }
    return this.#accuracy - sum / count
  }

  #bin(bin: number, shift: number): number {
    const assumed = Math.min(1, Math.max(0, middle(bin) + shift))
    return ((this.#right[bin] as number) + weight * assumed) / ((this.#checked[bin] as number) + weight)
  }
}

const at = (score: number) => Math.min(bins - 1, Math.floor(score * bins))
/** How often a model of this accuracy is assumed to give which score, by bin. */
function spread(accuracy: number): Float64Array {
  const { concentration, answers } = prior
  const density = (x: number) => x ** (concentration * accuracy - 1) * (1 - x) ** (concentration * (1 - accuracy) - 1)
  const shares = Float64Array.from({ length: bins }, (_, bin) => density(middle(bin)))
  const whole = shares.reduce((sum, share) => sum + share, 0)
  return shares.map((share) => (answers * share) / whole)
}

const middle = (bin: number) => (bin + 0.5) / bins
