import { type Subscription as ClientSubscription, Empty, type Msg, type NatsConnection } from 'nats'
import {
  asQuintetError,
  assertHeaders,
  join,
  MailboxFull,
  type Parts,
  type ServedRequest,
  Settlement,
  type Subscription,
  type TransportHeaders,
} from '../../pipeline/index.ts'
import { fromClient, notAllowed } from './errors.ts'
import { deliveryFrom, nobodyHere, toClient } from './message.ts'

/** What a subscription needs of the transport that made it. */
export interface Owner {
  readonly connection: NatsConnection
  readonly pending: { readonly messages: number; readonly bytes: number }
  readonly fault: (error: Error) => void
  readonly ended: (subscription: CoreSubscription) => void
  /** Counts a delivery that was refused. */
  readonly refused: () => void
}

/** One settled delivery: how long its handler took, ms, and what it failed with. */
export type Settled = (ms: number, error: unknown) => void

/** One standing interest of one connection, with bounded unfinished work. */
export class CoreSubscription implements Subscription {
  readonly pattern: string
  readonly group: string | undefined
  readonly #handler: (request: ServedRequest) => unknown
  readonly #owner: Owner
  readonly #settled: Settled | undefined
  readonly #settlement = new Settlement()
  readonly #client: ClientSubscription
  #bytes = 0
  #live = true
  #overflowing = false
  #denied: Error | undefined
  #drained: Promise<void> | undefined

  constructor(
    pattern: string,
    group: string | undefined,
    handler: (request: ServedRequest) => unknown,
    owner: Owner,
    settled?: Settled,
  ) {
    this.pattern = pattern
    this.group = group
    this.#handler = handler
    this.#owner = owner
    this.#settled = settled
    this.#client = owner.connection.subscribe(pattern, {
      ...(group === undefined ? {} : { queue: group }),
      callback: (error, message) => {
        if (error) this.#denied = notAllowed(`a subscription to "${pattern}"`, error)
        else this.#take(message)
      },
    })
  }

  /** Handlers that have not settled. */
  get running(): number {
    return this.#settlement.running
  }

  /** @throws BadConfiguration when the server refused the interest */
  assertAllowed(): void {
    if (this.#denied) throw this.#denied
  }

  async close(): Promise<void> {
    if (!this.#live) return
    this.#live = false
    this.#owner.ended(this)
    if (!this.#client.isClosed()) this.#client.unsubscribe()
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  async #drain(): Promise<void> {
    this.#owner.ended(this)
    // The client goes on delivering what the server had already sent here: nobody else will get it.
    if (this.#live && !this.#client.isClosed()) {
      // The client waits for the server's word of it, also when the connection is closed before that comes.
      await Promise.race([this.#client.drain().catch(() => {}), this.#owner.connection.closed()])
    }
    this.#live = false
    await this.#settlement.idle()
  }

  #take(message: Msg): void {
    if (!this.#live) return
    const bytes = message.data.length
    const { pending } = this.#owner
    if (this.#settlement.running >= pending.messages || this.#bytes + bytes > pending.bytes) {
      this.#refuse(message)
      return
    }
    this.#overflowing = false
    const request = this.#read(message)
    if (!request) return
    this.#bytes += bytes
    const started = performance.now()
    this.#settlement.run(this.#handler, request, (error) => {
      this.#bytes -= bytes
      this.#settled?.(performance.now() - started, error)
      if (error !== undefined) this.#owner.fault(asQuintetError(error, message.subject))
    })
  }

  #read(message: Msg): ServedRequest | undefined {
    try {
      const { subject, headers, data } = deliveryFrom(message)
      return { subject, headers, data, reply: (answer, own) => this.#reply(message, answer, own) }
    } catch (error) {
      this.#owner.fault(asQuintetError(error, this.pattern))
      return undefined
    }
  }

  /** Says so once for each time the bound is reached, not for each delivery above it. */
  #refuse(message: Msg): void {
    this.#owner.refused()
    if (message.reply) this.#respond(message, () => message.respond(Empty, { headers: nobodyHere }))
    if (this.#overflowing) return
    this.#overflowing = true
    this.#owner.fault(
      new MailboxFull(
        `"${this.pattern}" has ${this.#settlement.running} unfinished handlers (${this.#bytes} bytes), so deliveries are ` +
          'refused: make the handlers faster, start more members of the group, or raise "pending".',
      ),
    )
  }

  #reply(message: Msg, data: Parts, headers?: TransportHeaders): void {
    if (!message.reply) return
    this.#respond(message, () => {
      if (headers) assertHeaders(headers)
      message.respond(join(data), headers ? { headers: toClient(headers) } : undefined)
    })
  }

  /** What cannot be sent is a fault here, never an exception in the handler. */
  #respond(message: Msg, send: () => void): void {
    try {
      send()
    } catch (error) {
      this.#owner.fault(fromClient(error, `a reply on "${message.subject}"`))
    }
  }
}
