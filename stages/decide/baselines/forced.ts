import { z } from 'zod'
import { restored } from '../estimate/restore.ts'

const saved = z.strictObject({ phase: z.number().int().min(1), passed: z.number().int().min(0) })

/**
 * When a sample is due whatever it costs (ANS): every ⌈T^µ⌉ messages of a phase of T, T doubling from phase to phase, so
 * that over any number of messages n there are about n^(1−µ) of them.
 */
export class ForcedSampling {
  readonly #mu: number
  /** T */
  #phase: number
  #passed = 0

  constructor({ mu, horizon }: { readonly mu: number; readonly horizon: number }) {
    this.#mu = mu
    this.#phase = horizon
  }

  /** Whether the next message is one; the last of each interval is. */
  next(): boolean {
    if (this.#passed === this.#phase) {
      this.#phase *= 2
      this.#passed = 0
    }
    return ++this.#passed % Math.ceil(this.#phase ** this.#mu) === 0
  }

  /** How far it has come, as plain JSON. */
  save(): z.infer<typeof saved> {
    return { phase: this.#phase, passed: this.#passed }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { phase, passed } = restored(saved, from, 'forced sampling')
    this.#phase = phase
    this.#passed = passed
  }
}
