import { z } from 'zod'
import { type Clock, systemClock } from '../clock.ts'
import { asQuintetError, DeadlineExceeded, Refused, TooLarge } from '../errors.ts'
import { made, readOptions } from '../options.ts'
import { assertSubject } from '../patterns.ts'
import type { Conversation, Parts, ServedRequest, Subscription, Transport } from '../transport.ts'
import { dialectsOf, inWords, noCommonVersion } from '../wire/dialects.ts'
import { packFrame, totalBytes } from '../wire/frame.ts'
import { mostFrame } from '../wire/limits.ts'
import { Peers } from '../wire/peers.ts'
import { packReply, type Read, readFrame, readReply, reviveError, type Unspoken } from '../wire/protocol.ts'
import type { ActorRef } from './actor.ts'

/*
 * An actor's address: a subject. Up go `ask` and `tell` with the message in the frame's header, down comes one
 * `reply` or `failure`; a `tell` is replied to as soon as the message is in the mailbox. MessagePack carries plain
 * data and byte arrays, within the bounds of headers; what is larger than 256 KB belongs into a message of the pipeline, or an object store. Versions are
 * those of the wire, as between the ends of a boundary.
 */

const call = z.object({
  kind: z.enum(['ask', 'tell']),
  message: z.unknown(),
  /** Milliseconds that the sender waits. */
  deadline: z.number().min(0).max(86_400_000),
})

const failure = z.object({
  kind: z.literal('failure'),
  code: z.string().max(64),
  reason: z.string().max(4096),
  retryable: z.boolean(),
  retryAfter: z.number().min(0).optional(),
})

const answerWith = <T>(value: z.ZodType<T>) =>
  z.discriminatedUnion('kind', [z.object({ kind: z.literal('reply'), value }), failure])

type Answered<T> = { readonly kind: 'reply'; readonly value: T } | z.infer<typeof failure>

/** Times that one message is sent again at once because it was in a version which the other side does not speak. */
const mostUnspoken = 2

export interface ExposeOptions<M> {
  readonly transport: Transport
  /** Where it listens: the actor's address. */
  readonly subject: string
  /** What every message must pass before the actor sees it. */
  readonly schema: z.ZodType<M>
  /** Members of one group share the messages; without, every exposed actor of the subject gets each. */
  readonly group?: string
}

const exposeOptions = z.strictObject({
  transport: made<Transport>('a transport'),
  subject: z.string(),
  schema: made<z.ZodType>('a schema'),
  group: z.string().optional(),
} satisfies Record<keyof ExposeOptions<unknown>, z.ZodType>)

/**
 * Gives an actor an address: whoever reaches the subject can `ask` and `tell` it, through `remote`. Resolves when it
 * can be reached; close what it resolves to before the actor is stopped.
 *
 *     const counter = actor('counter', () => ({ receive: (by: number) => (total += by) }))
 *     const exposed = await expose(counter, { transport, subject: 'act.counter', schema: z.number() })
 *     …
 *     await exposed.drain()
 *
 * @throws BadConfiguration the subject is none, or an option is wrong · TransportClosed
 */
export async function expose<M, R>(actor: ActorRef<M, R>, options: ExposeOptions<M>): Promise<Subscription> {
  readOptions(exposeOptions, options, 'expose()')
  const { transport, subject, schema, group } = options
  assertSubject(subject)
  const dialects = dialectsOf(transport)
  const understood = call.extend({ message: schema })
  const refusal = ([field, ...path]: readonly PropertyKey[], problem: string) =>
    field === 'message'
      ? `"${actor.name}" takes no such message: ${at(path)}${problem}. Send one that passes its schema.`
      : undefined
  const work = async (data: Parts): Promise<unknown> => {
    const { kind, message: checked, deadline } = readFrame(understood, data, dialects, refusal).header
    if (kind === 'ask') return actor.ask(checked, deadline)
    await actor.tell(checked)
    return undefined
  }
  const serve = async (request: ServedRequest): Promise<void> => {
    const answer = (header: object) => {
      const frame = packReply(header, [], request.data, dialects, actor.name)
      const bytes = totalBytes(frame)
      if (bytes <= mostFrame(transport)) return frame
      throw new TooLarge(
        `The reply of "${actor.name}" takes ${bytes} bytes, and its transport ${transport.maxPayload} at once, headers included. Raise its limit (max_payload of a NATS server), or reply with less.`,
      )
    }
    try {
      request.reply(answer({ kind: 'reply', value: await work(request.data) }))
    } catch (thrown) {
      request.reply(answer(failed(thrown, actor.name)))
    }
  }
  return transport.serve(subject, serve, group === undefined ? {} : { group })
}

export interface RemoteOptions<R> {
  /** What every reply must pass before the caller sees it. */
  readonly schema: z.ZodType<R>
  /** Milliseconds a `tell` waits for room in the mailbox, and for word of it. Default 5,000. */
  readonly patience?: number
  readonly clock?: Clock
}

const remoteOptions = z.strictObject({
  schema: made<z.ZodType>('a schema'),
  patience: z.number().positive().max(86_400_000).default(5000),
  clock: made<Clock>('a clock').optional(),
} satisfies Record<keyof RemoteOptions<unknown>, z.ZodType>)

/**
 * A reference to an actor on another node, by its address; like one to an actor here, with its errors of the same
 * classes. Besides, both `ask` and `tell` may end with `NoResponders` (nobody is exposed there), `BadMessage` (the
 * message or the reply does not pass its schema), `VersionMismatch` (no version of the wire is common) or `TransportClosed`.
 *
 *     const counter = remote<number, number>(transport, 'act.counter', { schema: z.number() })
 *     const total = await counter.ask(3, 500)
 *
 * @throws BadConfiguration the subject is none, or an option is wrong
 */
export function remote<M, R>(transport: Transport, subject: string, options: RemoteOptions<R>): ActorRef<M, R> {
  assertSubject(subject)
  const { patience } = readOptions(remoteOptions, options, 'remote()')
  const { schema, clock = systemClock } = options
  const dialects = dialectsOf(transport)
  /** By what they speak: who shares the subject gives no name. */
  const peers = new Peers(dialects, clock)
  const unexpected = ([field, ...path]: readonly PropertyKey[], problem: string) =>
    field === 'value'
      ? `"${subject}" replied what the schema given to remote() refuses: ${at(path)}${problem}. Give the schema of what it replies.`
      : undefined
  const [toAsk, toTell] = [answerWith(schema), answerWith(z.unknown())]
  const send = <T>(kind: 'ask' | 'tell', message: M, deadline: number, answer: z.ZodType<Answered<T>>) =>
    new Promise<T>((resolve, reject) => {
      let conversation: Conversation | undefined
      const end = (settle: () => void) => {
        timer.cancel()
        conversation?.close()
        try {
          settle()
        } catch (error) {
          reject(error)
        }
      }
      const late = () =>
        new DeadlineExceeded(
          `"${subject}" did not answer within ${deadline} ms. Allow more, or look whether its node lives.`,
        )
      const timer = clock.after(deadline, () => end(() => reject(late())))
      const ask = (left: number) => {
        try {
          const frame = packFrame({ kind, message, deadline }, [], dialects, peers.toAll ?? dialects.least)
          conversation = transport.request(subject, frame, {
            onReply: ({ data }) => hear(data, left),
            onError: (error) => end(() => reject(error)),
          })
        } catch (error) {
          end(() => reject(error))
        }
      }
      const hear = (data: Parts, left: number) => {
        let reply: Read<Answered<T> | Unspoken>
        try {
          reply = readReply(answer, data, dialects, unexpected)
        } catch (error) {
          return end(() => reject(error))
        }
        const { header } = reply
        peers.heard(inWords(reply), reply)
        if (header.kind === 'reply') return end(() => resolve(header.value))
        if (header.kind === 'failure') return end(() => reject(reviveError(header)))
        if (left === 0 || peers.toAll === undefined) {
          return end(() => reject(noCommonVersion(`"${subject}"`, reply, dialects)))
        }
        conversation?.close()
        ask(left - 1)
      }
      ask(mostUnspoken)
    })
  return {
    name: subject,
    async tell(message) {
      await send('tell', message, patience, toTell)
    },
    ask: (message, deadline) => send('ask', message, deadline, toAsk),
  }
}

/** Where in a message a problem is; nothing of the message as a whole. */
const at = (path: readonly PropertyKey[]) => (path.length === 0 ? '' : `at "${path.join('.')}", `)

function failed(thrown: unknown, actor: string): z.infer<typeof failure> {
  const error = asQuintetError(thrown, actor)
  const { code, message, retryable } = error
  const retryAfter = error instanceof Refused ? error.retryAfter : undefined
  return {
    kind: 'failure',
    code,
    reason: message.slice(0, 4096),
    retryable,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  }
}
