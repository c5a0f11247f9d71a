import type { Dialects } from './wire/dialects.ts'

/**
 * Data as the parts it was made of. A transport inside one process hands the parts over as they are (nothing is
 * copied); one that writes to a socket joins them. A receiver must accept either. On a transport that says `handsOver`
 * the header before the parts may be left unwritten.
 */
export type Parts = readonly Uint8Array[] & { readonly unwritten?: Unwritten }

/** A header that is handed over as it is. Whoever hands it over, and whoever gets it, changes nothing of it. */
export interface Unwritten {
  /** What it would take before the parts, if it were written: links and limits count it. */
  readonly byteLength: number
  /** The bytes that stand before the parts for whoever wants bytes. */
  write(): Uint8Array
}

/** Text headers beside the data: the message id, the W3C traceparent. Keys are case-sensitive, ASCII. */
export type TransportHeaders = Readonly<Record<string, string>>

/** Something that arrived. */
export interface Delivery {
  readonly subject: string
  readonly headers: TransportHeaders
  readonly data: Parts
}

/** A delivery whose sender waits for replies: any number, until the sender has heard enough. */
export interface ServedRequest extends Delivery {
  /** Sends one reply; never throws: a reply to nobody is a reply lost, which the sender's deadline covers. */
  reply(data: Parts, headers?: TransportHeaders): void
}

/** A standing interest in a subject. */
export interface Subscription {
  /** Stops deliveries at once; handlers that run finish on their own. */
  close(): Promise<void>
  /** Takes no new delivery, resolves when the handlers that run have settled. */
  drain(): Promise<void>
}

/** An open request: replies arrive through the callback given to `request`. */
export interface Conversation {
  /** Stops listening for replies and frees the inbox. Idempotent. */
  close(): void
}

/** How a served subject presents itself to discovery, where the transport has any (NATS micro services). */
export interface ServiceDescription {
  /** `[A-Za-z0-9_-]+`. */
  readonly name: string
  /** Semantic version. */
  readonly version: string
  readonly description?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** Own figures, shown by the transport's statistics; must be plain JSON. */
  readonly statistics?: () => Readonly<Record<string, unknown>>
}

export interface ServeOptions {
  /** Members of one group share the deliveries; each goes to one of them. Without: every server gets each. */
  readonly group?: string
  readonly service?: ServiceDescription
}

export interface RequestOptions {
  readonly headers?: TransportHeaders
  /** Called for each reply, in order. */
  readonly onReply: (delivery: Delivery) => void
  /**
   * Called at most once, instead of further replies: `NoResponders` when nobody serves the subject,
   * `TransportClosed` when the connection ended for good.
   */
  readonly onError: (error: Error) => void
}

/**
 * Small records under names, each gone some time after it was written last: what observers see of who runs. Nothing
 * that runs depends on it.
 */
export interface Directory {
  /** Milliseconds after which a record that was not written again is gone. */
  readonly ttl: number
  /**
   * Writes a record, in place of the one before.
   * @param key tokens of `[A-Za-z0-9_-]`, joined by dots
   * @throws TooLarge above 256 KB · TransportClosed
   */
  put(key: string, record: Uint8Array): Promise<void>
  /** Removes one's record, ahead of its time. @throws TransportClosed */
  remove(key: string): Promise<void>
  /** The records that are there, by their keys. @throws TransportClosed */
  list(): Promise<ReadonlyMap<string, Uint8Array>>
}

/**
 * The way messages travel. Subjects are dot-separated tokens of `[A-Za-z0-9_-]`; subscriptions may use `*` for one
 * token and a final `>` for one or more. Order is kept between one publisher and one subscriber.
 *
 * A served delivery is *settled* when its handler's promise settles: a durable transport acknowledges on fulfilment
 * and redelivers or dead-letters on rejection; the others report the rejection through `onFault`.
 */
export interface Transport {
  /** For people: `memory`, `nats`. */
  readonly kind: string
  /** Whether something sent now would leave at once; false while a lost connection is being restored. */
  readonly connected: boolean
  /**
   * Largest data of one publish, request or reply, headers included, in bytes; `Infinity` where nothing is copied. Another
   * after a reconnection to a server that allows another.
   */
  readonly maxPayload: number
  /**
   * Whether all that it reaches is in this process and gets the very `Parts` that were sent, an unwritten header
   * included. Default false: all that is sent is bytes.
   */
  readonly handsOver?: boolean
  /** The versions of the wire that are spoken over it. Default: those of this release. */
  readonly dialects?: Dialects
  /**
   * Sends to whoever subscribes now.
   * @throws TooLarge above `maxPayload` · TransportClosed after close, or while the connection is down (never silently lost)
   */
  publish(subject: string, data: Parts, headers?: TransportHeaders): void
  /** Observes a subject without settling anything. Resolves when the interest is known to the server. */
  subscribe(subject: string, handler: (delivery: Delivery) => void, options?: { group?: string }): Promise<Subscription>
  /**
   * Sends and listens for replies until closed. Deadlines belong to the caller.
   * @throws TooLarge · TransportClosed, as `publish`
   */
  request(subject: string, data: Parts, options: RequestOptions): Conversation
  /** Answers requests on a subject. Resolves when the interest is known to the server. */
  serve(
    subject: string,
    handler: (request: ServedRequest) => Promise<void> | void,
    options?: ServeOptions,
  ): Promise<Subscription>
  /**
   * The directory that whoever shares this transport's server or process sees, where there is one.
   * @throws BadConfiguration the server keeps none, or may not be asked to
   */
  directory?(): Promise<Directory>
  /** Stops taking deliveries, lets running handlers finish (at most `within` ms), flushes, closes. Idempotent. */
  drain(within?: number): Promise<void>
  /** Resolves once closed: with the error when the connection ended for good, without after `drain`. */
  readonly closed: Promise<Error | undefined>
}
