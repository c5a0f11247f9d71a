import { z } from 'zod'
import { restored } from './restore.ts'
import { Slowdown } from './slowdown.ts'

const savedLevels = z.array(z.unknown())

/**
 * How many times slower one resource is than predicted, by how much runs there beside: one slowdown for nothing, one
 * for one other run, and so on. A number that was never met is taken to be like the nearest that was.
 */
export class Contention {
  readonly #levels: readonly Slowdown[]
  readonly #met: boolean[]

  /** @param levels numbers told apart: 0 … levels − 2 others, and more */
  constructor(levels = 4) {
    this.#levels = Array.from({ length: levels }, () => new Slowdown())
    this.#met = this.#levels.map(() => false)
  }

  /** ξ with so many others beside; 1 before the first observation. */
  factor(beside: number): number {
    return this.#nearest(beside).factor
  }

  /** Standard deviation of ln ξ; 1 before the first observation. */
  deviation(beside: number): number {
    return this.#nearest(beside).deviation
  }

  /** Learns what a run took with so many others beside, as `Slowdown.observe`. */
  observe(beside: number, predicted: number, observed: number, doubt = 0): void {
    const level = this.#level(beside)
    this.#met[level] = true
    this.#levels[level]?.observe(predicted, observed, doubt)
  }

  /** What was learned, as plain JSON: null for numbers that were never met. */
  save(): z.infer<typeof savedLevels> {
    return this.#levels.map((slowdown, level) => (this.#met[level] ? slowdown.save() : null))
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const levels = restored(savedLevels, from, 'contention')
    for (const [level, slowdown] of this.#levels.entries()) {
      const kept = levels[level]
      this.#met[level] = kept !== null && kept !== undefined
      if (this.#met[level]) slowdown.restore(kept)
    }
  }

  #level(beside: number): number {
    return Math.min(this.#levels.length - 1, Math.max(0, Math.floor(beside)))
  }

  #nearest(beside: number): Slowdown {
    const wanted = this.#level(beside)
    for (let away = 0; away < this.#levels.length; away++) {
      if (this.#met[wanted - away]) return this.#levels[wanted - away] as Slowdown
      if (this.#met[wanted + away]) return this.#levels[wanted + away] as Slowdown
    }
    return this.#levels[wanted] as Slowdown
  }
}
