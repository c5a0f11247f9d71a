import { z } from 'zod'
import { restored } from './restore.ts'

const saved = z.record(z.string(), z.number().min(0).max(1))

/** Weight of the newest attempt. */
const rate = 0.4
/** Milliseconds in which a failure loses all but 1/e of its weight: as long as a lost node is avoided. */
const relax = 10_000
/** Targets remembered. */
const most = 64

interface Known {
  chance: number
  /** Answers in a row that did not come in time. */
  late: number
  /** Local clock, ms. */
  at: number
}

/**
 * The chance that a target answers at all, however long it may take: r ← r + 0.4 (x − r) with x = 1 for an answer and 0
 * for a lost node, no responders or a refusal. Without news it returns to 1, as what was down may be up again.
 */
export class Reach {
  readonly #targets = new Map<string, Known>()

  /** 0…1, at local time `now`; 1 of a target nobody has heard of. */
  chance(target: string, now: number): number {
    const known = this.#targets.get(target)
    if (!known) return 1
    return 1 - (1 - known.chance) * Math.exp(-Math.max(0, now - known.at) / relax)
  }

  /** Learns whether a target answered. */
  observe(target: string, answered: boolean, now: number): void {
    // It was there all the time: what was late was slow.
    if (answered && (this.#targets.get(target)?.late ?? 0) > 0) this.#targets.delete(target)
    this.#follow(target, answered, 0, now)
  }

  /**
   * Learns that a target did not answer in time. One alone was too much asked; only from the second in a row on is it a sign
   * that nobody is there.
   */
  late(target: string, now: number): void {
    const late = (this.#targets.get(target)?.late ?? 0) + 1
    this.#follow(target, late < 2, late, now)
  }

  /** A target gave a sign of life at local time `at`: what failed before that says little. */
  alive(target: string, at: number): void {
    const known = this.#targets.get(target)
    if (known && known.chance < 1 && at > known.at) this.#targets.delete(target)
  }

  /** What was learned, as plain JSON; ages are not kept. */
  save(): z.infer<typeof saved> {
    return Object.fromEntries([...this.#targets].map(([name, { chance }]) => [name, chance]))
  }

  /** What failed before the save is taken to have failed long ago. @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const targets = restored(saved, from, 'who can be reached')
    this.#targets.clear()
    for (const [name, chance] of Object.entries(targets))
      this.#targets.set(name, { chance, late: 0, at: Number.NEGATIVE_INFINITY })
  }

  #follow(target: string, answered: boolean, late: number, now: number): void {
    const before = this.chance(target, now)
    const known = this.#targets.get(target)
    if (!known && this.#targets.size >= most) {
      const [first] = this.#targets.keys()
      if (first !== undefined) this.#targets.delete(first)
    }
    this.#targets.set(target, { chance: before + rate * ((answered ? 1 : 0) - before), late, at: now })
  }
}
