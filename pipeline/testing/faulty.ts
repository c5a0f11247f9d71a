import { type Clock, systemClock } from '../clock.ts'
import { asQuintetError, TooLarge, TransportClosed } from '../errors.ts'
import { assertHeaders, assertSubject } from '../patterns.ts'
import { guardedFault } from '../settlement.ts'
import type {
  Conversation,
  Delivery,
  Parts,
  RequestOptions,
  ServedRequest,
  ServeOptions,
  Subscription,
  Transport,
  TransportHeaders,
} from '../transport.ts'
import { type Dialects, dialectsOf } from '../wire/dialects.ts'
import { totalBytes } from '../wire/frame.ts'
import { type Fault, type FaultCounts, FaultyLink } from './link.ts'
import { seededRandom } from './random.ts'

export interface FaultyOptions {
  /** Times delays and throttling. Default: the machine's. */
  readonly clock?: Clock
  /** Decides every chance. Default: `seededRandom(1)`. */
  readonly random?: () => number
  /** Hears of delayed messages that could not be sent once their time came. Default: one warning line. */
  readonly onFault?: (error: Error) => void
  /** Versions of the wire that are spoken over it, as if by another release. Default: the transport's own. */
  readonly dialects?: Dialects
}

/** A transport to which things happen. */
export interface FaultyTransport extends Transport {
  /** What was done to messages so far. */
  readonly counts: Readonly<FaultCounts>
  /** Replaces the faults; what is on its way stays so. */
  use(faults: readonly Fault[]): void
  /** Loses the connection and all that is on its way: sending throws, nothing arrives, subscriptions wait for `heal`. */
  cut(): void
  /** Restores the connection. */
  heal(): void
}

/** Any transport, seen through faults; without faults it behaves as the transport itself. */
export function faulty(
  transport: Transport,
  faults: readonly Fault[] = [],
  options: FaultyOptions = {},
): FaultyTransport {
  return new Faulty(transport, faults, options)
}

class Faulty implements FaultyTransport {
  readonly kind: string
  readonly dialects: Dialects
  readonly #inner: Transport
  readonly #link: FaultyLink
  readonly #fault: (error: Error) => void
  readonly #asking = new Set<(error: Error) => void>()
  #cut = false
  #closed = false

  constructor(inner: Transport, faults: readonly Fault[], options: FaultyOptions) {
    this.kind = `faulty ${inner.kind}`
    this.#inner = inner
    this.dialects = options.dialects ?? dialectsOf(inner)
    this.#fault = guardedFault(options.onFault)
    this.#link = new FaultyLink(options.clock ?? systemClock, options.random ?? seededRandom(1))
    this.#link.use(faults)
    void inner.closed.then(() => {
      this.#closed = true
      this.#link.cut()
      for (const fail of [...this.#asking]) fail(closedError())
    })
  }

  get connected(): boolean {
    return !this.#cut && this.#inner.connected
  }

  get maxPayload(): number {
    return this.#inner.maxPayload
  }

  get closed(): Promise<Error | undefined> {
    return this.#inner.closed
  }

  get counts(): Readonly<FaultCounts> {
    return this.#link.counts
  }

  use(faults: readonly Fault[]): void {
    this.#link.use(faults)
  }

  cut(): void {
    this.#cut = true
    this.#link.cut()
  }

  heal(): void {
    this.#cut = false
  }

  publish(subject: string, data: Parts, headers?: TransportHeaders): void {
    this.#assertSendable(subject, data, headers)
    this.#leave('publish', subject, data, this.#fault, (sent) => this.#inner.publish(subject, sent, headers))
  }

  request(subject: string, data: Parts, options: RequestOptions): Conversation {
    this.#assertSendable(subject, data, options.headers)
    const asked: Conversation[] = []
    let open = true
    const close = () => {
      open = false
      this.#asking.delete(fail)
      for (const one of asked.splice(0)) one.close()
    }
    const fail = (error: Error) => {
      if (!open) return
      close()
      options.onError(error)
    }
    const heard: RequestOptions = {
      ...options,
      onReply: (delivery) => this.#arrive('answer', subject, delivery, (one) => open && options.onReply(one)),
      onError: fail,
    }
    this.#asking.add(fail)
    try {
      this.#leave('request', subject, data, fail, (sent) => {
        if (open) asked.push(this.#inner.request(subject, sent, heard))
      })
    } catch (error) {
      close()
      throw error
    }
    return { close }
  }

  async subscribe(
    subject: string,
    handler: (delivery: Delivery) => void,
    options?: { group?: string },
  ): Promise<Subscription> {
    this.#assertUp(subject)
    return this.#inner.subscribe(
      subject,
      (delivery) => this.#arrive('delivery', delivery.subject, delivery, handler),
      options,
    )
  }

  async serve(
    subject: string,
    handler: (request: ServedRequest) => Promise<void> | void,
    options?: ServeOptions,
  ): Promise<Subscription> {
    this.#assertUp(subject)
    return this.#inner.serve(subject, (request) => this.#serveOne(request, handler), options)
  }

  /** What is still delayed when the transport beneath has closed is lost, and counted as cut. */
  drain(within?: number): Promise<void> {
    return this.#inner.drain(within)
  }

  /** Settles when what came of the delivery has settled; one that is lost on the way settles at once. */
  #serveOne(request: ServedRequest, handler: (request: ServedRequest) => Promise<void> | void): Promise<void> | void {
    const { subject, headers } = request
    const reply = (data: Parts, own?: TransportHeaders) =>
      this.#link.pass('reply', subject, data, (sent) => {
        if (this.#cut) this.#link.counts.cut++
        else request.reply(sent, own)
      })
    const running: unknown[] = []
    let late = false
    this.#arrive('delivery', subject, request, ({ data }) => {
      const outcome = handler({ subject, headers, data, reply })
      if (late) Promise.resolve(outcome).catch((error) => this.#fault(asQuintetError(error, subject)))
      else running.push(outcome)
    })
    late = true
    if (running.some((outcome) => outcome !== undefined)) return Promise.all(running).then(() => {})
  }

  #arrive(at: 'answer' | 'delivery', subject: string, delivery: Delivery, take: (delivery: Delivery) => void): void {
    if (this.#cut) {
      this.#link.counts.cut++
      return
    }
    this.#link.pass(at, subject, delivery.data, (data) => take({ ...delivery, data }))
  }

  /** What goes wrong at once throws to the caller; what goes wrong when a delayed message's time comes is told. */
  #leave(
    at: 'publish' | 'request',
    subject: string,
    data: Parts,
    tell: (error: Error) => void,
    send: (data: Parts) => void,
  ): void {
    let now = true
    this.#link.pass(at, subject, data, (sent) => {
      if (now) {
        send(sent)
        return
      }
      try {
        send(sent)
      } catch (error) {
        tell(asQuintetError(error, subject))
      }
    })
    now = false
  }

  /** A message that a fault would lose or delay must still be refused where the transport itself would refuse it. */
  #assertSendable(subject: string, data: Parts, headers: TransportHeaders | undefined): void {
    assertSubject(subject)
    if (headers) assertHeaders(headers)
    this.#assertUp(subject)
    if (!this.#inner.connected) {
      throw new TransportClosed(
        `The ${this.#inner.kind} transport is down, so "${subject}" was not sent: send it again later.`,
      )
    }
    const bytes = totalBytes(data)
    if (bytes > this.maxPayload) {
      throw new TooLarge(
        `${bytes} bytes for "${subject}" exceed the transport's ${this.maxPayload}: send less at once.`,
      )
    }
  }

  #assertUp(subject: string): void {
    if (this.#closed) throw closedError()
    if (this.#cut)
      throw new TransportClosed(`The connection is cut, so "${subject}" was not sent: send it again later.`, {
        retryable: true,
      })
  }
}

function closedError(): TransportClosed {
  return new TransportClosed('The transport was closed: connect again to send or listen.')
}
