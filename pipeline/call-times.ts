import { FittedLine } from './line.ts'
import type { Message } from './message.ts'
import { payloadBytes } from './payload.ts'

/** Weight that a call keeps with each later one: the last twenty or so count. */
const keep = 0.95
/** Standard deviation of the sizes, as a share of their mean, below which they do not explain why calls take longer. */
const leastSpread = 0.1
/** Kinds told apart; of more, the oldest is learned anew. */
const most = 64

/** What calls of one kind take, ms by bytes, and how far they are off that, smoothed. */
interface Kind {
  readonly line: FittedLine
  deviation: number
}

/**
 * What a stage's calls take: by the model, where on the chain the message stands, and its bytes, since a large picture takes
 * longer to decode than a small one.
 */
export class CallTimes {
  readonly #kinds = new Map<string, Kind>()

  /** A call with this message has taken so many ms. */
  add(message: Message, ms: number): void {
    const key = kindOf(message)
    let kind = this.#kinds.get(key)
    if (!kind) {
      const [oldest] = this.#kinds.size >= most ? this.#kinds.keys() : []
      if (oldest !== undefined) this.#kinds.delete(oldest)
      const line = new FittedLine({ keep, leastVariance: (mean) => (leastSpread * mean) ** 2 || 1, slope: 0 })
      kind = { line, deviation: 0 }
      this.#kinds.set(key, kind)
    }
    const bytes = payloadBytes(message.payload)
    const expected = kind.line.at(bytes)
    if (expected !== undefined) kind.deviation += (1 - keep) * (Math.abs(ms - expected) - kind.deviation)
    kind.line.add(bytes, ms)
  }

  /** Milliseconds that a call with this message hardly exceeds; 0 before the first of its kind. */
  most(message: Message): number {
    const kind = this.#kinds.get(kindOf(message))
    return kind ? (kind.line.at(payloadBytes(message.payload)) as number) + 2 * kind.deviation : 0
  }
}

const kindOf = ({ plan, payload }: Message) => `${plan.model} ${payload.at}`
