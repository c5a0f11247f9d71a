import { z } from 'zod'
import {
  base64url,
  type Decider,
  type DeciderHalf,
  type DecisionRequest,
  type Explanation,
  type Menu,
  type Outcome,
  type Probe,
  readOptions,
  type World,
  webPlatform,
} from '../../../pipeline/index.ts'
import { type Chain, chain } from '../chain.ts'
import { type LogEntry, logVersion, logWorld } from './entry.ts'

/** Where the entries of a decision log go. Never waits and never throws: what it cannot take it counts. */
export interface DecisionSink {
  write(entry: LogEntry): void
}

const settings = z.strictObject({
  /**
   * With which ids and sources are hashed. Default: random, so that logs cannot be joined. The same one in both halves
   * lets their logs be joined, and whoever knows it test which ids are in them.
   */
  salt: z.string().min(1).optional(),
  /** Choices logged of each explanation: the likeliest, and the one that was chosen. Default 64. */
  weighed: z.number().int().min(1).max(4096).default(64),
})

export type LoggedOptions = z.input<typeof settings>

/**
 * Deciders whose decisions and outcomes are logged: one entry for each decision, one for each attempt that ends. They
 * hold sizes, times, names of models and nodes; no picture, no label, and ids and sources only hashed.
 *
 *     decide(logged(log, [place(), select()]))
 *
 * @throws BadConfiguration no decider, or a bad option
 */
export function logged(
  sink: DecisionSink,
  deciders: Decider | readonly Decider[],
  options: LoggedOptions = {},
): Decider {
  return new Logged(sink, chain(deciders), options)
}

class Logged implements Decider {
  readonly name: string
  readonly #chain: Chain
  readonly #sink: DecisionSink
  readonly #salt: Uint8Array
  #platform = webPlatform
  readonly #weighed: number
  /** The last source and its hash: there are few, and they come in runs. */
  #source = ''
  #hashed = ''

  constructor(sink: DecisionSink, chain: Chain, options: LoggedOptions) {
    const { salt, weighed } = readOptions(settings, options, 'logged()')
    this.name = chain.name
    this.#sink = sink
    this.#chain = chain
    this.#salt = salt === undefined ? this.#platform.randomBytes(16) : new TextEncoder().encode(salt)
    this.#weighed = weighed
  }

  open(half: DeciderHalf): void {
    this.#platform = half.platform ?? this.#platform
    this.#chain.open(half)
  }

  decide(request: DecisionRequest, world: World, menu: Menu): Menu {
    // Before anybody is asked: what they choose may change what is known.
    const facts = logWorld(world, request.now)
    const explanations: Explanation[] = []
    let after = menu
    for (const decider of this.#chain.deciders) {
      after = decider.decide(request, world, after)
      const explanation = decider.explain?.()
      if (explanation) explanations.push(sayable(this.#bounded(explanation)))
    }
    this.#sink.write({
      version: logVersion,
      type: 'decision',
      by: this.name,
      ...request,
      id: this.#hash(request.id),
      source: this.#hashOfSource(request.source),
      world: facts,
      menu,
      left: narrowed(menu, after),
      explanations,
    })
    return after
  }

  observe(outcome: Outcome, world: World): void {
    this.#sink.write({ version: logVersion, type: 'outcome', by: this.name, ...outcome, id: this.#hash(outcome.id) })
    this.#chain.observe(outcome, world)
  }

  probed(probe: Probe, world: World): void {
    this.#sink.write({ version: logVersion, type: 'probe', by: this.name, ...probe })
    this.#chain.probed(probe, world)
  }

  explain(): Explanation | undefined {
    return this.#chain.explain()
  }

  save(): unknown {
    return this.#chain.save()
  }

  restore(saved: unknown): void {
    this.#chain.restore(saved)
  }

  #bounded(explanation: Explanation): Explanation {
    const { weighed, chosen } = explanation
    if (weighed.length <= this.#weighed) return explanation
    const one = weighed[chosen]
    const kept = weighed
      .filter((other) => other !== one)
      .sort((a, b) => b.propensity - a.propensity)
      .slice(0, this.#weighed - 1)
    return { ...explanation, weighed: one ? [one, ...kept] : kept, chosen: 0 }
  }

  #hash(text: string): string {
    // Twelve of the 32 bytes are sixteen characters.
    return base64url(this.#platform.hmacSha256(this.#salt, text).subarray(0, 12))
  }

  #hashOfSource(source: string): string {
    if (source !== this.#source) {
      this.#source = source
      this.#hashed = this.#hash(source)
    }
    return this.#hashed
  }
}

/** What is other now than it was. */
function narrowed(before: Menu, after: Menu): Partial<Menu> {
  const changed: Partial<Record<keyof Menu, unknown>> = {}
  for (const field of Object.keys(after) as (keyof Menu)[]) {
    if (after[field] !== before[field]) changed[field] = after[field]
  }
  return changed as Partial<Menu>
}

/** JSON has no NaN and no Infinity: what is expected to be one of them is not known. */
function sayable(explanation: Explanation): Explanation {
  const known = ([, value]: readonly [string, unknown]) => typeof value !== 'number' || Number.isFinite(value)
  if (explanation.weighed.every((one) => Object.entries(one).every(known))) return explanation
  const weighed = explanation.weighed.map((one) => Object.fromEntries(Object.entries(one).filter(known)) as never)
  return { ...explanation, weighed }
}
