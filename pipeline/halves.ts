import { z } from 'zod'
import type { Answer } from './answer.ts'
import type { Events } from './events.ts'
import type { Counts } from './ledger.ts'
import { made, readOptions } from './options.ts'
import type { Suspect } from './quarantine.ts'
import { assertToken } from './subjects.ts'

/** Something that runs until it is drained. */
export interface Running {
  /** The name of this half: a token, unique among all that run. */
  readonly node: string
  readonly events: Events
  /** Messages that cost two executors or nodes, the latest last: they are tried nowhere again, and kept here to be looked into. */
  readonly quarantined: readonly Suspect[]
  /** Takes nothing new, lets what is in flight finish (at most `within` ms, default 10,000), closes. Idempotent. */
  drain(within?: number): Promise<void>
}

/** The half above the wire, or a whole pipeline. Iterating reads its answers; leaving the loop drains. */
export interface RunningDevice<M = unknown> extends Running, AsyncIterable<Answer<M>> {
  /** For one reader. */
  readonly answers: AsyncIterable<Answer<M>>
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
  /** Why segments, by their names, are out of service for now; none where all are in service. */
  readonly ill: Readonly<Record<string, string>>
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

const halfOptions = z.strictObject({
  node: z.string().optional(),
  only: z.string().optional(),
  executors: z.number().int().min(1).max(1024).optional(),
  capacity: z.number().int().min(1).max(1_000_000).optional(),
  signal: made<AbortSignal>('an AbortSignal').optional(),
} satisfies Record<keyof HalfOptions, z.ZodType>)

const wholeOptions = halfOptions.omit({ only: true })

/**
 * Checks the options of a half, or of a whole pipeline's run.
 * @param how whose they are: `device()`
 * @throws BadConfiguration naming the option that is wrong
 */
export function assertHalfOptions(options: HalfOptions, how: 'run()' | 'device()' | 'cloud()'): void {
  const { node } = readOptions(how === 'run()' ? wholeOptions : halfOptions, options, how)
  if (node !== undefined) assertToken(node, "a half's name")
}
