import { Cancellation } from '../cancellation.ts'
import type { Clock, Timer } from '../clock.ts'
import { asQuintetError, Cancelled, DeadlineExceeded, type QuintetError, Refused, TooLarge } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Item, Message, Side } from '../message.ts'
import type { Boundary } from '../subjects.ts'
import type { Delivery, Parts, ServedRequest, ServiceDescription, Subscription, Transport } from '../transport.ts'
import { Assembly } from './chunks.ts'
import { decodeMessage, encodeOutcome, type MessageHeader } from './codec.ts'
import { packFrame } from './frame.ts'
import { acceptAfter, beat, type Down, type Load, readChunk, readUp, type Up } from './protocol.ts'

export interface ResponderOptions {
  readonly transport: Transport
  readonly boundary: Boundary
  readonly node: string
  readonly side: Side
  readonly clock: Clock
  readonly events: Events
  /** Takes a message into the chain; what comes of it is given to `settle`. */
  readonly accept: (message: Message) => void
  /** A message is not held any longer: settled, out of budget, or not wanted. */
  readonly onReleased?: (id: string) => void
  /** Messages held at once; more are refused. */
  readonly capacity: number
  /** Largest message, bytes. */
  readonly maxBytes?: number
  /** Bytes of all messages that arrive in chunks at one time. */
  readonly maxArriving?: number
  readonly service?: ServiceDescription
}

/** A W3C trace context; anything else in that header is ignored. */
const traceContext = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

interface Held {
  readonly id: string
  readonly expires: number
  /** Local clock, ms: when its header came, and when all of it was here. */
  readonly arrived: number
  whole: number
  accepted: boolean
  readonly cancellation: Cancellation
  readonly traceparent: string | undefined
  /** Those who wait: one, or more when a message was sent again while it is still held. */
  readonly waiting: { readonly request: ServedRequest; readonly done: () => void }[]
  lastSign: number
  assembly: { readonly header: MessageHeader; readonly bytes: Assembly; readonly subject: string } | undefined
}

/**
 * The lower end of a boundary: takes messages whole or in chunks, gives signs of life while they are worked on, and
 * replies what became of each. A message that is sent again while it is held joins the one that is held.
 */
export class Responder {
  readonly #options: Required<Omit<ResponderOptions, 'service' | 'onReleased'>> &
    Pick<ResponderOptions, 'service' | 'onReleased'>
  readonly #held = new Map<string, Held>()
  readonly #subscriptions: Subscription[] = []
  readonly #counts = { received: 0, results: 0, failures: 0, dropped: 0, refused: 0, cancelled: 0 }
  #meanResidence = 0
  #arriving = 0
  #timer: Timer | undefined
  #draining = false
  #idle: (() => void) | undefined

  private constructor(options: ResponderOptions) {
    this.#options = { maxBytes: 64 * 2 ** 20, maxArriving: 256 * 2 ** 20, ...options }
  }

  /** Resolves when messages can come. */
  static async open(options: ResponderOptions): Promise<Responder> {
    const responder = new Responder(options)
    const { transport, boundary, node, service } = options
    const serve = (request: ServedRequest) => responder.#onRequest(request)
    const described = service && {
      ...service,
      statistics: () => ({ ...service.statistics?.(), ...responder.statistics }),
    }
    const opened = await Promise.allSettled([
      transport.serve(boundary.anyPattern, serve, { group: 'quintet', ...(described ? { service: described } : {}) }),
      transport.serve(boundary.nodePattern(node), serve),
      transport.subscribe(boundary.chunksPattern(node), (delivery) => responder.#onChunk(delivery)),
    ])
    for (const result of opened) if (result.status === 'fulfilled') responder.#subscriptions.push(result.value)
    const failed = opened.find((result) => result.status === 'rejected')
    if (failed) {
      await responder.close()
      throw failed.reason
    }
    return responder
  }

  get statistics(): Readonly<Record<string, number>> {
    return { ...this.#counts, pending: this.#held.size, meanResidenceMs: Math.round(this.#meanResidence * 100) / 100 }
  }

  /** Replies what became of a message that `accept` was given. Unknown ids were settled before: they are ignored. */
  settle(item: Item): void {
    const held = this.#held.get(item.id)
    if (!held) return
    const { node, clock } = this.#options
    const now = clock.now()
    const residence = now - held.whole
    this.#meanResidence += (residence - this.#meanResidence) * (this.#meanResidence === 0 ? 1 : 0.1)
    switch (item.kind) {
      case 'message': {
        this.#counts.results++
        const { header, parts } = encodeOutcome(item)
        return this.#finish(held, { kind: 'result', node, outcome: header, residence, load: this.#load() }, parts)
      }
      case 'failure':
        return this.#fail(held, item.error, item.stage)
      case 'dropped':
        this.#counts.dropped++
        return this.#finish(held, { kind: 'dropped', node, reason: item.reason })
    }
  }

  /** Takes no new message; those held have `within` ms to be settled, then they fail as cancelled. */
  async drain(within: number): Promise<void> {
    this.#draining = true
    // The direct subjects stay open meanwhile: chunks and cancellations of what is held arrive there.
    const stopped = this.#subscriptions[0]?.drain()
    if (this.#held.size > 0) {
      let timer: Timer | undefined
      await new Promise<void>((resolve) => {
        this.#idle = resolve
        timer = this.#options.clock.after(within, resolve)
      })
      timer?.cancel()
    }
    await this.close()
    await stopped
  }

  /** Ends what is held as cancelled, and all interest. Idempotent. */
  async close(): Promise<void> {
    for (const held of [...this.#held.values()]) {
      held.cancellation.cancel()
      this.#fail(
        held,
        new Cancelled('The node closed before the message was answered. Send it to another node.'),
        'close',
      )
    }
    this.#timer?.cancel()
    await Promise.all(this.#subscriptions.splice(0).map((subscription) => subscription.close()))
  }

  #load(): Load {
    return { pending: this.#held.size, capacity: this.#options.capacity }
  }

  #onRequest(request: ServedRequest): Promise<void> | void {
    let read: { header: Up; parts: Parts }
    try {
      read = readUp(request.data)
    } catch (error) {
      return this.#reject(request, asQuintetError(error, 'receive'))
    }
    const { header, parts } = read
    if (header.kind === 'cancel') return this.#cancel(header.id)
    const { id } = header.message
    const joined = this.#held.get(id)
    if (joined) {
      if (joined.assembly)
        this.#reply(request, { kind: 'accept', node: this.#options.node, subject: joined.assembly.subject })
      return this.#wait(joined, request)
    }
    if (this.#draining || this.#held.size >= this.#options.capacity) {
      this.#counts.refused++
      const reason = this.#draining ? 'The node is draining.' : `The node holds ${this.#held.size} messages already.`
      const retryAfter = this.#draining ? 0 : Math.ceil(this.#meanResidence)
      return this.#reply(request, { kind: 'refused', node: this.#options.node, reason, retryAfter })
    }
    return header.kind === 'offer' ? this.#onOffer(request, header) : this.#onMessage(request, header.message, parts)
  }

  #onMessage(request: ServedRequest, header: MessageHeader, parts: Parts): Promise<void> | void {
    const held = this.#hold(header, request)
    const waiting = this.#wait(held, request)
    this.#dispatch(held, header, parts)
    return waiting
  }

  #onOffer(request: ServedRequest, offer: Extract<Up, { kind: 'offer' }>): Promise<void> | void {
    const { boundary, node, maxBytes, maxArriving } = this.#options
    const bytes = offer.sizes.reduce((sum, size) => sum + size, 0)
    if (bytes > maxBytes) {
      return this.#reject(
        request,
        new TooLarge(
          `The message has ${bytes} bytes, this node takes ${maxBytes}. Prepare it on the device, or raise maxBytes.`,
        ),
      )
    }
    if (this.#arriving + bytes > maxArriving) {
      this.#counts.refused++
      return this.#reply(request, {
        kind: 'refused',
        node,
        reason: 'Too many large messages arrive here at once.',
        retryAfter: 100,
      })
    }
    this.#arriving += bytes
    const { id, source } = offer.message
    const held = this.#hold(offer.message, request)
    const subject = boundary.chunks(source, node, id)
    held.assembly = { header: offer.message, bytes: new Assembly(offer.sizes), subject }
    this.#reply(request, { kind: 'accept', node, subject })
    held.accepted = true
    return this.#wait(held, request)
  }

  #onChunk(delivery: Delivery): void {
    const held = this.#held.get(delivery.subject.slice(delivery.subject.lastIndexOf('.') + 1))
    const assembly = held?.assembly
    if (!held || !assembly || assembly.subject !== delivery.subject) return
    try {
      const { header, parts } = readChunk(delivery.data)
      const whole = assembly.bytes.add(header, parts)
      this.#tell(held, { kind: 'ack', node: this.#options.node, index: header.index })
      if (!whole) return
      held.assembly = undefined
      this.#arriving -= assembly.bytes.byteLength
      this.#dispatch(held, assembly.header, assembly.bytes.finish())
    } catch (error) {
      this.#fail(held, asQuintetError(error, 'receive'), 'receive')
    }
  }

  #hold(header: MessageHeader, { headers }: ServedRequest): Held {
    const { clock } = this.#options
    const now = clock.now()
    const held: Held = {
      id: header.id,
      expires: now + header.budget,
      arrived: now,
      whole: now,
      accepted: false,
      cancellation: new Cancellation(),
      traceparent: traceContext.test(headers.traceparent ?? '') ? headers.traceparent : undefined,
      waiting: [],
      lastSign: now,
      assembly: undefined,
    }
    this.#counts.received++
    this.#held.set(header.id, held)
    this.#timer ??= clock.after(acceptAfter, this.#sweep)
    return held
  }

  #dispatch(held: Held, header: MessageHeader, parts: Parts): void {
    const { side, clock, accept } = this.#options
    held.whole = clock.now()
    try {
      // Its clock starts when the header arrived: what the chunks took is the message's time, too.
      const { cancellation, traceparent } = held
      const message = decodeMessage(header, parts, side, held.arrived)
      const { link, way: before = { up: 0, down: 0 } } = header
      const { captured } = message
      // What came in chunks was seen coming; of what came whole only the sender can guess what it took.
      const chunked = held.whole - held.arrived
      const unseen = link ? link.rtt / 2 + (chunked > 0 ? 0 : link.upload) : 0
      const way = { up: before.up + chunked + unseen, down: before.down + (link ? link.rtt / 2 : 0) }
      accept({
        ...message,
        ...(link || header.way ? { captured: captured - unseen, way } : {}),
        cancellation,
        ...(traceparent ? { traceparent } : {}),
      })
    } catch (error) {
      this.#fail(held, asQuintetError(error, 'receive'), 'receive')
    }
  }

  /** Settles the transport's delivery only when the message is settled: a durable transport acknowledges then. */
  #wait(held: Held, request: ServedRequest): Promise<void> {
    return new Promise((done) => held.waiting.push({ request, done }))
  }

  #cancel(id: string): void {
    const held = this.#held.get(id)
    if (!held) return
    this.#counts.cancelled++
    held.cancellation.cancel()
    this.#fail(held, new Cancelled(), 'receive')
  }

  /** Signs of life and ended budgets, for all messages held, with one timer. */
  readonly #sweep = () => {
    const { clock, node } = this.#options
    const now = clock.now()
    for (const held of [...this.#held.values()]) {
      if (now >= held.expires) {
        held.cancellation.cancel()
        this.#fail(held, new DeadlineExceeded('The budget ended while the message was in the cloud.'), 'receive')
      } else if (!held.accepted && now - held.arrived >= acceptAfter) {
        held.accepted = true
        held.lastSign = now
        this.#tell(held, { kind: 'accept', node })
      } else if (now - held.lastSign >= beat - acceptAfter / 2) {
        held.lastSign = now
        this.#tell(held, { kind: 'working', node })
      }
    }
    this.#timer = this.#held.size > 0 ? clock.after(acceptAfter, this.#sweep) : undefined
  }

  #fail(held: Held, error: QuintetError, stage: string): void {
    const { clock, node } = this.#options
    if (error instanceof Refused) {
      this.#counts.refused++
      const { retryAfter } = error
      return this.#finish(held, {
        kind: 'refused',
        node,
        reason: error.message,
        ...(retryAfter === undefined ? {} : { retryAfter }),
      })
    }
    this.#counts.failures++
    this.#finish(held, {
      kind: 'failure',
      node,
      code: error.code,
      reason: error.message.slice(0, 4096),
      retryable: error.retryable,
      stage,
      residence: clock.now() - held.whole,
    })
  }

  #finish(held: Held, reply: Down, parts: Parts = []): void {
    if (!this.#held.delete(held.id)) return
    this.#options.onReleased?.(held.id)
    if (held.assembly) this.#arriving -= held.assembly.bytes.byteLength
    const frame = packFrame(reply, parts)
    for (const { request, done } of held.waiting) {
      request.reply(frame)
      done()
    }
    if (this.#held.size === 0) this.#idle?.()
  }

  #tell(held: Held, reply: Down): void {
    const frame = packFrame(reply)
    for (const { request } of held.waiting) request.reply(frame)
  }

  #reply(request: ServedRequest, reply: Down): void {
    request.reply(packFrame(reply))
  }

  #reject(request: ServedRequest, error: QuintetError): void {
    this.#counts.failures++
    this.#reply(request, {
      kind: 'failure',
      node: this.#options.node,
      code: error.code,
      reason: error.message.slice(0, 4096),
      retryable: error.retryable,
      stage: 'receive',
      residence: 0,
    })
  }
}
