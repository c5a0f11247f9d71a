import { z } from 'zod'
import {
  asQuintetError,
  assertHeaders,
  assertSubject,
  type Conversation,
  type Delivery,
  type Dialects,
  dialectsOf,
  guardedFault,
  made,
  type Parts,
  type RequestOptions,
  readOptions,
  type ServedRequest,
  type ServeOptions,
  type Subscription,
  TooLarge,
  type Transport,
  TransportClosed,
  type TransportHeaders,
  totalBytes,
} from '../../pipeline/index.ts'
import type { EmulatedLink } from './link.ts'

/** Bytes that a message has on the wire besides its data: subject, lengths, headers; about those of the NATS protocol. */
const overhead = 100

export interface ShapedOptions {
  /** Hears of what could not be sent once it had arrived. Default: one warning line. */
  readonly onFault?: (error: Error) => void
}

const shapedOptions = z.strictObject({
  onFault: made<(error: Error) => void>('a function').exactOptional(),
} satisfies Record<keyof ShapedOptions, z.ZodType>)

/**
 * A device's transport behind an emulated link: what leaves it goes up, what comes to it goes down. Order is kept and
 * nothing is lost; what waits at the bottleneck is bounded by what the pipeline has in flight. The link stays its owner's.
 */
export function shaped(transport: Transport, link: EmulatedLink, options: ShapedOptions = {}): Transport {
  return new Shaped(transport, link, readOptions(shapedOptions, options, 'shaped()'))
}

class Shaped implements Transport {
  readonly kind: string
  readonly #inner: Transport
  readonly #link: EmulatedLink
  readonly #fault: (error: Error) => void
  #closed = false

  constructor(inner: Transport, link: EmulatedLink, { onFault }: ShapedOptions) {
    this.kind = `${inner.kind} behind an emulated link`
    this.#inner = inner
    this.#link = link
    this.#fault = guardedFault(onFault)
    void inner.closed.then(() => {
      this.#closed = true
    })
  }

  get connected(): boolean {
    return this.#inner.connected
  }

  get maxPayload(): number {
    return this.#inner.maxPayload
  }

  /** What is handed over takes on the link what it would take if it were written. */
  get handsOver(): boolean {
    return this.#inner.handsOver ?? false
  }

  get dialects(): Dialects {
    return dialectsOf(this.#inner)
  }

  get closed(): Promise<Error | undefined> {
    return this.#inner.closed
  }

  publish(subject: string, data: Parts, headers?: TransportHeaders): void {
    this.#assertSendable(subject, data, headers)
    this.#up(data, () => this.#inner.publish(subject, data, headers), this.#fault)
  }

  request(subject: string, data: Parts, options: RequestOptions): Conversation {
    this.#assertSendable(subject, data, options.headers)
    let open = true
    let asked: Conversation | undefined
    const close = () => {
      open = false
      asked?.close()
    }
    const fail = (error: Error) => {
      if (!open) return
      close()
      this.#heard(() => options.onError(error))
    }
    const heard: RequestOptions = {
      ...options,
      onReply: (delivery) => this.#down(delivery, (one) => open && this.#heard(() => options.onReply(one))),
      onError: (error) => this.#link.down.send(overhead, () => fail(error)),
    }
    this.#up(
      data,
      () => {
        if (open) asked = this.#inner.request(subject, data, heard)
      },
      fail,
    )
    return { close }
  }

  async subscribe(
    subject: string,
    handler: (delivery: Delivery) => void,
    options?: { group?: string },
  ): Promise<Subscription> {
    const standing = { open: true }
    const pass = (delivery: Delivery) => this.#down(delivery, (one) => standing.open && this.#heard(() => handler(one)))
    return closing(await this.#inner.subscribe(subject, pass, options), standing)
  }

  async serve(
    subject: string,
    handler: (request: ServedRequest) => Promise<void> | void,
    options?: ServeOptions,
  ): Promise<Subscription> {
    const standing = { open: true }
    const serveOne = (request: ServedRequest) =>
      new Promise<void>((resolve, reject) => {
        const reply: ServedRequest['reply'] = (data, headers) =>
          this.#up(data, () => request.reply(data, headers), this.#fault)
        this.#down(request, ({ subject: on, headers, data }) => {
          if (!standing.open) return resolve()
          try {
            Promise.resolve(handler({ subject: on, headers, data, reply })).then(resolve, reject)
          } catch (error) {
            reject(error)
          }
        })
      })
    return closing(await this.#inner.serve(subject, serveOne, options), standing)
  }

  drain(within?: number): Promise<void> {
    return this.#inner.drain(within)
  }

  #up(data: Parts, arrived: () => void, failed: (error: Error) => void): void {
    this.#link.up.send(totalBytes(data) + overhead, () => {
      try {
        arrived()
      } catch (error) {
        failed(asQuintetError(error, 'link'))
      }
    })
  }

  /** Calls a listener; what it throws is nobody else's problem. */
  #heard(listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.#fault(asQuintetError(error, 'link'))
    }
  }

  #down<D extends Delivery>(delivery: D, handler: (delivery: D) => unknown): void {
    this.#link.down.send(totalBytes(delivery.data) + overhead, () => handler(delivery))
  }

  #assertSendable(subject: string, data: Parts, headers: TransportHeaders | undefined): void {
    if (this.#closed) throw new TransportClosed('The transport was closed: connect again to send or listen.')
    assertSubject(subject)
    if (headers) assertHeaders(headers)
    const bytes = totalBytes(data)
    if (bytes > this.maxPayload) {
      throw new TooLarge(
        `"${subject}" has ${bytes} bytes, and at most ${this.maxPayload} can be sent. Send less at once.`,
      )
    }
  }
}

/** What still travels when a subscription closes is for nobody. */
function closing(subscription: Subscription, standing: { open: boolean }): Subscription {
  return {
    close: () => {
      standing.open = false
      return subscription.close()
    },
    drain: () => subscription.drain(),
  }
}
