import { z } from 'zod'
import {
  ActorStopped,
  BadConfiguration,
  BadInput,
  BadMessage,
  Cancelled,
  DeadlineExceeded,
  type ErrorCode,
  ExecutionFailed,
  ExecutorLost,
  FrameChanged,
  MailboxFull,
  ModelLoadFailed,
  NodeLost,
  NoResponders,
  QuintetError,
  Refused,
  StageFailed,
  TooLarge,
  TransportClosed,
  UnknownModel,
  WrongShape,
} from '../errors.ts'
import type { Parts } from '../transport.ts'
import { messageHeader, outcomeHeader } from './codec.ts'
import { unpackFrame } from './frame.ts'

/*
 * The conversation about one message. Up: `message` (whole) or `offer` (its header, the bytes to follow in chunks),
 * `cancel`. Down, on the reply inbox: `accept` (when chunked, or not answered within 50 ms), `working` every 250 ms,
 * `ack` per chunk, then one of `result`, `failure`, `refused`, `dropped`. A `probe` is none of a message: `probed` at once.
 */

/**
 * By what a boundary knows a pass of a message: ids are made by devices, and one device must never meet another's.
 * Tries of one pass have the same key, so that they meet; passes under other plans do not.
 */
export const keyOf = ({
  source,
  id,
  pass,
}: {
  readonly source: string
  readonly id: string
  readonly pass?: number | undefined
}) => (pass === undefined ? `${source}.${id}` : `${source}.${id}.${pass}`)

/** A holder gives a sign of life this often, in ms. */
export const beat = 250
/** So many beats missed, and the holder counts as lost. */
export const missedBeats = 3
/** A message that is not answered within this time is acknowledged first, in ms. */
export const acceptAfter = 50

const node = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
const subject = z.string().regex(/^[A-Za-z0-9_.-]{1,512}$/)
const size = z.number().int().min(1)

export const up = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('message'), message: messageHeader }),
  z.object({
    kind: z.literal('offer'),
    message: messageHeader,
    sizes: z.array(size.or(z.literal(0))).max(63),
    chunk: size,
  }),
  z.object({ kind: z.literal('cancel'), id: node, pass: z.number().int().min(1).max(1000).optional() }),
  z.object({ kind: z.literal('probe') }),
])

const chunk = z.object({
  index: z.number().int().min(0),
  /** On the last chunk: sha256 of all bytes, lower-case hex. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
})

/** How busy the answering node is: messages it holds, how many it takes, and K: how much longer each stays for that. */
const load = z.object({
  pending: z.number().int().min(0),
  capacity: size,
  slowdown: z.number().min(1).max(1e6).optional(),
})

export const down = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('accept'), node, subject: subject.optional() }),
  z.object({ kind: z.literal('working'), node }),
  z.object({ kind: z.literal('ack'), node, index: z.number().int().min(0) }),
  z.object({ kind: z.literal('result'), node, outcome: outcomeHeader, residence: z.number().min(0), load }),
  z.object({
    kind: z.literal('failure'),
    node,
    code: z.string().max(64),
    reason: z.string().max(4096),
    retryable: z.boolean(),
    stage: z.string().max(256),
    residence: z.number().min(0),
    load: load.optional(),
  }),
  z.object({
    kind: z.literal('refused'),
    node,
    reason: z.string().max(4096),
    retryAfter: z.number().min(0).optional(),
    load: load.optional(),
  }),
  z.object({ kind: z.literal('probed'), node, load }),
  z.object({ kind: z.literal('dropped'), node, reason: z.enum(['stale', 'overflow', 'filtered']) }),
])

export type Up = z.infer<typeof up>
export type Down = z.infer<typeof down>
export type ChunkHeader = z.infer<typeof chunk>
export type Load = z.infer<typeof load>

/** @throws BadMessage */
export const readChunk = (data: Parts) => readFrame(chunk, data)

/** A frame whose header passes the schema. @throws BadMessage */
export function readFrame<T>(schema: z.ZodType<T>, data: Parts): { header: T; parts: Parts } {
  const { header, parts } = unpackFrame(data)
  return { header: readable(schema, header), parts }
}

/** What came, as the schema has it. @throws BadMessage */
export function readable<T>(schema: z.ZodType<T>, value: unknown): T {
  const checked = schema.safeParse(value)
  if (checked.success) return checked.data
  const issue = checked.error.issues[0]
  throw new BadMessage(
    `What came is wrong at "${issue?.path.join('.')}": ${issue?.message}. Only Quintet, of this version, may publish on this subject.`,
    { cause: checked.error },
  )
}

const classes: Readonly<Record<ErrorCode, { readonly prototype: QuintetError }>> = {
  'bad-input': BadInput,
  'frame-changed': FrameChanged,
  'bad-message': BadMessage,
  'too-large': TooLarge,
  'unknown-model': UnknownModel,
  'wrong-shape': WrongShape,
  'model-load-failed': ModelLoadFailed,
  'execution-failed': ExecutionFailed,
  'executor-lost': ExecutorLost,
  'no-responders': NoResponders,
  'node-lost': NodeLost,
  refused: Refused,
  'deadline-exceeded': DeadlineExceeded,
  cancelled: Cancelled,
  'mailbox-full': MailboxFull,
  'actor-stopped': ActorStopped,
  'transport-closed': TransportClosed,
  'bad-configuration': BadConfiguration,
  'stage-failed': StageFailed,
}

/** An error that happened on another node, as the same class, so that `instanceof` means the same in every mode. */
export function reviveError(reply: {
  readonly code: string
  readonly reason: string
  readonly retryable: boolean
  readonly retryAfter?: number | undefined
}): QuintetError {
  const code = Object.hasOwn(classes, reply.code) ? (reply.code as ErrorCode) : 'stage-failed'
  const error = new QuintetError(code, reply.reason, { retryable: reply.retryable })
  const { prototype } = classes[code]
  Object.setPrototypeOf(error, prototype)
  error.name = prototype.constructor.name
  return error instanceof Refused ? Object.assign(error, { retryAfter: reply.retryAfter }) : error
}
