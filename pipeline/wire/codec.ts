import { z } from 'zod'
import { BadMessage, WrongShape } from '../errors.ts'
import type { Crossing, Message, Side, Timings } from '../message.ts'
import { elementBytes, type Payload, type Tensor } from '../payload.ts'
import type { Plan, Restriction } from '../plan.ts'
import type { Parts } from '../transport.ts'
import { listOf } from './list.ts'

const token = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
const source = z.string().regex(/^[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{1,64}$/)
const short = z.string().min(1).max(256)
const day = 86_400_000
const ms = z.number().min(0).max(day)

// One regular expression each: unions of templates cost three times as much, on every message.
const cut = z.string().regex(/^(captured|prepared|answered|after:[\s\S]{1,256})$/)
const target = z.string().regex(/^(any|node:[A-Za-z0-9_-]{1,64})$/)
const backup = z.string().regex(/^(none|last|model:[A-Za-z0-9_-]{1,64})$/)

const plan = z.object({
  model: token.optional(),
  cut: cut.optional(),
  encoding: short.optional(),
  target: target.optional(),
  backup: backup.optional(),
  backupAfter: ms.optional(),
  accept: z.number().min(0).max(1).optional(),
})

const open = z.object({
  models: listOf(token, 1024).optional(),
  cuts: listOf(cut, 1024).optional(),
  encodings: listOf(short, 64).optional(),
  targets: listOf(target, 1024).optional(),
  backups: listOf(backup, 1024).optional(),
})

const duration = z.number().min(-day).max(day).optional()
const timings = z.object({
  capture: duration,
  device: duration,
  transfer: duration,
  cloud: duration,
  execute: duration,
  queue: duration,
  load: duration,
  head: duration,
})

const side = z.number().int().min(1).max(65_535)
const at = z.enum(['captured', 'prepared'])
const length = z
  .number()
  .int()
  .min(0)
  .max(1 << 30)
const fraction = z.number().gt(0).max(1)

const payload = z.discriminatedUnion('form', [
  z.object({
    form: z.literal('image'),
    at,
    width: side.optional(),
    height: side.optional(),
    crop: fraction.optional(),
  }),
  z.object({ form: z.literal('pixels'), at, width: side, height: side, crop: fraction.optional() }),
  z.object({
    form: z.literal('tensors'),
    at: cut,
    encoding: short.optional(),
    tensors: listOf(
      z.object({
        name: short,
        type: z.enum(['float32', 'float16', 'uint8', 'int8', 'int32', 'int64', 'bool']),
        shape: listOf(length, 8),
      }),
      63,
      1,
    ),
  }),
  z.object({
    form: z.literal('result'),
    at: z.literal('answered'),
    model: token,
    label: short,
    score: z.number(),
    top: listOf(z.object({ label: short, score: z.number() }), 100),
    boxes: listOf(
      z.object({
        x: z.number(),
        y: z.number(),
        width: z.number(),
        height: z.number(),
        label: short,
        score: z.number(),
      }),
      1000,
    ).optional(),
  }),
])

const crossing = z.object({ at: cut, encoding: short, bytes: z.number().min(0), node: token })

/** A message on the wire, its payload's bytes apart. `budget` and `elapsed` are durations: no clock is shared. */
export const messageHeader = z.object({
  id: token,
  source,
  /** Of its device's process. */
  run: token.optional(),
  seq: z.number().int().min(0),
  budget: ms,
  elapsed: ms,
  attempt: z.number().int().min(1).max(1000),
  pass: z.number().int().min(1).max(1000).optional(),
  backup: z.literal(true).optional(),
  /** What the sender knows of the link: its shortest round trip, and the milliseconds these bytes should take. */
  link: z.object({ rtt: ms, upload: ms }).optional(),
  /** What the boundaries before this one took, as far as that is known. */
  way: z.object({ up: ms, down: ms }).optional(),
  /** Of the message itself, ms from capture; undefined: the pipeline's. */
  deadline: ms.optional(),
  /** Wished for. */
  accuracy: z.number().min(0).max(1).optional(),
  plan,
  open,
  timings,
  payload,
  crossing: crossing.optional(),
})

export type MessageHeader = z.infer<typeof messageHeader>

/** What a message became below a boundary, on its way back; the sender still knows the rest. */
export const outcomeHeader = z.object({
  plan,
  timings,
  payload,
  crossing: crossing.optional(),
  /** The model that the plan named, where another answered for it: a version that it was moved to. */
  asked: token.optional(),
})

export type OutcomeHeader = z.infer<typeof outcomeHeader>

/** Splits a message into the header that describes it and the bytes it carries, at local time `now`. */
export function encodeMessage(
  message: Message,
  now: number,
  link?: MessageHeader['link'],
): { header: MessageHeader; parts: Parts } {
  const { described, parts } = describe(message.payload)
  const { run, pass, backup, way, crossing, deadline, accuracy } = message
  const header: MessageHeader = {
    id: message.id,
    source: message.source,
    seq: message.seq,
    budget: Math.min(day, Math.max(0, message.expires - now)),
    elapsed: Math.min(day, Math.max(0, now - message.captured)),
    attempt: message.attempt,
    open: message.open as MessageHeader['open'],
    plan: message.plan as MessageHeader['plan'],
    timings: message.timings as MessageHeader['timings'],
    payload: described as MessageHeader['payload'],
  }
  if (run !== undefined) header.run = run
  if (pass !== undefined) header.pass = pass
  if (deadline !== undefined) header.deadline = deadline
  if (accuracy !== undefined) header.accuracy = accuracy
  if (backup) header.backup = backup
  if (link) header.link = link
  if (way) header.way = way
  if (crossing) header.crossing = crossing as OutcomeHeader['crossing']
  return { header, parts }
}

/** The same of what came of it alone. @param asked the model that its plan named when it came */
export function encodeOutcome(
  { plan, timings, payload, crossing }: Message,
  asked?: string,
): { header: OutcomeHeader; parts: Parts } {
  const { described, parts } = describe(payload)
  const header = { plan, timings, payload: described } as OutcomeHeader
  if (asked !== undefined && payload.form === 'result' && payload.model !== asked) header.asked = asked
  if (crossing) header.crossing = crossing as OutcomeHeader['crossing']
  return { header, parts }
}

function describe(payload: Payload): { described: object; parts: Parts } {
  switch (payload.form) {
    case 'image':
    case 'pixels':
      return { described: pictureWith(payload, undefined), parts: [payload.bytes] }
    case 'tensors':
      return {
        described: { ...payload, tensors: payload.tensors.map(({ name, type, shape }) => ({ name, type, shape })) },
        parts: payload.tensors.map((tensor) => tensor.bytes),
      }
    case 'result':
      return { described: payload, parts: [] }
  }
}

/**
 * Puts a checked header and its bytes together again, on this node's clock.
 * @throws BadMessage parts are missing or too many · WrongShape a tensor's bytes do not fill its shape
 */
export function decodeMessage<S extends Side>(
  header: MessageHeader,
  parts: Parts,
  side: S,
  now: number,
): Message<Payload, S> {
  const { payload, plan, timings, crossing } = decodeOutcome(header, parts)
  const message: Mutable<Message<Payload, S>> = {
    kind: 'message',
    id: header.id,
    source: header.source,
    seq: header.seq,
    side,
    captured: now - header.elapsed,
    expires: now + header.budget,
    payload,
    plan,
    open: header.open as Restriction,
    timings,
    attempt: header.attempt,
  }
  if (header.run !== undefined) message.run = header.run
  if (header.pass !== undefined) message.pass = header.pass
  if (header.deadline !== undefined) message.deadline = header.deadline
  if (header.accuracy !== undefined) message.accuracy = header.accuracy
  if (header.backup) message.backup = header.backup
  if (crossing) message.crossing = crossing
  return message
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/**
 * Whether an outcome is of what was asked: a result, of the model that the plan names, or of one that says it stands for it.
 * @returns what it is instead
 */
export function notWhatWasAsked({ payload, asked }: OutcomeHeader, { model }: Plan): string | undefined {
  if (payload.form !== 'result') return `${payload.form} at "${payload.at}" instead of a result`
  if (model === undefined || payload.model === model || asked === model) return undefined
  return `the result of "${payload.model}" for a plan of "${model}"`
}

/** @throws as `decodeMessage` */
export function decodeOutcome(
  header: OutcomeHeader,
  parts: Parts,
): Pick<Message, 'payload' | 'plan' | 'timings' | 'crossing'> {
  const outcome: Mutable<Pick<Message, 'payload' | 'plan' | 'timings' | 'crossing'>> = {
    payload: decodePayload(header.payload, parts),
    plan: header.plan as Plan,
    timings: header.timings as Timings,
  }
  if (header.crossing) outcome.crossing = header.crossing as Crossing
  return outcome
}

function decodePayload(described: MessageHeader['payload'], parts: Parts): Payload {
  const expected = described.form === 'result' ? 0 : described.form === 'tensors' ? described.tensors.length : 1
  if (parts.length !== expected) {
    throw new BadMessage(`The message describes ${expected} part(s) but carries ${parts.length}. Send it again, whole.`)
  }
  switch (described.form) {
    case 'image':
      return pictureWith(described, parts[0]) as Payload
    case 'pixels': {
      const bytes = parts[0] as Uint8Array
      if (bytes.byteLength !== described.width * described.height * 3) {
        throw new WrongShape(
          `Raw pixels of ${described.width} × ${described.height} need ${described.width * described.height * 3} bytes, not ${bytes.byteLength}.`,
        )
      }
      return pictureWith(described, bytes) as Payload
    }
    case 'tensors':
      if (described.at === 'captured' || described.at === 'answered') {
        throw new BadMessage(`Tensors cannot stand at "${described.at}". Send them at "prepared" or behind a layer.`)
      }
      return {
        ...described,
        tensors: described.tensors.map((tensor, index) => decodeTensor(tensor, parts[index] as Uint8Array)),
      } as Payload
    case 'result':
      return described as Payload
  }
}

type Picture = Extract<MessageHeader['payload'], { form: 'image' | 'pixels' }>

/** What describes a picture, and its bytes. Field by field: a spread of few fields costs more than all else here. */
function pictureWith({ form, at, width, height, crop }: Picture, bytes: Uint8Array | undefined): object {
  const picture: { -readonly [K in keyof Picture]: Picture[K] | undefined } & { bytes?: Uint8Array } = { form, at }
  if (width !== undefined) picture.width = width
  if (height !== undefined) picture.height = height
  if (crop !== undefined) picture.crop = crop
  if (bytes !== undefined) picture.bytes = bytes
  return picture
}

function decodeTensor(described: Omit<Tensor, 'bytes'>, bytes: Uint8Array): Tensor {
  const size = elementBytes[described.type]
  const expected = described.shape.reduce((product, length) => product * length, size)
  if (bytes.byteLength !== expected) {
    throw new WrongShape(
      `Tensor "${described.name}" of shape [${described.shape.join(', ')}] ${described.type} needs ${expected} bytes, not ${bytes.byteLength}.`,
    )
  }
  // A typed array can only be laid over an aligned offset; one copy here saves every reader from caring.
  return { ...described, bytes: bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes) }
}
