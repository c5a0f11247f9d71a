import { z } from 'zod'
import {
  BadConfiguration,
  type Decider,
  type DeciderHalf,
  type DecisionRequest,
  type Explanation,
  type Menu,
  type Outcome,
  type Probe,
  type World,
} from '../../pipeline/index.ts'
import { learned, savedOf } from './estimate/restore.ts'

const saved = learned(
  'deciders asked one after the other',
  1,
  z.strictObject({ deciders: z.array(z.strictObject({ name: z.string(), learned: z.unknown() })) }),
)

/**
 * Deciders asked from left to right, as one: what `decide(...)` does with several.
 * @param name default: their names, joined by +
 * @throws BadConfiguration there is none
 */
export function chain(deciders: Decider | readonly Decider[], name?: string): Chain {
  return new Chain('decide' in deciders ? [deciders] : deciders, name)
}

/** Several deciders as one. */
export class Chain implements Decider {
  readonly name: string
  readonly deciders: readonly Decider[]

  constructor(deciders: readonly Decider[], name?: string) {
    if (deciders.length === 0) throw new BadConfiguration('There is no decider to ask. Give at least one.')
    this.deciders = deciders
    this.name = name ?? deciders.map(({ name: one }) => one).join('+')
  }

  open(half: DeciderHalf): void {
    for (const decider of this.deciders) decider.open?.(half)
  }

  decide(request: DecisionRequest, world: World, menu: Menu): Menu {
    let left = menu
    for (const decider of this.deciders) left = decider.decide(request, world, left)
    return left
  }

  /** Every decider hears of the outcome, whatever another throws. @throws what the first of them threw */
  observe(outcome: Outcome, world: World): void {
    const thrown: unknown[] = []
    for (const decider of this.deciders) {
      try {
        decider.observe?.(outcome, world)
      } catch (error) {
        thrown.push(error)
      }
    }
    if (thrown.length > 0) throw thrown[0]
  }

  probed(probe: Probe, world: World): void {
    for (const decider of this.deciders) decider.probed?.(probe, world)
  }

  /** How each of them decided, in their order; those that do not tell are left out. */
  explanations(): Explanation[] {
    return this.deciders.flatMap((decider) => decider.explain?.() ?? [])
  }

  /** The last step that was weighed, each of its choices behind those of the steps before; the others stay whole. */
  explain(): Explanation | undefined {
    return this.explanations().reduce<Explanation | undefined>(
      (before, step) => (before ? followed(before, step, this.name) : step),
      undefined,
    )
  }

  save(): unknown {
    return saved.write({ deciders: this.deciders.map((one) => ({ name: one.name, learned: one.save?.() })) })
  }

  /** @throws BadConfiguration as the port says, and when it was saved of other deciders */
  restore(from: unknown): void {
    const { deciders: kept } = saved.read(from, savedOf(this.name))
    if (kept.length !== this.deciders.length || kept.some(({ name }, i) => name !== this.deciders[i]?.name)) {
      throw new BadConfiguration(
        `What was saved is of ${kept.map(({ name }) => name).join('+')}, not of ${this.name}. Restore it into the same deciders.`,
      )
    }
    kept.forEach(({ learned: own }, i) => {
      if (own !== undefined) this.deciders[i]?.restore?.(own)
    })
  }
}

/** A tree of choices, written flat: what was chosen first is replaced by what it led to. Chances still sum to 1. */
function followed(before: Explanation, step: Explanation, decider: string): Explanation {
  const taken = before.weighed[before.chosen]
  if (!taken) return step
  const others = before.weighed.filter((one) => one !== taken)
  const why = [before.why, step.why].filter((one) => one !== undefined).join(', ')
  return {
    decider,
    weighed: [
      ...step.weighed.map((one) => ({
        ...one,
        choice: { ...taken.choice, ...one.choice },
        propensity: taken.propensity * one.propensity,
      })),
      ...others,
    ],
    chosen: step.chosen,
    ...(why === '' ? {} : { why }),
  }
}
