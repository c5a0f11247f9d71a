import { z } from 'zod'
import type {
  Decider,
  DeciderHalf,
  DecisionRequest,
  Explanation,
  Menu,
  Outcome,
  Probe,
  World,
} from '../../pipeline/index.ts'
import { readOptions } from '../../pipeline/index.ts'
import { type Chain, chain } from './chain.ts'
import { choiceFields, choiceOf } from './choices.ts'

const settings = z.strictObject({
  /** Share of decisions that are left to chance. Default 0.05. */
  share: z.number().min(0).max(1).default(0.05),
})

export interface ExploreOptions extends z.input<typeof settings> {
  /** 0 ≤ x < 1. Default Math.random. */
  readonly random?: () => number
}

/**
 * Decides as others do, but for a small share of the decisions, in which any of the choices that they weighed is taken,
 * each as likely (ε-greedy). What is logged of it can then tell what other policies would have done: each choice had a
 * chance, and the chance is known. Only what the deciders weigh is tried, so that a constraint of theirs holds.
 *
 *     decide(logged(log, explore(place(), { share: 0.05 })))
 *
 * @throws BadConfiguration no decider, or a bad option
 */
export function explore(deciders: Decider | readonly Decider[], options: ExploreOptions = {}): Decider {
  return new Exploring(chain(deciders), options)
}

class Exploring implements Decider {
  readonly name: string
  readonly #chain: Chain
  readonly #share: number
  readonly #random: () => number
  #explanation: Explanation | undefined

  constructor(chain: Chain, { random = Math.random, ...options }: ExploreOptions) {
    this.#chain = chain
    this.#random = random
    this.#share = readOptions(settings, options, 'explore()').share
    this.name = `explore ${chain.name}`
  }

  open(half: DeciderHalf): void {
    this.#chain.open(half)
  }

  decide(request: DecisionRequest, world: World, menu: Menu): Menu {
    const after = this.#chain.decide(request, world, menu)
    const explanation = this.#chain.explain()
    this.#explanation = explanation && this.#mixed(explanation)
    if (!explanation || explanation.weighed.length < 2 || this.#random() >= this.#share) return after
    const tried = Math.floor(this.#random() * explanation.weighed.length)
    const one = explanation.weighed[tried]
    if (!one || tried === explanation.chosen) return after
    this.#explanation = { ...this.#mixed(explanation), chosen: tried, why: 'explored' }
    const left: Record<string, readonly string[]> = {}
    // What the choice says nothing of stays open: the deciders closed it for another one.
    const chosen = choiceOf(menu, after)
    for (const [field, list] of choiceFields) {
      if (one.choice[field] !== undefined) left[list] = [one.choice[field]]
      else if (chosen[field] !== undefined) left[list] = menu[list]
    }
    const { backupAfter: _backupAfter, accept: _accept, ...lists } = after
    return { ...lists, ...scalars(menu), ...scalars(one.choice), ...left }
  }

  observe(outcome: Outcome, world: World): void {
    this.#chain.observe(outcome, world)
  }

  probed(probe: Probe, world: World): void {
    this.#chain.probed(probe, world)
  }

  explain(): Explanation | undefined {
    return this.#explanation
  }

  save(): unknown {
    return this.#chain.save()
  }

  restore(saved: unknown): void {
    this.#chain.restore(saved)
  }

  #mixed(explanation: Explanation): Explanation {
    const { weighed } = explanation
    const even = this.#share / weighed.length
    return {
      ...explanation,
      decider: this.name,
      weighed: weighed.map((one) => ({ ...one, propensity: (1 - this.#share) * one.propensity + even })),
    }
  }
}

const scalars = ({ backupAfter, accept }: Pick<Menu, 'backupAfter' | 'accept'>) => ({
  ...(backupAfter === undefined ? {} : { backupAfter }),
  ...(accept === undefined ? {} : { accept }),
})
