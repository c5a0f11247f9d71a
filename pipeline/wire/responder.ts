import type { Timer } from '../clock.ts'
import {
  asQuintetError,
  BadMessage,
  Cancelled,
  Damaged,
  DeadlineExceeded,
  NodeLost,
  type QuintetError,
  Refused,
  TooLarge,
  VersionMismatch,
} from '../errors.ts'
import type { Item } from '../message.ts'
import { Residence } from '../residence.ts'
import { type Boundary, deviceOf } from '../subjects.ts'
import type { Delivery, Parts, ServedRequest, ServeOptions, Subscription } from '../transport.ts'
import { Arrivals } from './arrivals.ts'
import { encodeOutcome, type MessageHeader } from './codec.ts'
import { Crowding } from './crowding.ts'
import { type Dialects, dialectsOf } from './dialects.ts'
import { totalBytes } from './frame.ts'
import { readUp, sendDown } from './hand-over.ts'
import { type Brought, type Held, hold, isAnother, leftOf, messageOf } from './held.ts'
import { Holders } from './holders.ts'
import { mostFrame, pieceFor } from './limits.ts'
import { inPieces, mostAnswer } from './pieces.ts'
import { acceptAfter, beat, type Down, keyOf, type Load, type Read, type Up } from './protocol.ts'
import { failed, refused } from './replies.ts'
import type { ResponderOptions } from './responder-options.ts'
import { givingWay, turnOf } from './shares.ts'

/** Of the nodes that share the messages of a boundary. */
const groupName = 'quintet'
/** Requests for one message that are answered: the last ones. */
const mostTries = 4

/**
 * The lower end of a boundary: takes messages whole or in chunks, gives signs of life while they are worked on, and
 * replies what became of each. A message that is sent again while it is held joins the one that is held. Whose message
 * it is says the subject it came on, which a server can guard: no device reaches, or joins, the messages of another.
 */
export class Responder {
  readonly #options: Required<Omit<ResponderOptions, 'service' | 'onReleased' | 'device' | 'group'>> &
    Pick<ResponderOptions, 'service' | 'onReleased' | 'device' | 'group'>
  readonly #dialects: Dialects
  readonly #held = new Map<string, Held>()
  readonly #arrivals: Arrivals
  readonly #subscriptions: Subscription[] = []
  readonly #take = (request: ServedRequest) => this.#onRequest(request)
  readonly #described: Pick<ServeOptions, 'service'>
  #group: Subscription | undefined
  #closed = false
  /** Why it is out of service. */
  #ill: string | undefined
  /** Leaving the group and joining it again, one after the other. */
  #changing: Promise<void> = Promise.resolve()
  readonly #counts = {
    received: 0,
    results: 0,
    failures: 0,
    dropped: 0,
    refused: 0,
    cancelled: 0,
    probed: 0,
    unspoken: 0,
    damaged: 0,
  }
  readonly #crowding = new Crowding()
  readonly #holders: Holders
  readonly #residence = new Residence()
  #meanResidence = 0
  #timer: Timer | undefined
  #draining = false
  #idle: (() => void) | undefined

  private constructor(options: ResponderOptions) {
    this.#options = { maxBytes: 64 * 2 ** 20, maxArriving: 256 * 2 ** 20, ...options }
    this.#dialects = dialectsOf(options.transport)
    this.#holders = new Holders(options.clock)
    const bytes = ({ assembly }: Held) => assembly?.bytes.byteLength ?? 0
    this.#arrivals = new Arrivals({ ...this.#options, dialects: this.#dialects }, (device, brought) =>
      this.#makeRoom(device, brought, bytes),
    )
    const { service } = options
    const statistics = () => ({ ...service?.statistics?.(), ...this.statistics, health: this.#ill ?? 'in service' })
    this.#described = service ? { service: { ...service, statistics } } : {}
  }

  /** Resolves when messages can come. */
  static async open(options: ResponderOptions): Promise<Responder> {
    const responder = new Responder(options)
    const { transport, boundary, node, group = true } = options
    const opened = await Promise.allSettled([
      // Also while it is out of service this one stands, so that discovery sees the node and its health.
      transport.serve(boundary.nodePattern(node), responder.#take, responder.#described),
      transport.subscribe(boundary.chunksPattern(node), (delivery) => responder.#onChunk(delivery)),
      ...(group ? [responder.#joinGroup()] : []),
    ])
    for (const result of opened) if (result.status === 'fulfilled') responder.#subscriptions.push(result.value)
    responder.#group = responder.#subscriptions[2]
    const failed = opened.find((result) => result.status === 'rejected')
    if (failed) {
      await responder.close()
      throw failed.reason
    }
    return responder
  }

  /**
   * Leaves the group, where there is a reason for it, and joins it again when there is none any more. Out of service it
   * refuses what is sent to it by name as well; what it holds it goes on with.
   * @param ill why the node cannot work; undefined: it can
   */
  serve(ill: string | undefined): void {
    if (this.#options.group === false) return
    this.#ill = ill
    this.#changing = this.#changing
      .then(() => this.#change())
      .catch((error) => {
        this.#options.events.emit({ type: 'fault', where: 'service', error })
      })
  }

  async #change(): Promise<void> {
    const serving = this.#ill === undefined
    if (this.#draining || this.#closed || serving === (this.#group !== undefined)) return
    if (!serving) {
      const left = this.#group
      this.#group = undefined
      if (left) this.#subscriptions.splice(this.#subscriptions.indexOf(left), 1)
      return left?.close()
    }
    const joined = await this.#joinGroup()
    if (this.#draining || this.#closed) return joined.close()
    this.#group = joined
    this.#subscriptions.push(joined)
  }

  #joinGroup(): Promise<Subscription> {
    const { transport, boundary, device } = this.#options
    return transport.serve(boundary.anyPattern(device), this.#take, { group: groupName, ...this.#described })
  }

  /**
   * Joins the group of a further boundary, one of the same nodes, until what this resolves to is drained: that takes
   * no longer than handing in what was under way; what has been taken is settled in its own time.
   * @param objection why nothing may be taken now, which sends the message elsewhere at once; undefined: it may
   */
  join(boundary: Boundary, objection: () => string | undefined): Promise<Subscription> {
    const serve = (request: ServedRequest) => {
      const reason = objection()
      if (reason === undefined) void this.#onRequest(request)
      else this.#refuse(request, reason, 0)
    }
    return this.#options.transport.serve(boundary.anyPattern(), serve, { group: groupName })
  }

  get statistics(): Readonly<Record<string, number>> {
    return {
      ...this.#counts,
      pending: this.#held.size,
      serving: this.#group && this.#ill === undefined && !this.#draining ? 1 : 0,
      meanResidenceMs: Math.round(100 * this.#meanResidence) / 100,
      slowdown: Math.round(100 * this.#crowding.slowdown) / 100,
    }
  }

  /** Replies what became of a message that `accept` was given. Unknown ones were settled before: they are ignored. */
  settle(item: Item): void {
    const held = this.#held.get(keyOf(item))
    if (!held) return
    const { node, clock } = this.#options
    const now = clock.now()
    const residence = now - held.whole
    if (item.kind === 'message') this.#residence.observe(held.count, residence)
    else if (item.kind === 'failure' && item.error.code === 'deadline-exceeded')
      this.#residence.exceeded(held.count, Math.max(residence, held.expires - held.whole))
    this.#meanResidence += (residence - this.#meanResidence) * (this.#meanResidence === 0 ? 1 : 0.1)
    switch (item.kind) {
      case 'message': {
        const spentHere = (step: 'queue' | 'load') => (item.timings[step] ?? 0) - (held.before[step] ?? 0)
        this.#crowding.observe(
          `${item.plan.model} ${held.at}`,
          residence - spentHere('load'),
          spentHere('queue'),
          !held.crowded,
        )
        const { header, parts } = encodeOutcome(item, held.model)
        const load = this.#load()
        try {
          this.#finish(held, { kind: 'result', node, outcome: header, residence, load }, undefined, parts)
          this.#counts.results++
        } catch (error) {
          this.#fail(held, asQuintetError(error, 'reply'), 'reply')
        }
        return
      }
      case 'failure':
        return this.#fail(held, item.error, item.stage)
      case 'dropped':
        this.#counts.dropped++
        return this.#finish(held, { kind: 'dropped', node, reason: item.reason })
    }
  }

  /** Takes no new message; those held have `within` ms to be settled, then their senders may try another node. */
  async drain(within: number): Promise<void> {
    this.#draining = true
    // The direct subjects stay open meanwhile: chunks and cancellations of what is held arrive there.
    const stopped = this.#group?.drain()
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

  /** Ends what is held, so that its senders try another node, and all interest. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    for (const held of [...this.#held.values()]) {
      const closed = new NodeLost('The node closed before the message was answered. Send it to another node.')
      this.#giveUp(held, closed, 'close')
    }
    await Promise.all(this.#subscriptions.splice(0).map((subscription) => subscription.close()))
  }

  #load(): Load {
    // An idle node is as quick as it ever is, whatever it was when it last worked.
    const slowdown = this.#held.size === 0 ? 1 : Math.min(1e6, this.#crowding.slowdown)
    return { pending: this.#held.size, capacity: this.#options.capacity, slowdown }
  }

  #onRequest(request: ServedRequest): Promise<void> | void {
    let read: Read<Up>
    try {
      read = readUp(request.data, this.#dialects, this.#options.platform)
    } catch (error) {
      return this.#reject(request, asQuintetError(error, 'receive'))
    }
    const { header, parts, check } = read
    const source = this.#options.boundary.sourceOf(request.subject)
    if (header.kind === 'cancel') {
      return this.#cancel(keyOf({ ...header, source }), header.reason)
    }
    if (header.kind === 'probe') {
      const { node } = this.#options
      this.#counts.probed++
      return this.#reply(request, { kind: 'probed', node, load: this.#load() })
    }
    if (header.message.source !== source) {
      return this.#reject(
        request,
        new BadMessage(
          `The message says it is of "${header.message.source}" but came on the subject of "${source}". A device may send its own messages only.`,
        ),
      )
    }
    this.#lookWhoElse(request, header.message)
    const brought =
      header.kind === 'offer'
        ? { bytes: header.sizes.reduce((sum, size) => sum + size, 0), check: undefined, whole: false }
        : { bytes: totalBytes(parts), check, whole: true }
    const joined = this.#held.get(keyOf(header.message))
    if (joined && isAnother(joined, brought)) return this.#reject(request, twoOfOneId(header.message.id))
    if (joined) return this.#onJoined(joined, request, header, parts)
    const away = this.#draining ? 'The node is draining.' : this.#ill
    if (away !== undefined) return this.#refuse(request, away, 0, true)
    const device = deviceOf(source)
    const late = this.#late(leftOf(header.message, header.kind === 'message'), device)
    if (late) return this.#refuse(request, late.reason, late.retryAfter)
    if (this.#held.size >= this.#options.capacity && !this.#makeRoom(device, 1, () => 1)) {
      // Before it has settled anything, it knows no better than the shortest time after which it says anything.
      const retryAfter = Math.ceil(this.#meanResidence || acceptAfter)
      return this.#refuse(request, `The node holds ${this.#held.size} messages already.`, retryAfter)
    }
    return header.kind === 'offer'
      ? this.#onOffer(request, header, brought)
      : this.#onMessage(request, header.message, parts, brought)
  }

  /** A device's name is nobody's alone: where two processes use one, both are told. Their messages never meet all the same. */
  #lookWhoElse(request: ServedRequest, { source, run }: MessageHeader): void {
    const device = source.slice(0, source.indexOf('.'))
    if (run === undefined || !this.#holders.shared(device, run)) return
    const { node, events } = this.#options
    events.emit({ type: 'name-shared', device, node })
    this.#reply(request, { kind: 'shared', node })
  }

  /** Lets something of the device that holds most give way; false: nobody holds more than this one. */
  #makeRoom(device: string, brought: number, weight: (held: Held) => number): boolean {
    const held = givingWay(this.#held.values(), device, brought, weight)
    if (!held) return false
    const retryAfter = Math.ceil(this.#meanResidence || acceptAfter)
    const reason = 'The node is full, and other devices have less of it than this one.'
    this.#giveUp(held, new Refused(reason, { retryAfter }), 'receive')
    return true
  }

  /**
   * Why a message with so many ms left had better not be taken: as long as those stay that find so many here, it would be too
   * late. Where none is here one is taken whatever was seen before, else what has changed would never be seen.
   * @returns when one with as much time would be in time: when the queue is so much shorter
   */
  #late(left: number, device: string): { readonly reason: string; readonly retryAfter: number } | undefined {
    const { size } = this.#held
    if (size === 0 || (this.#residence.at(size + 1) ?? 0) <= left) return undefined
    // Who has less here than others is served before them.
    const stay = this.#residence.at(turnOf(this.#held.values(), device)) ?? 0
    if (stay <= left) return undefined
    const reason = `The node holds ${size} messages. One more would take ${Math.round(stay)} ms, and ${Math.round(left)} ms are left.`
    return { reason, retryAfter: Math.ceil(stay - left) }
  }

  #onMessage(request: ServedRequest, header: MessageHeader, parts: Parts, brought: Brought): Promise<void> | void {
    const held = this.#hold(header, brought, request)
    const waiting = this.#wait(held, request)
    this.#dispatch(held, header, parts)
    return waiting
  }

  #onOffer(request: ServedRequest, offer: Extract<Up, { kind: 'offer' }>, brought: Brought): Promise<void> | void {
    const objection = this.#arrivals.objection(offer)
    if (objection instanceof Refused) return this.#refuse(request, objection.message, objection.retryAfter)
    if (objection) return this.#reject(request, objection)
    const held = this.#hold(offer.message, brought, request)
    this.#arrivals.begin(held, offer)
    held.accepted = true
    this.#acceptChunks(held, request)
    return this.#wait(held, request)
  }

  /** The message has come again: in the same way, or whole or in chunks of another length where its sender's server changed. */
  #onJoined(held: Held, request: ServedRequest, header: Exclude<Up, { kind: 'cancel' | 'probe' }>, parts: Parts) {
    const waiting = this.#wait(held, request)
    if (!held.assembly) return waiting
    if (header.kind === 'message') {
      this.#arrivals.end(held)
      this.#dispatch(held, header.message, parts)
      return waiting
    }
    if (header.chunk !== held.assembly.bytes.chunk) {
      this.#arrivals.end(held)
      const objection = this.#arrivals.objection(header)
      if (objection) {
        this.#fail(held, objection, 'receive')
        return waiting
      }
      this.#arrivals.begin(held, header)
    }
    this.#acceptChunks(held, request)
    return waiting
  }

  #acceptChunks({ subject }: Held, request: ServedRequest): void {
    this.#reply(request, { kind: 'accept', node: this.#options.node, ...(subject ? { subject } : {}) })
  }

  #onChunk(delivery: Delivery): void {
    const held = this.#arrivals.of(delivery.subject)
    if (!held) return
    const { node } = this.#options
    const acknowledge = (index: number) => this.#tell(held, { kind: 'ack', node, index })
    const damaged = (index: number | undefined) => {
      this.#counts.damaged++
      this.#tell(held, { kind: 'damaged', node, ...(index === undefined ? {} : { index }) })
    }
    try {
      const whole = this.#arrivals.add(held, delivery, acknowledge, damaged)
      if (whole) this.#dispatch(held, whole.header, whole.parts)
    } catch (error) {
      this.#fail(held, asQuintetError(error, 'receive'), 'receive')
    }
  }

  #hold(header: MessageHeader, brought: Brought, request: ServedRequest): Held {
    const { clock } = this.#options
    const held = hold(header, brought, request, clock.now(), this.#held.size + 1)
    this.#counts.received++
    // With more than one, all are marked already.
    if (this.#held.size === 1) for (const other of this.#held.values()) other.crowded = true
    this.#held.set(held.key, held)
    this.#timer ??= clock.after(acceptAfter, this.#sweep)
    return held
  }

  #dispatch(held: Held, header: MessageHeader, parts: Parts): void {
    const { side, clock, accept } = this.#options
    held.whole = clock.now()
    try {
      accept(messageOf(held, header, parts, side))
    } catch (error) {
      this.#fail(held, asQuintetError(error, 'receive'), 'receive')
    }
  }

  /** Settles the transport's delivery only when the message is settled: a durable transport acknowledges then. */
  #wait(held: Held, request: ServedRequest): Promise<void> {
    // Who has asked more often than that has given up what was first.
    if (held.waiting.length === mostTries) held.waiting.shift()?.done()
    return new Promise((done) => held.waiting.push({ request, done }))
  }

  /** @param reason what was wrong with a reply, where the sender could not read it */
  #cancel(key: string, reason?: string): void {
    if (reason !== undefined) {
      this.#options.events.emit({ type: 'fault', where: 'reply', error: new BadMessage(reason) })
    }
    const held = this.#held.get(key)
    if (!held) return
    // Counted as that alone: it neither failed nor was it answered.
    this.#counts.cancelled++
    this.#residence.exceeded(held.count, this.#options.clock.now() - held.whole)
    const { node, clock } = this.#options
    const error = new Cancelled(reason)
    this.#finish(held, failed(node, error, 'receive', clock.now() - held.whole, this.#load()), error)
    held.cancellation.cancel(error)
  }

  /** Signs of life and ended budgets, for all messages held, with one timer. */
  readonly #sweep = () => {
    const { clock, node } = this.#options
    const now = clock.now()
    for (const held of [...this.#held.values()]) {
      if (now >= held.expires) {
        this.#residence.exceeded(held.count, now - held.whole)
        this.#giveUp(held, new DeadlineExceeded('The budget ended while the message was in the cloud.'), 'receive')
        continue
      }
      const stuck = held.arrival?.stuckFor(now)
      if (stuck !== undefined) {
        const reason = `No chunk of the message came for ${Math.round(stuck)} ms. Offer it again.`
        this.#giveUp(held, new Refused(reason, { retryAfter: 0 }), 'receive')
      } else if (!held.accepted && now - held.arrived >= acceptAfter) {
        held.accepted = true
        held.lastSign = now
        this.#tell(held, { kind: 'accept', node })
      } else if (now - held.lastSign >= beat - acceptAfter / 2) {
        held.lastSign = now
        // Until its chunks are all here, a sender that missed where to send them hears it again.
        const { subject } = held
        this.#tell(held, held.assembly && subject ? { kind: 'accept', node, subject } : { kind: 'working', node })
      }
    }
    this.#timer = this.#held.size > 0 ? clock.after(acceptAfter, this.#sweep) : undefined
  }

  /** Replies first: what is cancelled may end within the call, and would say no more than that it was. */
  #giveUp(held: Held, error: QuintetError, stage: string): void {
    this.#fail(held, error, stage)
    held.cancellation.cancel(error)
  }

  #fail(held: Held, error: QuintetError, stage: string): void {
    const { clock, node } = this.#options
    const residence = clock.now() - held.whole
    if (error instanceof Refused) {
      const refusal = this.#refusal(error.message, error.retryAfter, this.#ill !== undefined, residence)
      return this.#finish(held, refusal, error)
    }
    this.#counts.failures++
    this.#finish(held, failed(node, error, stage, residence, this.#load()), error)
  }

  /** @throws TooLarge what cannot be written; then it is held still */
  #finish(held: Held, reply: Down, error?: QuintetError, parts: Parts = []): void {
    const bytes = totalBytes(parts)
    if (bytes > mostAnswer) {
      throw new TooLarge(
        `An answer of ${bytes} bytes is more than the ${mostAnswer} that cross a boundary. Answer with less.`,
      )
    }
    const frames = held.waiting.map(({ request }) => this.#answer(request, reply, parts))
    if (!this.#held.delete(held.key)) return
    this.#options.onReleased?.(held.key, error)
    this.#arrivals.end(held)
    held.waiting.forEach(({ request, done }, at) => {
      this.#send(request, frames[at] as Parts)
      done()
    })
    if (this.#held.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#idle?.()
  }

  #tell(held: Held, reply: Down): void {
    for (const { request } of held.waiting) this.#reply(request, reply)
  }

  #reply(request: ServedRequest, reply: Down): void {
    this.#send(request, this.#answer(request, reply, []))
  }

  /** Whole, or in pieces where the transport takes no reply so long. */
  #send(request: ServedRequest, frame: Parts): void {
    const { transport, node } = this.#options
    if (transport.maxPayload === Number.POSITIVE_INFINITY || totalBytes(frame) <= mostFrame(transport)) {
      return request.reply(frame)
    }
    for (const { header, part } of inPieces(frame, node, pieceFor(transport))) {
      request.reply(this.#answer(request, header, [part]))
    }
  }

  /** Each hears in the version that it asked in. */
  #answer({ data }: ServedRequest, reply: Down, parts: Parts): Parts {
    return sendDown(reply, parts, data, this.#dialects, this.#options.platform)
  }

  #refuse(request: ServedRequest, reason: string, retryAfter: number | undefined, away = false): void {
    this.#reply(request, this.#refusal(reason, retryAfter, away))
  }

  /** Counted: whoever makes one sends it. */
  #refusal(reason: string, retryAfter: number | undefined, away: boolean, residence?: number): Down {
    this.#counts.refused++
    return refused(this.#options.node, reason, retryAfter, this.#load(), away, residence)
  }

  #reject(request: ServedRequest, error: QuintetError): void {
    if (error instanceof VersionMismatch) this.#counts.unspoken++
    else if (error instanceof Damaged) this.#counts.damaged++
    else this.#counts.failures++
    this.#reply(request, failed(this.#options.node, error, 'receive', 0))
  }
}

function twoOfOneId(id: string): BadMessage {
  return new BadMessage(
    `Another message of the id "${id}" is held here: their bytes differ. Give each capture an id of its own, or none.`,
  )
}
