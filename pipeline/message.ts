import type { Cancellation } from './cancellation.ts'
import type { FrameData } from './capture.ts'
import { described, type QuintetError, StageFailed } from './errors.ts'
import type { Captured, Cut, Payload } from './payload.ts'
import type { Plan, Restriction } from './plan.ts'

/** Above the wire, or below it. */
export type Side = 'device' | 'cloud'

/**
 * What the time of a message goes into. Shares of `execute`: `queue` and `load` were spent waiting; `head` is what the
 * device computed of a model that is split, writing what crosses included.
 */
export type Step = 'capture' | 'device' | 'transfer' | 'cloud' | 'execute' | 'queue' | 'load' | 'head'

/** Milliseconds per step. */
export type Timings = Readonly<Partial<Record<Step, number>>>

/** What crossing the wire took and met. */
export interface Crossing {
  /** Where on the chain the wire was. */
  readonly at: Cut
  readonly encoding: string
  /** Payload bytes sent up, chunks sent again included. */
  readonly bytes: number
  /** The node that answered. */
  readonly node: string
}

/** Milliseconds a message spends on the wire, estimated with what its sender knows of the link: no clock is shared. */
export interface Way {
  readonly up: number
  readonly down: number
}

/** An attempt that ended without an acceptable answer. */
export interface Tried {
  readonly plan: Plan
  /** The code of its error, where it failed. */
  readonly error?: string
  /** Where it was refused: milliseconds after which another try may succeed, from the refusal on. */
  readonly retryAfter?: number
  /** The score of its answer, where that was not accepted. */
  readonly score?: number
}

/**
 * One captured thing on its way to an answer. Immutable: a stage makes the next message from the one it got.
 * `P` is the payload forms it may have here, `S` the side of the wire it is on.
 */
export interface Message<P extends Payload = Payload, S extends Side = Side> {
  readonly kind: 'message'
  /** Unique per captured thing, end to end; the key that removes duplicates. */
  readonly id: string
  /** `DEVICE.STREAM`: messages of one source keep their order. */
  readonly source: string
  /** Of the device's process: two of one name never take each other's messages for their own. Absent without a device. */
  readonly run?: string
  /** Position in its source, from 0. */
  readonly seq: number
  readonly side: S
  /** Local clock, ms: when it was captured (or what that is on this clock, below the wire). */
  readonly captured: number
  /** Local clock, ms: when its budget ends. Between machines only the budget that is left travels. */
  readonly expires: number
  /** Milliseconds from capture within which its answer is on time, where it has a deadline of its own. */
  readonly deadline?: number
  /** The accuracy that its answer should have, 0…1. */
  readonly accuracy?: number
  /** In the process that captures: what belongs to the frame and comes back on its answer. */
  readonly user?: Pick<FrameData, 'at' | 'meta'>
  /** Below a boundary: what the way there took and the way back is expected to take, as far as anybody can tell. */
  readonly way?: Way
  readonly payload: P
  readonly plan: Plan
  /** What deciders have excluded so far of the fields that the plan leaves open. */
  readonly open: Restriction
  readonly timings: Timings
  /** Which attempt this is, from 1. */
  readonly attempt: number
  /** The attempts before this one that ended without an acceptable answer. */
  readonly tried?: readonly Tried[]
  /** Which pass under a plan of its own this is, from 1; absent on the first. Passes of one message may be under way at once. */
  readonly pass?: number
  /** Local clock, ms: when this pass began, where it is not the first. */
  readonly began?: number
  /** This pass stands in for another that may be late: it is planned already. */
  readonly backup?: true
  readonly crossing?: Crossing
  /** W3C trace context. */
  readonly traceparent?: string
  /** Cancelled when nobody waits for the answer any longer. */
  readonly cancellation?: Cancellation
  /** What was captured, kept on the device until the message is settled, so that it can be planned anew. */
  readonly original?: Captured
}

/** A message that ended without an answer. */
export interface Failure {
  readonly kind: 'failure'
  readonly id: string
  readonly source: string
  readonly run?: string
  readonly seq: number
  /** The stage where it failed. */
  readonly stage: string
  readonly error: QuintetError
  readonly plan: Plan
  readonly timings: Timings
  readonly attempt: number
  readonly pass?: number
}

/** A message that was let go on purpose. */
export interface Dropped {
  readonly kind: 'dropped'
  readonly id: string
  readonly source: string
  readonly run?: string
  readonly seq: number
  /** `stale`: a fresher frame replaced it · `overflow`: a mailbox was full · `filtered`: a stage said so. */
  readonly reason: 'stale' | 'overflow' | 'filtered'
  readonly timings: Timings
  readonly pass?: number
}

/** What flows between stages. Every stage passes failures and drops through untouched. */
export type Item<P extends Payload = Payload, S extends Side = Side> = Message<P, S> | Failure | Dropped

/**
 * The value, where it is an item as far as can be told from outside: operators can be anybody's.
 * @throws StageFailed it is none
 */
export function assertItem(value: unknown): Item {
  if (typeof value === 'object' && value !== null) {
    const { kind, id, source, payload } = value as Partial<Message>
    const payloadKnown = kind !== 'message' || typeof payload?.form === 'string'
    const known = kind === 'message' || ['failure', 'dropped'].includes(kind ?? '')
    if (known && payloadKnown && typeof id === 'string' && typeof source === 'string') return value as Item
  }
  const cause = new TypeError(`an operator gave ${described(value)}, which is no item; let it hand on what it got`)
  throw new StageFailed('operator', { cause })
}

/** The message with other contents: payload, plan, timings. */
export function evolve<P extends Payload, S extends Side, Q extends Payload = P>(
  message: Message<P, S>,
  change: Partial<Omit<Message<Q, S>, 'kind' | 'payload'>> & { readonly payload?: Q },
): Message<Q, S> {
  // All fields, in one order: every message has the same hidden class, and is made without looking at its fields.
  const { id, source, seq, side, captured, expires, way, payload, plan, open, timings, attempt } = message
  const { run, tried, pass, began, backup, crossing, traceparent, cancellation, original } = message
  const { deadline, accuracy, user } = message
  const next: { [K in keyof Required<Message>]: Message[K] | undefined } = {
    kind: 'message',
    id,
    source,
    run,
    seq,
    side,
    captured,
    expires,
    deadline,
    accuracy,
    user,
    way,
    payload,
    plan,
    open,
    timings,
    attempt,
    tried,
    pass,
    began,
    backup,
    crossing,
    traceparent,
    cancellation,
    original,
  }
  return Object.assign(next, change) as unknown as Message<Q, S>
}

/** Ends a message as failed. */
export function failure(message: Omit<Message, 'payload'>, stage: string, error: QuintetError): Failure {
  const { id, source, seq, plan, timings, attempt } = message
  return { kind: 'failure', id, source, seq, stage, error, plan, timings, attempt, ...keyed(message) }
}

/** Lets a message go, counted. */
export function dropped(
  message: Pick<Message, 'id' | 'source' | 'run' | 'seq' | 'timings' | 'pass'>,
  reason: Dropped['reason'],
): Dropped {
  const { id, source, seq, timings } = message
  return { kind: 'dropped', id, source, seq, reason, timings, ...keyed(message) }
}

/** What of a message's key not every message has. */
function keyed({ run, pass }: Pick<Message, 'run' | 'pass'>): Pick<Message, 'run' | 'pass'> {
  if (run === undefined) return pass ? { pass } : {}
  return pass ? { run, pass } : { run }
}

/** Adds milliseconds to a step. */
export function spent(timings: Timings, step: Step, ms: number): Timings {
  const sum: { -readonly [K in Step]?: Timings[K] } = { ...timings }
  sum[step] = (sum[step] ?? 0) + ms
  return sum
}
