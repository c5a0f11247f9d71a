import { z } from 'zod'
import {
  assertHeaders,
  assertPattern,
  assertSubject,
  type Clock,
  type Conversation,
  DeadlineExceeded,
  type Delivery,
  type Directory,
  guardedFault,
  made,
  NoResponders,
  type Parts,
  type RequestOptions,
  type ServedRequest,
  type ServeOptions,
  type Subscription,
  systemClock,
  type Transport,
  TransportClosed,
  type TransportHeaders,
  within,
} from '../../pipeline/index.ts'
import { MemoryConversation } from './conversation.ts'
import type { Route } from './router.ts'
import { assertSize, MemorySubscription, noHeaders, type Owner, type Shared } from './subscription.ts'

export interface MemoryOptions {
  /** Largest data of one message, bytes. Default `Infinity`: nothing is copied. */
  readonly maxPayload?: number
  /**
   * Whether headers are handed over as they are. Default true; else they are written and read, as by a transport that
   * sends bytes.
   */
  readonly handsOver?: boolean
  /** Hears what no caller can: a handler's rejection, a reply that could not be sent. Default: one warning line. */
  readonly onFault?: (error: Error) => void
  /** Times the deadline of `drain`. */
  readonly clock?: Clock
}

/** Strict. */
export const memoryOptions = z.strictObject({
  maxPayload: z.number().positive().exactOptional(),
  handsOver: z.boolean().exactOptional(),
  onFault: made<(error: Error) => void>('a function').exactOptional(),
  clock: made<Clock>('a clock').exactOptional(),
} satisfies Record<keyof MemoryOptions, z.ZodType>)

const defaultDrain = 5000

/** One party on a memory broker. */
export class MemoryConnection implements Transport {
  readonly kind = 'memory'
  readonly maxPayload: number
  readonly handsOver: boolean
  readonly closed: Promise<Error | undefined>
  readonly #shared: Shared
  readonly #owner: Owner
  readonly #clock: Clock
  readonly #fault: (error: Error) => void
  readonly #subscriptions = new Set<MemorySubscription>()
  readonly #conversations = new Set<MemoryConversation>()
  #state: 'open' | 'draining' | 'closed' = 'open'
  #drained: Promise<void> | undefined
  #settleClosed: () => void = () => {}

  constructor(shared: Shared, options: MemoryOptions) {
    this.#shared = shared
    this.#clock = options.clock ?? systemClock
    this.#fault = guardedFault(options.onFault)
    this.maxPayload = options.maxPayload ?? Number.POSITIVE_INFINITY
    this.handsOver = options.handsOver ?? true
    this.#owner = {
      shared,
      maxPayload: this.maxPayload,
      handsOver: this.handsOver,
      fault: this.#fault,
      ended: (one) => this.#subscriptions.delete(one),
    }
    this.closed = new Promise((resolve) => {
      this.#settleClosed = () => resolve(undefined)
    })
  }

  get connected(): boolean {
    return this.#state !== 'closed'
  }

  publish(subject: string, data: Parts, headers: TransportHeaders = noHeaders): void {
    this.#assertSendable(subject, data, headers)
    this.#dispatch(this.#shared.router.route(subject), { subject, headers, data }, undefined)
  }

  request(subject: string, data: Parts, options: RequestOptions): Conversation {
    const headers = options.headers ?? noHeaders
    this.#assertSendable(subject, data, headers)
    const conversation = new MemoryConversation(options, this.#fault, (one) => this.#conversations.delete(one))
    this.#conversations.add(conversation)
    const route = this.#shared.router.route(subject)
    if (route.all.length === 0 && route.groups.length === 0) {
      this.#shared.turns.later(() => conversation.fail(new NoResponders(subject)))
    } else {
      this.#dispatch(route, { subject, headers, data }, conversation)
    }
    return conversation
  }

  async subscribe(
    subject: string,
    handler: (delivery: Delivery) => void,
    options: { group?: string } = {},
  ): Promise<Subscription> {
    return this.#listen(subject, options.group, handler)
  }

  async serve(
    subject: string,
    handler: (request: ServedRequest) => Promise<void> | void,
    options: ServeOptions = {},
  ): Promise<Subscription> {
    return this.#listen(subject, options.group, handler)
  }

  async directory(): Promise<Directory> {
    if (this.#state === 'closed') throw closedError()
    return this.#shared.directory
  }

  drain(within: number = defaultDrain): Promise<void> {
    this.#drained ??= this.#drain(within)
    return this.#drained
  }

  async #drain(ms: number): Promise<void> {
    this.#state = 'draining'
    const subscriptions = [...this.#subscriptions]
    const settled = await within(Promise.all(subscriptions.map((one) => one.drain())), ms, this.#clock)
    this.#state = 'closed'
    if (!settled) {
      const running = subscriptions.reduce((sum, one) => sum + one.running, 0)
      this.#fault(new DeadlineExceeded(`${running} handlers still ran after ${ms} ms of drain: allow them more time.`))
      for (const one of subscriptions) void one.close()
    }
    for (const conversation of this.#conversations) conversation.fail(closedError())
    this.#settleClosed()
  }

  #listen(pattern: string, group: string | undefined, handler: (request: ServedRequest) => unknown): Subscription {
    assertPattern(pattern)
    if (group !== undefined) assertSubject(group)
    if (this.#state !== 'open') throw closedError()
    const subscription = new MemorySubscription(pattern, group, handler, this.#owner)
    this.#subscriptions.add(subscription)
    return subscription
  }

  /** Everybody gets the very same parts; only the way to reply differs. */
  #dispatch(route: Route<MemorySubscription>, delivery: Delivery, conversation: MemoryConversation | undefined): void {
    for (const one of route.all) this.#send(one, delivery, conversation)
    for (const group of route.groups) this.#send(this.#shared.pick(group), delivery, conversation)
  }

  #send(to: MemorySubscription, delivery: Delivery, conversation: MemoryConversation | undefined): void {
    const { subject, headers, data } = delivery
    const reply = conversation
      ? (answer: Parts, own?: TransportHeaders) => to.answer(conversation, answer, own)
      : nobody
    this.#shared.turns.later(() => to.deliver({ subject, headers, data, reply }))
  }

  #assertSendable(subject: string, data: Parts, headers: TransportHeaders): void {
    if (this.#state === 'closed') throw closedError()
    assertSubject(subject)
    if (headers !== noHeaders) assertHeaders(headers)
    assertSize(`"${subject}"`, data, this.maxPayload)
  }
}

/** Replies to a publisher go nowhere. */
function nobody(): void {}

function closedError(): TransportClosed {
  return new TransportClosed('The transport was closed: connect again to send or listen.')
}
