import { z } from 'zod'
import {
  ActorStopped,
  BadConfiguration,
  BadInput,
  BadMessage,
  Cancelled,
  Damaged,
  DeadlineExceeded,
  described,
  type ErrorCode,
  ExecutionFailed,
  ExecutorLost,
  FrameChanged,
  MailboxFull,
  ModelLoadFailed,
  NodeLost,
  NoResponders,
  Quarantined,
  QuintetError,
  Refused,
  StageFailed,
  TooLarge,
  TransportClosed,
  UnknownModel,
  VersionMismatch,
  WrongShape,
} from '../errors.ts'
import type { Parts } from '../transport.ts'
import { messageHeader, outcomeHeader } from './codec.ts'
import { type Dialects, everyVersion, inWords, type VersionRange, wireDialects } from './dialects.ts'
import { type Checking, type Frame, packFrame, unpackFrame, unpackHead, versionOf } from './frame.ts'
import { listOf } from './list.ts'
import { quickCheck } from './quick-check.ts'
import { assertUnderstood } from './required.ts'

/*
 * The conversation about one message. Up: `message` (whole) or `offer` (its header, the bytes to follow in chunks),
 * `cancel`. Down, on the reply inbox: `accept` (when chunked, or not answered within 50 ms), `working` every 250 ms,
 * `ack` per chunk (`damaged` where its bytes are not those that were sent), then one of `result`, `failure`, `refused`, `dropped`;
 * in pieces where the transport takes no reply so long. A `probe` is none of a message: `probed` at once.
 * What is replied is of the version that was asked in; who does not speak that replies `unspoken`, in words of every version.
 */

/** What tells passes of messages apart. */
interface Keyed {
  readonly source: string
  readonly id: string
  readonly run?: string | undefined
  readonly pass?: number | undefined
}

/**
 * By what a boundary knows a pass of a message: ids are made by devices, so one device must never meet another's, nor those
 * of its own earlier life. Tries of one pass have the same key, so that they meet; passes under other plans do not.
 */
export const keyOf = (message: Keyed): string => `${message.source}.${idOf(message)}`

/** The same without the source, for where that is known. No token has a dot or an "@". */
export function idOf({ id, run, pass }: Omit<Keyed, 'source'>): string {
  const told = pass === undefined ? id : `${id}.${pass}`
  return run === undefined ? told : `${told}@${run}`
}

/** A holder gives a sign of life this often, in ms. */
export const beat = 250
/** So many beats missed, and the holder counts as lost. */
export const missedBeats = 3
/** A message that is not answered within this time is acknowledged first, in ms. */
export const acceptAfter = 50

const node = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
const text = z.string().max(256)
const subject = z.string().regex(/^[A-Za-z0-9_.-]{1,512}$/)
const size = z.number().int().min(1)

export const up = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('message'), message: messageHeader }),
  z.object({
    kind: z.literal('offer'),
    message: messageHeader,
    sizes: listOf(z.number().int().min(0), 63),
    chunk: size,
  }),
  z.object({
    kind: z.literal('cancel'),
    id: node,
    run: node.optional(),
    pass: z.number().int().min(1).max(1000).optional(),
    /** Why, where it is for a reply that could not be read. */
    reason: z.string().max(4096).optional(),
  }),
  z.object({ kind: z.literal('probe') }),
])

const chunk = z.object({
  index: z.number().int().min(0),
  /** On the last chunk: CRC-32 of the checks (u32, little-endian) of all chunks before it. */
  digest: z.number().int().min(0).max(0xffff_ffff).optional(),
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
  /** A chunk is to be sent again: which, where that much of it can be read. */
  z.object({ kind: z.literal('damaged'), node, index: z.number().int().min(0).optional() }),
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
    /** Of one that is `quarantined`: what it cost. */
    evidence: z
      .array(z.object({ node: text.optional(), executor: text.optional(), code: text }))
      .max(16)
      .optional(),
  }),
  z.object({
    kind: z.literal('refused'),
    node,
    reason: z.string().max(4096),
    retryAfter: z.number().min(0).optional(),
    /** ms that it was held, once whole, before it was refused. Default 0: at the door. */
    residence: z.number().min(0).optional(),
    /** It takes nothing until further notice. */
    away: z.literal(true).optional(),
    load: load.optional(),
  }),
  z.object({ kind: z.literal('probed'), node, load }),
  /** Another process sends messages under this device's name. */
  z.object({ kind: z.literal('shared'), node }),
  /** Bytes `at` … of a reply that has `of` of them, and is longer than the node's transport takes at once. */
  z.object({ kind: z.literal('piece'), node, at: size.or(z.literal(0)), of: size }),
  z.object({ kind: z.literal('dropped'), node, reason: z.enum(['stale', 'overflow', 'filtered']) }),
])

export type Up = z.infer<typeof up>
export type Down = z.infer<typeof down> | Unspoken
export type ChunkHeader = z.infer<typeof chunk>
export type Load = z.infer<typeof load>

/** In all versions: its sender does not speak the one that it was asked in. The frame says which it does. */
const unspoken = z.object({ kind: z.literal('unspoken'), node: z.string().max(256) })

export type Unspoken = z.infer<typeof unspoken>

/** A frame that was read, with the versions that its sender speaks. */
export interface Read<T> extends VersionRange {
  readonly header: T
  readonly parts: Parts
  /** The check of its parts; undefined where the header was handed over. */
  readonly check?: number
}

/** A chunk that was read: where its bytes were damaged, it says of which. */
export interface Chunk extends Read<ChunkHeader> {
  readonly check: number
  readonly damaged: boolean
}

/** @throws Damaged not even its header can be read · BadMessage · VersionMismatch */
export function readChunk(data: Parts, dialects: Dialects = wireDialects, checking?: Checking): Chunk {
  const frame = unpackHead(data, checking)
  const { check, damaged } = frame
  return { ...readHeader(chunk, frame, dialects), check, damaged }
}

/**
 * A frame whose header passes the schema. Fields that the schema does not have are passed over, but for those that it must.
 * @param checking what looks at its checks. Default: what runs anywhere
 * @throws Damaged · BadMessage · VersionMismatch
 */
export const readFrame = <T>(
  schema: z.ZodType<T>,
  data: Parts,
  dialects: Dialects = wireDialects,
  sentence?: Sentence,
  checking?: Checking,
): Read<T> => readHeader(schema, unpackFrame(data, checking), dialects, sentence)

function readHeader<T>(
  schema: z.ZodType<T>,
  { header, parts, version, least, most, check }: Frame,
  dialects: Dialects,
  sentence?: Sentence,
): Read<T> {
  if (!dialects.speaks(version)) {
    throw new VersionMismatch(
      `What came is in version ${version} of the wire, by somebody who speaks ${inWords({ least, most })}; this side speaks ${inWords(dialects)}.`,
      { retryable: true },
    )
  }
  const known = dialects.read(header, version)
  const checked = readable(schema, known, sentence)
  assertUnderstood(known, checked)
  return { header: checked, parts, least, most, check }
}

/** The same of a reply, which may say that the question was not of a version its sender speaks. */
export function readReply<T>(
  schema: z.ZodType<T>,
  data: Parts,
  dialects: Dialects,
  sentence?: Sentence,
  checking?: Checking,
): Read<T | Unspoken> {
  if (versionOf(data) !== everyVersion) return readFrame(schema, data, dialects, sentence, checking)
  const { header, parts, least, most } = unpackFrame(data, checking)
  return { header: readable(unspoken, header), parts, least, most }
}

/**
 * A reply in the version of what it answers.
 * @param node who says so, where that version is none of its own
 * @throws TooLarge as `packFrame`
 */
export function packReply(
  header: object,
  parts: Parts,
  asked: Parts,
  dialects: Dialects,
  node: string,
  checking?: Checking,
): Parts {
  // What does not even begin as a frame, somebody sent who reads none: any version is as good.
  const version = versionOf(asked) ?? dialects.most
  if (dialects.speaks(version)) return packFrame(header, parts, dialects, version, checking)
  return packFrame({ kind: 'unspoken', node } satisfies Unspoken, [], dialects, everyVersion, checking)
}

/** What to say of a field that fails a schema which is not the wire's; undefined where it is. */
export type Sentence = (path: readonly PropertyKey[], problem: string) => string | undefined

/** What came, as the schema has it. @throws BadMessage */
export function readable<T>(schema: z.ZodType<T>, value: unknown, sentence?: Sentence): T {
  if (quickCheck(schema)(value)) return value as T
  const checked = schema.safeParse(value)
  if (checked.success) return checked.data
  const issue = checked.error.issues[0]
  const said = sentence?.(issue?.path ?? [], issue?.message ?? 'it is wrong')
  if (said !== undefined) throw new BadMessage(said, { cause: checked.error })
  const where = issue?.path.join('.')
  if (issue?.code === 'invalid_union' && issue.discriminator !== undefined) {
    throw new BadMessage(
      `"${where}" of what came is ${told(at(value, issue.path))}, which is not known here. A newer release may have sent it: upgrade this side, or look who else publishes on this subject.`,
      { cause: checked.error },
    )
  }
  throw new BadMessage(
    `What came is wrong at "${where}": ${issue?.message}. Only Quintet may publish on this subject.`,
    { cause: checked.error },
  )
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner as Readonly<Record<PropertyKey, unknown>> | undefined)?.[key],
    value,
  )
}

/** What came, shortly: nobody writes out what somebody else may have made as long as he likes. */
const told = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : described(value)

const classes: Readonly<Record<ErrorCode, { readonly prototype: QuintetError }>> = {
  'bad-input': BadInput,
  'frame-changed': FrameChanged,
  'bad-message': BadMessage,
  damaged: Damaged,
  'version-mismatch': VersionMismatch,
  'too-large': TooLarge,
  'unknown-model': UnknownModel,
  'wrong-shape': WrongShape,
  'model-load-failed': ModelLoadFailed,
  'execution-failed': ExecutionFailed,
  'executor-lost': ExecutorLost,
  'no-responders': NoResponders,
  'node-lost': NodeLost,
  refused: Refused,
  quarantined: Quarantined,
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
  readonly evidence?:
    | readonly { readonly node?: string | undefined; readonly executor?: string | undefined; readonly code: string }[]
    | undefined
}): QuintetError {
  const code = Object.hasOwn(classes, reply.code) ? (reply.code as ErrorCode) : 'stage-failed'
  const error = new QuintetError(code, reply.reason, { retryable: reply.retryable })
  const { prototype } = classes[code]
  Object.setPrototypeOf(error, prototype)
  error.name = prototype.constructor.name
  if (error instanceof Quarantined) return Object.assign(error, { evidence: reply.evidence ?? [] })
  return error instanceof Refused ? Object.assign(error, { retryAfter: reply.retryAfter }) : error
}
