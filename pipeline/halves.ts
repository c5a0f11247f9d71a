import type { Answer } from './answer.ts'
import type { Events } from './events.ts'
import type { Counts } from './ledger.ts'

/** Something that runs until it is drained. */
export interface Running {
  /** The name of this half: a token, unique among all that run. */
  readonly node: string
  readonly events: Events
  /** Takes nothing new, lets what is in flight finish (at most `within` ms, default 10,000), closes. Idempotent. */
  drain(within?: number): Promise<void>
}

/** The half above the wire, or a whole pipeline. Iterating reads its answers; leaving the loop drains. */
export interface RunningDevice extends Running, AsyncIterable<Answer> {
  /** For one reader. */
  readonly answers: AsyncIterable<Answer>
  /** So far: in = results + failures + dropped + in flight. */
  readonly counts: Counts
  /** So far: what became of attempts, backups and repetitions included. */
  readonly statistics: Readonly<Record<string, number>>
  /** The final counts, when the source has ended and all is settled; rejects when the source errored. */
  readonly done: Promise<Counts>
}

/** The half below the wire. */
export interface RunningCloud extends Running {
  /** What each segment has done, by its name. */
  readonly statistics: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Resolves once drained. */
  readonly done: Promise<void>
}

export interface HalfOptions {
  /** Name of this half, a token; made up where absent. A device's is part of its subjects. */
  readonly node?: string
  /** Runs one segment alone: the name of the hop above it; `cloud` is right below the wire, `capture` the source's. */
  readonly only?: string
  /** Executors of this half; default: what `execute()` says. */
  readonly executors?: number
  /** Messages a segment holds at once; more are refused. Default 256. */
  readonly capacity?: number
  /** Drains when aborted. */
  readonly signal?: AbortSignal
}
