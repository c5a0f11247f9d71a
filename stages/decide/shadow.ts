import type {
  Decider,
  DeciderHalf,
  DecisionRequest,
  Explanation,
  Menu,
  Outcome,
  Probe,
  Weighed,
  World,
} from '../../pipeline/index.ts'
import { type Chain, chain } from './chain.ts'
import { choiceFields, choiceOf, compatible } from './choices.ts'

/** What a shadow did beside the real decider, so far. */
export interface ShadowStatistics {
  readonly name: string
  readonly decisions: number
  /** Decisions in which it chose as the real one did, in every field that both chose. */
  readonly agreed: number
  /** Decisions that it threw at, or of which it left nothing; and outcomes that it threw at. */
  readonly faults: number
  /**
   * Where both differ: the mean of what the shadow expects of its own choice less what it expects of the real one's;
   * with a negative `ms` it thinks itself faster. Undefined where it never told both.
   */
  readonly expects: {
    readonly ms: number | undefined
    readonly onTime: number | undefined
    readonly accuracy: number | undefined
    readonly bytes: number | undefined
  }
  /** What it threw last. */
  readonly error: unknown
}

/** The real decider, and what its shadows have done. */
export interface Shadow extends Decider {
  statistics(): readonly ShadowStatistics[]
}

/**
 * Decides as the real one does, and asks others what they would have done: they see every request and every outcome and
 * change nothing. What they throw is counted, and fails no message. Each shadow costs what its decisions cost.
 *
 *     decide(shadow([place(), select()], plan()))
 *
 * Shadows learn from outcomes of what the real one chose: one that never sees its own choice tried keeps its first guesses.
 *
 * @throws BadConfiguration there is no real decider
 */
export function shadow(
  real: Decider | readonly Decider[],
  ...others: readonly (Decider | readonly Decider[])[]
): Shadow {
  return new Shadowed(
    chain(real),
    others.map((other) => new Beside(chain(other))),
  )
}

class Shadowed implements Shadow {
  readonly name: string
  readonly #real: Chain
  readonly #others: readonly Beside[]

  constructor(real: Chain, others: readonly Beside[]) {
    this.name = real.name
    this.#real = real
    this.#others = others
  }

  open(half: DeciderHalf): void {
    this.#real.open(half)
    // A shadow that cannot work here is a mistake to be told at once, not a fault to be counted.
    for (const { decider } of this.#others) decider.open(half)
  }

  decide(request: DecisionRequest, world: World, menu: Menu): Menu {
    const after = this.#real.decide(request, world, menu)
    for (const other of this.#others) other.decide(request, world, menu, after)
    return after
  }

  observe(outcome: Outcome, world: World): void {
    for (const other of this.#others) other.observe(outcome, world)
    this.#real.observe(outcome, world)
  }

  probed(probe: Probe, world: World): void {
    for (const other of this.#others) other.probed(probe, world)
    this.#real.probed(probe, world)
  }

  explain(): Explanation | undefined {
    return this.#real.explain()
  }

  /** What the real one has learned; shadows start anew. */
  save(): unknown {
    return this.#real.save()
  }

  restore(saved: unknown): void {
    this.#real.restore(saved)
  }

  statistics(): readonly ShadowStatistics[] {
    return this.#others.map((other) => other.statistics())
  }
}

const expectations = ['ms', 'onTime', 'accuracy', 'bytes'] as const
type Expectation = (typeof expectations)[number]

/** One shadow and its account. */
class Beside {
  readonly decider: Chain
  #decisions = 0
  #agreed = 0
  #faults = 0
  #error: unknown
  readonly #sums: Record<Expectation, { sum: number; count: number }> = {
    ms: { sum: 0, count: 0 },
    onTime: { sum: 0, count: 0 },
    accuracy: { sum: 0, count: 0 },
    bytes: { sum: 0, count: 0 },
  }

  constructor(decider: Chain) {
    this.decider = decider
  }

  decide(request: DecisionRequest, world: World, menu: Menu, real: Menu): void {
    this.#decisions++
    try {
      const own = this.decider.decide(request, world, menu)
      if (choiceFields.some(([, list]) => own[list].length === 0 && menu[list].length > 0)) {
        this.#fault(new Error(`"${this.decider.name}" left nothing to choose from.`))
        return
      }
      const chosen = choiceOf(menu, real)
      if (compatible(choiceOf(menu, own), chosen)) {
        this.#agreed++
        return
      }
      const explanation = this.decider.explain()
      if (!explanation) return
      this.#compare(
        explanation.weighed[explanation.chosen],
        explanation.weighed.find(({ choice }) => compatible(choice, chosen)),
      )
    } catch (error) {
      this.#fault(error)
    }
  }

  observe(outcome: Outcome, world: World): void {
    try {
      this.decider.observe(outcome, world)
    } catch (error) {
      this.#fault(error)
    }
  }

  probed(probe: Probe, world: World): void {
    try {
      this.decider.probed(probe, world)
    } catch (error) {
      this.#fault(error)
    }
  }

  statistics(): ShadowStatistics {
    const mean = (of: Expectation) => {
      const { sum, count } = this.#sums[of]
      return count === 0 ? undefined : sum / count
    }
    return {
      name: this.decider.name,
      decisions: this.#decisions,
      agreed: this.#agreed,
      faults: this.#faults,
      expects: { ms: mean('ms'), onTime: mean('onTime'), accuracy: mean('accuracy'), bytes: mean('bytes') },
      error: this.#error,
    }
  }

  #compare(own: Weighed | undefined, real: Weighed | undefined): void {
    for (const of of expectations) {
      const [ours, theirs] = [own?.[of], real?.[of]]
      if (ours === undefined || theirs === undefined) continue
      this.#sums[of].sum += ours - theirs
      this.#sums[of].count++
    }
  }

  #fault(error: unknown): void {
    this.#faults++
    this.#error = error
  }
}
