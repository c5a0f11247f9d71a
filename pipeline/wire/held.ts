import { Cancellation } from '../cancellation.ts'
import { evolve, type Message, type Side } from '../message.ts'
import { deviceOf } from '../subjects.ts'
import type { Parts, ServedRequest } from '../transport.ts'
import type { Arrival } from './arrival.ts'
import type { Assembly } from './chunks.ts'
import { decodeMessage, type MessageHeader } from './codec.ts'
import { keyOf } from './protocol.ts'

/** A W3C trace context; anything else in that header is ignored. */
const traceContext = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/** A message that a node holds, from its header's arrival to the reply. */
export interface Held {
  readonly key: string
  /** Whose share of the node it takes. */
  readonly device: string
  readonly expires: number
  /** Bytes of its payload, and their check, where it came whole. */
  readonly bytes: number
  check: number | undefined
  /** Local clock, ms: when its header came, and when all of it was here. */
  readonly arrived: number
  whole: number
  accepted: boolean
  /** Where on the chain it came in, and what of its timings was spent before. */
  readonly at: string
  readonly before: MessageHeader['timings']
  /** The model that its plan names. */
  readonly model: string | undefined
  /** How many were held once it was. */
  readonly count: number
  /** Another was held meanwhile. */
  crowded: boolean
  readonly cancellation: Cancellation
  readonly traceparent: string | undefined
  /** Those who wait: one, or more when a message was sent again while it is still held. */
  readonly waiting: { readonly request: ServedRequest; readonly done: () => void }[]
  lastSign: number
  /** Where its chunks come, if it comes in chunks. */
  subject: string | undefined
  /** What its chunks have done so far, while they come. */
  arrival: Arrival | undefined
  /** Until all chunks are here. */
  assembly: { readonly header: MessageHeader; readonly bytes: Assembly } | undefined
}

/** How many bytes of payload a request brings or offers, and their check, where it is known. */
export interface Brought {
  readonly bytes: number
  readonly check: number | undefined
  /** All of it is here. */
  readonly whole: boolean
}

/** Whether what comes under a key that is held can be the same message. */
export const isAnother = (held: Held, { bytes, check }: Brought): boolean =>
  bytes !== held.bytes || (check !== undefined && held.check !== undefined && check !== held.check)

/**
 * Milliseconds that are left for a message at a node, of the budget it left with. What its sender thinks the way takes is a
 * guess, of a way that may have changed. Where it leaves no time at all it is no help: the message is here, its sender waits, and
 * only an answer shows that the way has become faster.
 * @param whole all of it is here: its sender's time was running while it was on its way
 */
export function leftOf({ budget, link = { rtt: 0, upload: 0 } }: MessageHeader, whole: boolean): number {
  const left = budget - link.rtt - (whole ? link.upload : 0)
  return left > 0 ? left : budget
}

/**
 * @param now local clock, ms
 * @param count how many are held with it
 */
export function hold(
  header: MessageHeader,
  { bytes, check, whole }: Brought,
  { headers }: ServedRequest,
  now: number,
  count: number,
): Held {
  return {
    key: keyOf(header),
    device: deviceOf(header.source),
    expires: now + leftOf(header, whole),
    bytes,
    check,
    arrived: now,
    whole: now,
    accepted: false,
    at: header.payload.at,
    before: header.timings,
    model: header.plan.model,
    count,
    crowded: count > 1,
    cancellation: new Cancellation(),
    traceparent: traceContext.test(headers.traceparent ?? '') ? headers.traceparent : undefined,
    waiting: [],
    lastSign: now,
    subject: undefined,
    arrival: undefined,
    assembly: undefined,
  }
}

/**
 * The message, now that it is whole. Its clock starts when the header arrived: what the chunks took is its time, too.
 * @throws BadMessage · WrongShape
 */
export function messageOf(held: Held, header: MessageHeader, parts: Parts, side: Side): Message {
  const { cancellation, traceparent, arrived, whole } = held
  const message = decodeMessage(header, parts, side, arrived)
  const { link, way: before = { up: 0, down: 0 } } = header
  const { captured } = message
  // What came in chunks was seen coming; of what came whole only the sender can guess what it took.
  const chunked = whole - arrived
  const unseen = link ? link.rtt / 2 + (chunked > 0 ? 0 : link.upload) : 0
  const way = { up: before.up + chunked + unseen, down: before.down + (link ? link.rtt / 2 : 0) }
  const known: Parameters<typeof evolve>[1] & { traceparent?: string } =
    link || header.way
      ? { cancellation, captured: captured - unseen, expires: held.expires, way }
      : { cancellation, expires: held.expires }
  return evolve(message, traceparent ? Object.assign(known, { traceparent }) : known)
}
