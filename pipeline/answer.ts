import type { FrameData } from './capture.ts'
import type { Message, Timings } from './message.ts'
import type { Box, Cut, ResultPayload } from './payload.ts'
import { lastAnswer } from './plan.ts'

/**
 * One message's answer, flat, with what its frame carried of its own.
 * @typeParam M what whoever composes the pipeline keeps with a frame
 */
export interface Answer<M = unknown> extends FrameData<M> {
  readonly id: string
  readonly source: string
  readonly seq: number
  readonly label: string
  /** Probability of `label`, 0…1. */
  readonly score: number
  readonly top: ResultPayload['top']
  readonly boxes?: readonly Box[]
  readonly model: string
  /** Where the wire crossed the chain; `answered`: not at all, the device did everything. */
  readonly place: Cut
  /** How the payload was written on the wire; `none` where it was not crossed. */
  readonly encoding: string
  /** The node that answered: the device itself, or a cloud node. */
  readonly node: string
  /** Payload bytes sent up. */
  readonly bytes: number
  /** Milliseconds per step. */
  readonly timings: Timings
  /** Milliseconds from capture to answer. */
  readonly latency: number
  /** Whether the answer came within its frame's deadline, or the pipeline's where that has none. */
  readonly onTime: boolean
  /** Attempts that were made for it, backups and repetitions included. */
  readonly attempts: number
  /** It stands in for the planned answer, which was late or failed. */
  readonly backup: boolean
  /** No model ran: it is the last answer of its source, given again. */
  readonly repeated: boolean
}

/** Reads the answer off a message that has reached the end of the chain at local time `now`. */
export function answerOf(message: Message<ResultPayload>, now: number, deadline: number, node: string): Answer {
  const { payload, crossing, user } = message
  const latency = now - message.captured
  const answer: { -readonly [K in keyof Answer]: Answer[K] } = {
    id: message.id,
    source: message.source,
    seq: message.seq,
    label: payload.label,
    score: payload.score,
    top: payload.top,
    model: payload.model,
    place: crossing?.at ?? 'answered',
    encoding: crossing?.encoding ?? 'none',
    node: crossing?.node ?? node,
    bytes: crossing?.bytes ?? 0,
    timings: message.timings,
    latency,
    onTime: latency <= (message.deadline ?? deadline),
    attempts: message.attempt,
    backup: message.backup === true,
    repeated: message.plan.model === lastAnswer,
  }
  if (payload.boxes) answer.boxes = payload.boxes
  if (message.deadline !== undefined) answer.deadline = message.deadline
  if (message.accuracy !== undefined) answer.accuracy = message.accuracy
  if (user?.at !== undefined) answer.at = user.at
  if (user?.meta !== undefined) answer.meta = user.meta
  return answer
}
