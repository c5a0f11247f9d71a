import type { Clock, Timer } from '../clock.ts'
import {
  asQuintetError,
  BadMessage,
  Cancelled,
  DeadlineExceeded,
  NodeLost,
  NoResponders,
  type QuintetError,
  Refused,
  TooLarge,
  TransportClosed,
} from '../errors.ts'
import type { Events } from '../events.ts'
import { type Dropped, dropped, evolve, failure, type Item, type Message, spent } from '../message.ts'
import { payloadBytes, type Result } from '../payload.ts'
import type { Platform } from '../platform.ts'
import type { Boundary } from '../subjects.ts'
import type { Conversation, Parts, Transport } from '../transport.ts'
import { ChunkSender } from './chunks.ts'
import { decodeOutcome, encodeMessage, type MessageHeader, notWhatWasAsked } from './codec.ts'
import { type Dialects, dialectsOf, type VersionRange } from './dialects.ts'
import { totalBytes } from './frame.ts'
import { readDown, sendUp } from './hand-over.ts'
import { chunkFor, mostFrame } from './limits.ts'
import type { Path } from './path.ts'
import { type Piece, Pieces } from './pieces.ts'
import {
  acceptAfter,
  beat,
  type Down,
  idOf,
  type Load,
  missedBeats,
  type Read,
  reviveError,
  type Up,
} from './protocol.ts'

/** Messages of more bytes tell how fast the way is. */
const tellingBytes = 16 * 1024

/** What an attempt works with; see `CallerOptions`. */
export interface AttemptOptions {
  readonly transport: Transport
  readonly boundary: Boundary
  readonly stage: string
  readonly clock: Clock
  readonly platform: Platform
  readonly events: Events
  readonly chunkAbove: number
  readonly crosses: boolean
}

/** What a finished call tells about the other side. */
export interface CallReport {
  readonly node: string
  readonly load: Load
}

/** Who makes attempts, and keeps what they learn of nodes and of the way. */
export interface AttemptOwner {
  readonly path: Path
  /** How long a message is worth waiting for at a node that gives signs of life, ms; Infinity: as long as its budget lasts. */
  longestStay(message: Message, node: string): number
  /** A node gave a sign of life, and said which versions of the wire it speaks. */
  heard(node: string, speaks: VersionRange): void
  /** What a node's refusal of a version comes to. */
  unspoken(node: string, version: number): Error
  /** Signs of life come to a try that was given up. @param node whose silence it was; undefined: one of the group's */
  excuse(node: string | undefined): void
  /** A try that was given up has been answered. @param blamed whose silence it was; undefined: one of the group's */
  found(attempt: Attempt, message: Message, blamed: string | undefined): void
  /** A node listens no longer. */
  forget(node: string): void
  /** Nodes that may hold a message which none has acknowledged yet. */
  suspects(): Iterable<string>
  report(report: CallReport): void
}

/** The message's budget ended at this boundary. */
export const outOfTime = () =>
  new DeadlineExceeded('The budget ended before an answer came. Allow more time, or plan less work.')

/** Where an attempt goes. */
export interface Destination {
  readonly subject: string
  /** Of the wire, in which it is spoken to. */
  readonly version: number
  readonly node?: string
  /** The plan names the node: there is no other to go to. */
  readonly planned?: boolean
  /** What comes of it decides about the node, or about the group. */
  readonly trial?: true
}

/** What one message may expect of an attempt. */
export interface AttemptTerms {
  /** How many times as long as usual a sign of life is waited for. */
  readonly patience: number
  /** It may be taken from a node that keeps it for too long. */
  readonly movable: boolean
  /** Takes the answer that comes after it was given up. */
  readonly open: { answered(item: Message<Result>, attempt: Attempt, by: string): void }
}

/** How an attempt ended that brought no answer, besides by what its node said. */
export type Trouble = 'silent' | 'unreadable' | 'overlong' | 'gone'

/** One pass of a message over the boundary. */
export class Attempt {
  readonly #message: Message
  readonly #to: Destination
  readonly #options: AttemptOptions
  readonly #dialects: Dialects
  readonly #path: Path
  readonly #caller: AttemptOwner
  readonly #started: number
  #node: string | undefined
  #heard: number
  #patience: number
  #conversation: Conversation | undefined
  #chunks: ChunkSender | undefined
  #parts: Parts = []
  /** Bytes of each chunk, where it goes in chunks. */
  #chunk: number | undefined
  /** Bytes that left whole. */
  #bytes = 0
  readonly #pieces = new Pieces()
  #timer: Timer | undefined
  #resolve!: (item: Item<Result>) => void
  #reject!: (error: unknown) => void
  #done = false
  /** What came and cannot be read, since the last that can. */
  #stray: QuintetError | undefined
  /** When a node said that it has all of the message: local clock, ms. */
  #heldAt: number | undefined
  /** The transport was not connected when it was looked at last. */
  #apart = false
  readonly #usual: number
  readonly #movable: boolean
  #trouble: Trouble | undefined
  #residence: number | undefined
  #stage: string | undefined
  /** It was given up, and its answer is taken all the same. */
  #listens = false
  /** Who had it when it was given up, as far as was known then. */
  #blamed: string | undefined
  /** Its holder was told that nobody waits. */
  #cancelled = false
  readonly #terms: AttemptTerms

  constructor(message: Message, to: Destination, options: AttemptOptions, caller: AttemptOwner, terms: AttemptTerms) {
    const { patience, movable } = terms
    this.#terms = terms
    this.#movable = movable && to.planned !== true
    this.#message = message
    this.#to = to
    this.#node = to.node
    this.#options = options
    this.#dialects = dialectsOf(options.transport)
    this.#path = caller.path
    this.#caller = caller
    this.#started = options.clock.now()
    this.#heard = this.#started
    // A sign of life needs a round trip. Where that is longer than the beats and yet unknown, later tries wait longer.
    this.#usual = missedBeats * beat + (caller.path.rtt ?? 0)
    this.#patience = this.#usual + missedBeats * beat * (patience - 1)
  }

  /** Who has the message, as far as that was said, or it was sent to one. */
  get node(): string | undefined {
    return this.#node
  }

  /** Whether a node said that it has all of it. */
  get held(): boolean {
    return this.#heldAt !== undefined
  }

  /** When a sign of life came last, or it began: local clock, ms. */
  get heard(): number {
    return this.#heard
  }

  /** Whether a sign of life had to come, by what is known of the way, and has not. */
  get unheard(): boolean {
    const { rtt = 0 } = this.#path
    const { clock } = this.#options
    return clock.now() - this.#heard > rtt + this.#path.uploadTime(this.#bytes) + 2 * acceptAfter
  }

  /** Others are heard of again: what it waits for is due within the usual time, or was lost. */
  hasten(): void {
    if (this.#done) return
    this.#patience = Math.min(this.#patience, this.#options.clock.now() - this.#heard + this.#usual)
    this.#timer?.cancel()
    this.#watch()
  }

  /** How long the message was at the node that answered it, ms. */
  get residence(): number | undefined {
    return this.#residence
  }

  /** Whether it was given up, and its answer is taken all the same. */
  get listens(): boolean {
    return this.#listens
  }

  /** Payload bytes that it put on the wire, chunks sent again included. */
  get sentBytes(): number {
    return this.#chunks?.sentBytes ?? this.#bytes
  }

  /** Whether it has sent all of the message. */
  get sentAll(): boolean {
    return this.#chunk === undefined || this.#chunks?.done === true
  }

  get trouble(): Trouble | undefined {
    return this.#trouble
  }

  /** Where it failed, where a node said so. */
  get stage(): string | undefined {
    return this.#stage
  }

  run(): Promise<Item<Result>> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#message.cancellation?.listen(this.#abort)
      try {
        this.#send()
        this.#watch()
      } catch (error) {
        this.#end(() => reject(error))
      }
    })
  }

  #send(): void {
    const { transport } = this.#options
    const bytes = payloadBytes(this.#message.payload)
    const { header, parts } = encodeMessage(this.#message, this.#started, this.#path.expects(bytes))
    const whole = this.#whole(header, parts, bytes)
    this.#parts = parts
    this.#bytes = whole ? bytes : 0
    if (whole) this.#patience += this.#path.uploadTime(bytes)
    const { traceparent } = this.#message
    const key = idOf(this.#message)
    this.#conversation = transport.request(this.#to.subject, whole ?? this.#offer(header, parts), {
      headers: traceparent ? { 'Quintet-Id': key, traceparent } : { 'Quintet-Id': key },
      onReply: (delivery) => this.#onReply(delivery.data),
      onError: (error) => {
        const { node, planned } = this.#to
        if (node) this.#caller.forget(node)
        if (node && !planned && error instanceof NoResponders) this.#trouble = 'gone'
        // A node that is gone from its direct subject is lost, not the whole group.
        this.#end(() => this.#reject(node && !planned ? goneNode(node, error) : this.#nobody(error)))
      },
    })
  }

  /** The transport knows a subject; what is missing there, and what to start, the boundary. */
  #nobody(cause: Error): Error {
    if (!(cause instanceof NoResponders)) return cause
    const { node, subject } = this.#to
    const { absence } = this.#options.boundary
    const sentence =
      node === undefined ? absence : `Node "${node}", which the plan names, is not there. Plan another target.`
    return new NoResponders(subject, { cause, sentence })
  }

  /** The message in one frame; undefined where it goes in chunks. */
  #whole(message: MessageHeader, parts: Parts, bytes: number): Parts | undefined {
    const { transport, chunkAbove } = this.#options
    if (bytes > chunkAbove) return undefined
    const frame = sendUp({ kind: 'message', message }, parts, transport, this.#to.version, this.#options.platform)
    if (transport.maxPayload === Number.POSITIVE_INFINITY || totalBytes(frame) <= mostFrame(transport)) return frame
    // What has no bytes has nothing to send in chunks.
    if (bytes === 0) throw headerTooLarge(totalBytes(frame), transport)
    return undefined
  }

  /** @throws TooLarge even what describes the message is longer than the transport takes at once */
  #offer(message: MessageHeader, parts: Parts): Parts {
    const { transport } = this.#options
    const sizes = parts.map((part) => part.byteLength)
    const offer = { kind: 'offer', message, sizes, chunk: chunkFor(transport) } as const
    const frame = sendUp(offer, [], transport, this.#to.version)
    if (totalBytes(frame) > mostFrame(transport)) throw headerTooLarge(totalBytes(frame), transport)
    this.#chunk = offer.chunk
    return frame
  }

  #onReply(data: Parts): void {
    if (this.#done && !this.#listens) return
    let reply: Read<Down>
    try {
      reply = readDown(data, this.#dialects, this.#options.platform)
    } catch (error) {
      return this.#onStray(asQuintetError(error, this.#options.stage))
    }
    const { header, parts } = reply
    const { clock } = this.#options
    if (this.#listens) return this.#onLate(reply)
    this.#stray = undefined
    this.#caller.heard(header.node, reply)
    if (header.kind === 'unspoken') {
      return this.#end(() => this.#reject(this.#caller.unspoken(header.node, this.#to.version)))
    }
    this.#heard = clock.now()
    this.#patience = missedBeats * beat
    this.#node = header.node
    if (header.kind === 'accept' || header.kind === 'working') this.#onHeld()
    switch (header.kind) {
      case 'piece': {
        const together = this.#together(header, parts)
        return together && this.#onReply(together)
      }
      case 'accept':
        return this.#onAccept(header.subject)
      case 'working':
      case 'probed':
        return
      case 'ack':
        return this.#chunks?.acknowledge(header.index)
      case 'shared':
        return this.#options.events.emit({ type: 'name-shared', device: deviceOf(this.#message), node: header.node })
      case 'damaged':
        return this.#chunks?.again(header.index)
      case 'result':
        return this.#onResult(header, parts)
      case 'failure': {
        this.#onWay(header.residence)
        if (header.load) this.#caller.report({ node: header.node, load: header.load })
        const error = reviveError(header)
        this.#stage = header.stage
        return this.#end(() => this.#reject(error))
      }
      case 'refused': {
        this.#options.events.emit({ type: 'refused', id: this.#message.id, node: header.node, reason: header.reason })
        const { retryAfter, load } = header
        this.#onWay(header.residence ?? 0)
        if (header.away) this.#caller.forget(header.node)
        else if (load) this.#caller.report({ node: header.node, load })
        const error = new Refused(header.reason, retryAfter === undefined ? {} : { retryAfter })
        return this.#end(() => this.#reject(error))
      }
      case 'dropped': {
        const item: Dropped = dropped(this.#message, header.reason)
        return this.#end(() => this.#resolve(item))
      }
    }
  }

  /** An answer that comes late is one. Signs of life say that its node was slow; how else it ends there is for later tries to say. */
  #onLate(reply: Read<Down>): void {
    const { header, parts } = reply
    this.#caller.excuse(this.#blamed)
    this.#caller.heard(header.node, reply)
    this.#node = header.node
    switch (header.kind) {
      case 'piece': {
        const together = this.#together(header, parts)
        return together && this.#onReply(together)
      }
      case 'result':
        return this.#onResult(header, parts)
      case 'failure':
      case 'refused':
      case 'dropped':
      case 'unspoken':
        return this.close()
    }
  }

  #together(piece: Piece, parts: Parts): Parts | undefined {
    try {
      return this.#pieces.add(piece, parts)
    } catch (error) {
      this.#unreadable(asQuintetError(error, this.#options.stage))
      return undefined
    }
  }

  /**
   * What cannot be read may be anybody's: it ends nothing, as long as somebody is heard of within a beat who can be read.
   */
  #onStray(error: QuintetError): void {
    this.#options.events.emit({ type: 'stray', id: this.#message.id, error })
    if (this.#stray || this.#done) return
    this.#stray = error
    this.#timer?.cancel()
    this.#patience = Math.min(this.#patience, this.#options.clock.now() - this.#heard + beat)
    this.#watch()
  }

  #unreadable(error: QuintetError): void {
    this.#cancel(error.message)
    if (this.#listens) return this.close()
    // What the way damages says nothing of the node.
    if (error.code !== 'damaged') this.#trouble = 'unreadable'
    this.#end(() => this.#reject(error))
  }

  #onHeld(): void {
    if (this.#chunk !== undefined && this.#chunks?.done !== true) return
    this.#heldAt ??= this.#options.clock.now()
  }

  #onAccept(subject: string | undefined): void {
    if (!subject) return this.#onAcceptedWhole()
    const chunk = this.#chunk
    const { boundary } = this.#options
    if (!boundary.isForChunks(subject, this.#message.source, this.#node as string)) return this.#onElsewhere(subject)
    // What went whole is whole there, whoever else began to send it in chunks.
    if (this.#chunks || chunk === undefined) return
    this.#path.observeRtt(this.#options.clock.now() - this.#started)
    this.#chunks = new ChunkSender({
      transport: this.#options.transport,
      subject,
      version: this.#to.version,
      parts: this.#parts,
      chunk,
      clock: this.#options.clock,
      platform: this.#options.platform,
      path: this.#path,
      onError: (error) => this.#end(() => this.#reject(this.#smaller(chunk) ?? error)),
    })
    this.#chunks.start()
  }

  /** A node says where the bytes go, but only as far as its own subjects reach. */
  #onElsewhere(subject: string): void {
    const reason = `Node "${this.#node}" asked for a message's bytes on "${subject}", which is none of its subjects. Look who answers there.`
    this.#unreadable(new BadMessage(reason, { retryable: true }))
  }

  /** The server that a lost connection was restored to takes less at once: the message is to be sent in shorter chunks. */
  #smaller(chunk: number): TransportClosed | undefined {
    const { transport } = this.#options
    if (chunk <= mostFrame(transport)) return undefined
    return new TransportClosed(
      `The connection was restored to a server that takes ${transport.maxPayload} bytes at once. The message is sent again in shorter chunks.`,
      { retryable: true },
    )
  }

  /** An accept that comes late says how long a whole message was on its way, also when its answer never comes. */
  #onAcceptedWhole(): void {
    const elapsed = this.#options.clock.now() - this.#started
    if (this.#bytes > tellingBytes && elapsed > 2 * acceptAfter)
      this.#path.observeRate(this.#bytes, elapsed - acceptAfter)
  }

  /**
   * Nothing was heard in all this time: the way is no faster, else at least an accept had come. Of little that was sent
   * this says nothing: there it is rather the other side that is gone.
   */
  #onSilence(): void {
    const elapsed = this.#options.clock.now() - this.#started
    if (this.#bytes > tellingBytes && this.#heard === this.#started && elapsed > 2 * acceptAfter)
      this.#path.observeRate(this.#bytes, elapsed)
  }

  /**
   * An end was told: what it took besides the node's share went on the way, whatever the end is. Were failures not to count, a
   * way thought too slow to be of use would be thought so for ever, since on it all fail.
   * @param residence ms that the message was at the node
   * @returns ms on the way, both ways together
   */
  #onWay(residence: number): number {
    const travel = this.#options.clock.now() - this.#started - residence
    // The message was there before this try: it joined what an earlier one had brought.
    if (travel < 0) return 0
    // What was given up may have come with the chunks of a later try.
    if (this.#chunks || (this.#listens && this.#chunk !== undefined)) return travel
    if (this.#bytes < 4096) this.#path.observeRtt(travel)
    else this.#path.observeRate(this.#bytes, Math.max(0.01, travel - (this.#path.rtt ?? 0)))
    return travel
  }

  #onResult(header: Extract<Down, { kind: 'result' }>, parts: Parts): void {
    const other = notWhatWasAsked(header.outcome, this.#message.plan)
    if (other !== undefined) {
      const reason = `Node "${header.node}" answered with ${other}. Look which release and which pipeline it runs.`
      return this.#unreadable(new BadMessage(reason, { retryable: true }))
    }
    const travel = this.#onWay(header.residence)
    this.#residence = header.residence
    try {
      const answered = decodeOutcome(header.outcome, parts)
      const below = answered.crossing
      const crossing = this.#options.crosses
        ? {
            at: this.#message.payload.at,
            encoding: encodingOf(this.#message),
            bytes: this.sentBytes,
            // Deeper down another node may have answered.
            node: below?.node ?? header.node,
          }
        : below
      const { plan } = answered
      const payload = answered.payload as Result
      const timings = spent(answered.timings, 'transfer', travel)
      const changed = crossing ? { payload, plan, timings, crossing } : { payload, plan, timings }
      const item = evolve<Message['payload'], Message['side'], Result>(this.#message, changed)
      if (this.#listens) this.#found(item, header.node)
      else this.#end(() => this.#resolve(item))
      this.#caller.report({ node: header.node, load: header.load })
    } catch (error) {
      this.#unreadable(asQuintetError(error, this.#options.stage))
    }
  }

  #found(item: Message<Result>, node: string): void {
    this.close()
    this.#caller.found(this, this.#message, this.#blamed)
    this.#terms.open.answered(item, this, node)
  }

  /** When it has stayed too long where it is; Infinity while that is not known. */
  #overlong(): number {
    if (this.#heldAt === undefined || this.#node === undefined || !this.#movable) return Number.POSITIVE_INFINITY
    return this.#heldAt + this.#caller.longestStay(this.#message, this.#node)
  }

  /** One timer for the beats, the stay and the budget: whichever ends first. */
  #watch(): void {
    const { clock, transport } = this.#options
    const silence = this.#apart ? clock.now() + beat : this.#heard + this.#patience
    const until = Math.min(silence, Math.max(this.#overlong(), clock.now() + beat), this.#message.expires)
    this.#timer = clock.after(Math.max(0, until - clock.now()), () => {
      if (this.#done) return
      const now = clock.now()
      if (now >= this.#message.expires) {
        this.#onSilence()
        this.#cancel()
        return this.#end(() => this.#resolve(failure(this.#message, this.#options.stage, outOfTime())))
      }
      // While the connection is being restored nobody can be heard: that is nobody's fault but the network's.
      if (!transport.connected) this.#heard = now
      // What was sent before may be lost with the connection: no longer than usual is waited for what it comes to.
      else if (this.#apart) this.#patience = Math.min(this.#patience, this.#usual)
      this.#apart = !transport.connected
      if (this.#apart || now < this.#heard + this.#patience) {
        const overlong = this.#node && now >= this.#overlong() && now < this.#heard + this.#usual
        return overlong ? this.#onOverlong(this.#node as string) : this.#watch()
      }
      if (this.#stray) return this.#unreadable(this.#stray)
      this.#trouble = 'silent'
      this.#giveUp(() => this.#reject(silentNode(this.#node, this.#patience)))
    })
  }

  #onOverlong(node: string): void {
    const stayed = this.#options.clock.now() - (this.#heldAt as number)
    this.#trouble = 'overlong'
    this.#cancel()
    this.#giveUp(() =>
      this.#reject(
        new NodeLost(
          `Node "${node}" has not answered within ${Math.round(stayed)} ms, though it gives signs of life and others take far less. Look at what it does.`,
        ),
      ),
    )
  }

  readonly #abort = () => {
    this.#cancel()
    this.#end(() => this.#reject(this.#message.cancellation?.reason ?? new Cancelled()))
  }

  /**
   * Tells the holder that nobody waits any longer; where it has not said that it is, all who may be.
   * @param reason why its reply could not be read
   * @param told who has heard of it already
   */
  #cancel(reason?: string, told?: Set<string>): void {
    const { transport, boundary } = this.#options
    if (!transport.connected) return
    this.#cancelled = true
    const { source, id, run, pass } = this.#message
    const header: Up = { kind: 'cancel', id }
    if (run !== undefined) header.run = run
    if (pass !== undefined) header.pass = pass
    if (reason !== undefined) header.reason = reason.slice(0, 4096)
    const frame = sendUp(header, [], transport, this.#to.version)
    try {
      for (const node of this.#node ? [this.#node] : this.#caller.suspects()) {
        if (told?.has(node)) continue
        told?.add(node)
        transport.publish(boundary.node(source, node), frame)
      }
    } catch {
      // The holder's own deadline ends the work then.
    }
  }

  /** Others are to try it, but its node has not said what became of it: it may answer yet. */
  #giveUp(settle: () => void): void {
    this.#listens = true
    this.#blamed = this.#node
    this.#end(settle)
  }

  /** Takes no answer any longer. */
  close(): void {
    this.#listens = false
    this.#conversation?.close()
  }

  /** The same, and whoever may still work on it hears that nobody waits. @param told who has heard of it already */
  cancel(told: Set<string>): void {
    if (this.#listens && !this.#cancelled) this.#cancel(undefined, told)
    this.close()
  }

  #end(settle: () => void): void {
    if (this.#done) return
    this.#done = true
    this.#timer?.cancel()
    this.#chunks?.stop()
    if (!this.#listens) this.#conversation?.close()
    this.#message.cancellation?.unlisten(this.#abort)
    settle()
  }
}

function headerTooLarge(bytes: number, { maxPayload }: Transport): TooLarge {
  return new TooLarge(
    `What describes the message takes ${bytes} bytes, and the transport ${maxPayload} at once, headers included. Raise its limit (max_payload of a NATS server), or leave the plan fewer choices.`,
  )
}

function silentNode(node: string | undefined, ms: number): NodeLost {
  const who = node ? `Node "${node}"` : 'The node that was asked'
  return new NodeLost(
    `${who} gave no sign of life for ${Math.round(ms)} ms, and no other answered in time. Check that the cloud half runs.`,
  )
}

function goneNode(node: string, cause: unknown): NodeLost {
  return new NodeLost(`Node "${node}" listens no longer, and no other answered. Check that the cloud half runs.`, {
    cause,
  })
}

const deviceOf = ({ source }: Message): string => source.slice(0, source.indexOf('.'))

/** How the payload is written on the wire, in the plan's words. */
function encodingOf({ payload, plan }: Message): string {
  if (payload.at === 'captured') return 'original'
  if (payload.form === 'tensors') return payload.encoding ?? (payload.at === 'prepared' ? 'tensor' : 'float32')
  return payload.form === 'pixels' ? 'raw' : (plan.encoding ?? 'jpeg')
}
