import { z } from 'zod'
import { type Clock, systemClock } from '../clock.ts'
import { asQuintetError, DeadlineExceeded, Refused } from '../errors.ts'
import { assertSubject } from '../patterns.ts'
import type { Conversation, Parts, ServedRequest, Subscription, Transport } from '../transport.ts'
import { packFrame } from '../wire/frame.ts'
import { readable, readFrame, reviveError } from '../wire/protocol.ts'
import type { ActorRef } from './actor.ts'

/*
 * An actor's address: a subject. Up go `ask` and `tell` with the message in the frame's header, down comes one
 * `reply` or `failure`; a `tell` is replied to as soon as the message is in the mailbox. MessagePack carries plain
 * data and byte arrays; what is larger than 512 KB belongs into a message of the pipeline, or an object store.
 */

const call = z.object({
  kind: z.enum(['ask', 'tell']),
  message: z.unknown(),
  /** Milliseconds that the sender waits. */
  deadline: z.number().min(0).max(86_400_000),
})

const answer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('reply'), value: z.unknown() }),
  z.object({
    kind: z.literal('failure'),
    code: z.string().max(64),
    reason: z.string().max(4096),
    retryable: z.boolean(),
    retryAfter: z.number().min(0).optional(),
  }),
])

export interface ExposeOptions<M> {
  readonly transport: Transport
  /** Where it listens: the actor's address. */
  readonly subject: string
  /** What every message must pass before the actor sees it. */
  readonly schema: z.ZodType<M>
  /** Members of one group share the messages; without, every exposed actor of the subject gets each. */
  readonly group?: string
}

/**
 * Gives an actor an address: whoever reaches the subject can `ask` and `tell` it, through `remote`. Resolves when it
 * can be reached; close what it resolves to before the actor is stopped.
 *
 *     const counter = actor('counter', () => ({ receive: (by: number) => (total += by) }))
 *     const exposed = await expose(counter, { transport, subject: 'act.counter', schema: z.number() })
 *     …
 *     await exposed.drain()
 *
 * @throws BadConfiguration the subject is none · TransportClosed
 */
export async function expose<M, R>(actor: ActorRef<M, R>, options: ExposeOptions<M>): Promise<Subscription> {
  const { transport, subject, schema, group } = options
  assertSubject(subject)
  const work = async (data: Parts): Promise<unknown> => {
    const { kind, message, deadline } = readFrame(call, data).header
    const checked = readable(schema, message)
    if (kind === 'ask') return actor.ask(checked, deadline)
    await actor.tell(checked)
    return undefined
  }
  const serve = async (request: ServedRequest): Promise<void> => {
    try {
      request.reply(packFrame({ kind: 'reply', value: await work(request.data) }))
    } catch (thrown) {
      request.reply(packFrame(failed(thrown, actor.name)))
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

/**
 * A reference to an actor on another node, by its address; like one to an actor here, with its errors of the same
 * classes. Besides, both `ask` and `tell` may end with `NoResponders` (nobody is exposed there), `BadMessage` (the
 * message or the reply does not pass its schema) or `TransportClosed`.
 *
 *     const counter = remote<number, number>(transport, 'act.counter', { schema: z.number() })
 *     const total = await counter.ask(3, 500)
 *
 * @throws BadConfiguration the subject is none
 */
export function remote<M, R>(transport: Transport, subject: string, options: RemoteOptions<R>): ActorRef<M, R> {
  assertSubject(subject)
  const { schema, patience = 5000, clock = systemClock } = options
  const send = (kind: 'ask' | 'tell', message: M, deadline: number) =>
    new Promise<unknown>((resolve, reject) => {
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
      try {
        conversation = transport.request(subject, packFrame({ kind, message, deadline }), {
          onReply: ({ data }) => end(() => resolve(answered(data))),
          onError: (error) => end(() => reject(error)),
        })
      } catch (error) {
        end(() => reject(error))
      }
    })
  return {
    name: subject,
    async tell(message) {
      await send('tell', message, patience)
    },
    async ask(message, deadline) {
      return readable(schema, await send('ask', message, deadline))
    },
  }
}

function answered(data: Parts): unknown {
  const { header } = readFrame(answer, data)
  if (header.kind === 'reply') return header.value
  throw reviveError(header)
}

function failed(thrown: unknown, actor: string): z.infer<typeof answer> {
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
