import { Events, type NatsConnection } from 'nats'
import {
  asQuintetError,
  assertHeaders,
  assertPattern,
  assertSubject,
  type Clock,
  type Conversation,
  DeadlineExceeded,
  type Delivery,
  type Directory,
  join,
  type Parts,
  type RequestOptions,
  type ServedRequest,
  type ServeOptions,
  type Subscription,
  type Transport,
  TransportClosed,
  type TransportHeaders,
  totalBytes,
  within,
} from '../../pipeline/index.ts'
import { natsDirectory } from './directory.ts'
import { closedError, fromClient, NatsDisconnected, notAllowed, tooLarge } from './errors.ts'
import { Inbox } from './inbox.ts'
import { headerBytes, toClient } from './message.ts'
import type { Settings } from './options.ts'
import { type Endpoint, Services } from './service.ts'
import { CoreSubscription, type Owner } from './subscription.ts'

/** What a connection has seen since it was made. */
export interface NatsStatistics {
  /** Times a lost connection was restored. */
  readonly reconnects: number
  /** Deliveries refused because too many handlers had not settled. */
  readonly refused: number
}

/** A transport over one NATS connection: at most once, no storage. */
export interface NatsTransport extends Transport {
  readonly kind: 'nats'
  statistics(): NatsStatistics
}

/** What the connection is made with besides the client's connection itself. */
export interface CoreContext {
  readonly settings: Settings
  readonly clock: Clock
  readonly fault: (error: Error) => void
  readonly onConnection: (connected: boolean) => void
}

const defaultDrain = 5000

/** The live lane over NATS. What was handed to the socket before a lost connection is noticed is lost with it. */
export class NatsCore implements NatsTransport {
  readonly kind = 'nats'
  readonly closed: Promise<Error | undefined>
  readonly #connection: NatsConnection
  readonly #context: CoreContext
  readonly #inbox: Inbox
  readonly #services: Services
  readonly #owner: Owner
  readonly #subscriptions = new Set<CoreSubscription>()
  readonly #whenUp = new Set<() => void>()
  #state: 'open' | 'draining' | 'closed' = 'open'
  #up = true
  #maxPayload: number
  #reconnects = 0
  #refused = 0
  #drained: Promise<void> | undefined

  constructor(connection: NatsConnection, context: CoreContext) {
    this.#connection = connection
    this.#context = context
    this.#maxPayload = connection.info?.max_payload ?? 1024 * 1024
    this.#inbox = new Inbox(connection, context.settings.inboxPrefix, context.fault)
    this.#services = new Services(connection)
    this.#owner = {
      connection,
      pending: context.settings.pending,
      fault: context.fault,
      ended: (one) => this.#subscriptions.delete(one),
      refused: () => this.#refused++,
    }
    this.closed = connection.closed().then((error) => this.#ended(error ?? undefined))
    void this.#watch()
  }

  get connected(): boolean {
    return this.#up && this.#state !== 'closed'
  }

  get maxPayload(): number {
    return this.#maxPayload
  }

  statistics(): NatsStatistics {
    return { reconnects: this.#reconnects, refused: this.#refused }
  }

  publish(subject: string, data: Parts, headers?: TransportHeaders): void {
    this.#assertSendable(subject, data, headers)
    this.#send(subject, data, headers, undefined)
  }

  request(subject: string, data: Parts, options: RequestOptions): Conversation {
    this.#assertSendable(subject, data, options.headers)
    const { conversation, replyTo } = this.#inbox.open(subject, options)
    try {
      this.#send(subject, data, options.headers, replyTo)
    } catch (error) {
      conversation.close()
      throw error
    }
    return conversation
  }

  subscribe(
    subject: string,
    handler: (delivery: Delivery) => void,
    options: { group?: string } = {},
  ): Promise<Subscription> {
    return this.#listen(subject, handler, options)
  }

  serve(
    subject: string,
    handler: (request: ServedRequest) => Promise<void> | void,
    options: ServeOptions = {},
  ): Promise<Subscription> {
    return this.#listen(subject, handler, options)
  }

  async directory(): Promise<Directory> {
    if (this.#state !== 'open') throw closedError()
    return natsDirectory(this.#connection)
  }

  drain(within: number = defaultDrain): Promise<void> {
    this.#drained ??= this.#drain(within)
    return this.#drained
  }

  async #listen(
    pattern: string,
    handler: (request: ServedRequest) => unknown,
    { group, service }: ServeOptions,
  ): Promise<Subscription> {
    assertPattern(pattern)
    if (group !== undefined) assertSubject(group)
    if (this.#state !== 'open') throw closedError()
    const endpoint = service && this.#services.add(service, pattern, group)
    const owner = endpoint ? this.#ownerOf(endpoint) : this.#owner
    const subscription = new CoreSubscription(pattern, group, handler, owner, endpoint?.settled)
    this.#subscriptions.add(subscription)
    try {
      await this.#known()
      subscription.assertAllowed()
    } catch (error) {
      await subscription.close()
      throw error
    }
    return subscription
  }

  #ownerOf(endpoint: Endpoint): Owner {
    const ended = (one: CoreSubscription) => {
      this.#owner.ended(one)
      this.#services.remove(endpoint)
    }
    return { ...this.#owner, ended }
  }

  /** Resolves when the server has read all that was sent before; across a lost connection, once it is back. */
  async #known(): Promise<void> {
    const ms = this.#context.settings.subscribeWithin
    let waiting = true
    const flushed = async () => {
      while (waiting && this.#state !== 'closed') {
        const answered = await this.#connection.flush().then(
          () => true,
          () => false,
        )
        if (answered) return
        await this.#restored()
      }
    }
    const inTime = await within(flushed(), ms, this.#context.clock)
    waiting = false
    if (this.#state === 'closed') throw closedError()
    if (!inTime) {
      throw new TransportClosed(`The NATS server did not take note of a subscription within ${ms} ms: try again.`)
    }
  }

  /** Resolves when the connection is up, or closed for good. */
  #restored(): Promise<void> {
    if (this.#up || this.#state === 'closed') return Promise.resolve()
    return new Promise((resolve) => this.#whenUp.add(resolve))
  }

  #assertSendable(subject: string, data: Parts, headers: TransportHeaders | undefined): void {
    if (this.#state === 'closed') throw closedError()
    assertSubject(subject)
    if (headers) assertHeaders(headers)
    if (!this.#up) throw new NatsDisconnected(`"${subject}"`)
    const bytes = totalBytes(data) + headerBytes(headers)
    if (bytes > this.#maxPayload) throw tooLarge(bytes, `"${subject}"`, this.#maxPayload)
  }

  #send(subject: string, data: Parts, headers: TransportHeaders | undefined, reply: string | undefined): void {
    try {
      this.#connection.publish(subject, join(data), {
        ...(reply === undefined ? {} : { reply }),
        ...(headers === undefined ? {} : { headers: toClient(headers) }),
      })
    } catch (error) {
      throw fromClient(error, `"${subject}"`)
    }
  }

  async #drain(ms: number): Promise<void> {
    const { clock, fault } = this.#context
    const until = clock.now() + ms
    if (this.#state === 'open') this.#state = 'draining'
    const subscriptions = [...this.#subscriptions]
    if (!(await within(Promise.all(subscriptions.map((one) => one.drain())), ms, clock))) {
      const running = subscriptions.reduce((sum, one) => sum + one.running, 0)
      fault(new DeadlineExceeded(`${running} handlers still ran after ${ms} ms of drain: allow them more time.`))
    }
    if (!this.#connection.isClosed()) {
      // What the handlers sent last is still on its way out.
      const flushed = this.#connection.flush().catch(() => {})
      await within(flushed, Math.max(100, until - clock.now()), clock)
      await this.#connection.close()
    }
    await this.closed
  }

  #ended(error: Error | undefined): Error | undefined {
    this.#state = 'closed'
    this.#up = false
    this.#wake()
    const reason = error ? fromClient(error, 'reconnecting') : undefined
    this.#inbox.fail(reason ?? closedError())
    for (const one of [...this.#subscriptions]) void one.close()
    return reason
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === Events.Disconnect) this.#went(false)
      else if (status.type === Events.Reconnect) this.#went(true)
      else if (status.type === Events.Error && status.permissionContext) this.#denied(status.permissionContext)
    }
  }

  #went(up: boolean): void {
    // Several addresses of one server may each report the same change.
    if (this.#up === up || this.#state === 'closed') return
    this.#up = up
    if (up) {
      this.#reconnects++
      this.#maxPayload = this.#connection.info?.max_payload ?? this.#maxPayload
      this.#wake()
    }
    try {
      this.#context.onConnection(up)
    } catch (error) {
      this.#context.fault(asQuintetError(error, 'onConnection'))
    }
  }

  #wake(): void {
    for (const resolve of this.#whenUp) resolve()
    this.#whenUp.clear()
  }

  /** A publish is refused after the fact: whoever waits for its reply must not wait for the deadline. */
  #denied({ operation, subject }: { operation: string; subject: string }): void {
    const error = notAllowed(operation === 'publish' ? `publishing on "${subject}"` : `listening on "${subject}"`)
    this.#context.fault(error)
    if (operation === 'publish') this.#inbox.fail(error, subject)
    else if (this.#inbox.owns(subject)) this.#inbox.fail(error)
  }
}
