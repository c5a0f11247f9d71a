import type { Clock, Timer } from '../clock.ts'
import { sleep } from '../clock.ts'
import { asQuintetError, Cancelled, DeadlineExceeded, NodeLost, type QuintetError, Refused } from '../errors.ts'
import type { Events } from '../events.ts'
import { type Dropped, dropped, evolve, type Failure, failure, type Item, type Message, spent } from '../message.ts'
import { payloadBytes, type Result } from '../payload.ts'
import type { Boundary } from '../subjects.ts'
import type { Conversation, Parts, Transport } from '../transport.ts'
import { ChunkSender, chunkBytes } from './chunks.ts'
import { decodeOutcome, encodeMessage } from './codec.ts'
import { packFrame } from './frame.ts'
import { Path } from './path.ts'
import { acceptAfter, beat, type Down, type Load, missedBeats, readDown, reviveError } from './protocol.ts'

/** A node that was lost gets no new message for this long, ms, while another is known. */
const avoidFor = 10_000
/** So long nobody may serve, ms, before a boundary that was served counts as deserted. */
const outageFor = 5_000
/** Messages of more bytes tell how fast the way is. */
const tellingBytes = 16 * 1024
/** Room for the header and the transport's own framing below its largest payload. */
const headroom = 8 * 1024

export interface CallerOptions {
  readonly transport: Transport
  readonly boundary: Boundary
  /** The stage it stands for, as failures name it. */
  readonly stage: string
  readonly clock: Clock
  readonly events: Events
  /** Payloads above so many bytes go in chunks to one accepting node. Default 256 KB, where the transport copies. */
  readonly chunkAbove?: number
  /** How often one message is tried at most, the first time included. */
  readonly attempts?: number
  /** Whether an answer that comes back over this boundary says so. Default true; a hop on the device is no crossing. */
  readonly crosses?: boolean
}

/** What a finished call tells about the other side. */
export interface CallReport {
  readonly node: string
  readonly load: Load
}

/**
 * The upper end of a boundary: sends a message, follows the conversation about it, and resolves to what became of it.
 * A node that misses three beats, refuses, or loses its executor is a failed attempt; the next goes elsewhere under
 * the same id as long as the budget lasts. Never rejects.
 */
export class Caller {
  readonly #options: Required<CallerOptions>
  readonly path = new Path()
  /** Nodes heard of, and until when each is avoided. */
  readonly #nodes = new Map<string, number>()
  #silentSince: number | undefined
  readonly #onReport: ((report: CallReport) => void) | undefined
  /** The transport is closed for good; while it is not, a lost connection is being restored. */
  #closed = false

  constructor(options: CallerOptions, onReport?: (report: CallReport) => void) {
    const { maxPayload } = options.transport
    const usual = Number.isFinite(maxPayload) ? 256 * 1024 : Number.POSITIVE_INFINITY
    this.#options = {
      ...options,
      chunkAbove: Math.min(options.chunkAbove ?? usual, maxPayload - headroom),
      attempts: options.attempts ?? 5,
      crosses: options.crosses ?? true,
    }
    this.#onReport = onReport
    void options.transport.closed.then(() => {
      this.#closed = true
    })
  }

  async call(message: Message): Promise<Item<Result>> {
    const { stage, clock, events, attempts } = this.#options
    let current = message
    // What the network does to everybody is bounded by the budget, what nodes do by the number of attempts.
    let tries = 1
    for (let down = 0; ; ) {
      if (current.cancellation?.cancelled) return failure(current, stage, new Cancelled())
      if (clock.now() >= current.expires) return failure(current, stage, outOfTime(current))
      const { id, attempt, plan } = current
      events.emit({ type: 'attempt', id, attempt, plan })
      try {
        return await new Attempt(current, this.#destination(current), this.#options, this, tries).run()
      } catch (thrown) {
        const error = asQuintetError(thrown, stage)
        events.emit({ type: 'attempt-failed', id, attempt, error })
        const outage = this.#isOutage(error)
        if (!outage && (!error.retryable || tries >= attempts)) return failure(current, stage, error)
        const pause = outage ? Math.min(500, 50 * 2 ** down++) : this.#pause(error, tries)
        if (pause === undefined || clock.now() + pause >= current.expires) return failure(current, stage, error)
        try {
          if (pause > 0) await sleep(clock, pause, current.cancellation?.signal)
        } catch {
          return failure(current, stage, new Cancelled())
        }
        if (!outage) tries++
        current = evolve(current, { attempt: attempt + 1 })
      }
    }
  }

  /** How long to wait before the next attempt, ms; undefined when another is pointless. */
  #pause(error: QuintetError, tries: number): number | undefined {
    switch (error.code) {
      case 'node-lost':
      case 'executor-lost':
        return 0
      case 'refused':
        return (error as Refused).retryAfter ?? Math.min(500, 50 * tries)
      default:
        return undefined
    }
  }

  /**
   * Whether the network is at fault, and will likely mend: the connection is being restored, or nobody serves where
   * somebody did a while ago (they may all be reconnecting).
   */
  #isOutage(error: QuintetError): boolean {
    if (error.code === 'transport-closed') return !this.#closed
    if (error.code !== 'no-responders' || this.#nodes.size === 0) return false
    const now = this.#options.clock.now()
    this.#silentSince ??= now
    if (now - this.#silentSince < outageFor) return true
    this.#nodes.clear()
    this.#silentSince = undefined
    return false
  }

  #destination(message: Message): Destination {
    const { boundary, clock } = this.#options
    const named = message.plan.target?.startsWith('node:') ? message.plan.target.slice('node:'.length) : undefined
    if (named) return { subject: boundary.node(message.source, named), node: named, planned: true }
    const now = clock.now()
    const fine: string[] = []
    let avoiding = false
    for (const [node, until] of this.#nodes) {
      if (until > now) avoiding = true
      else fine.push(node)
    }
    // The group may hand a message to the very node that hangs; a direct subject cannot.
    const elsewhere = avoiding ? fine[message.seq % fine.length] : undefined
    if (elsewhere) return { subject: boundary.node(message.source, elsewhere), node: elsewhere }
    return { subject: boundary.any(message.source) }
  }

  /** @internal */
  heard(node: string): void {
    this.#silentSince = undefined
    if (!this.#nodes.has(node)) this.#nodes.set(node, 0)
  }

  /** @internal */
  lost(node: string, id: string): void {
    this.#nodes.set(node, this.#options.clock.now() + avoidFor)
    this.#options.events.emit({ type: 'node-lost', node, id })
  }

  /** @internal */
  forget(node: string): void {
    this.#nodes.delete(node)
  }

  /** @internal */
  report(report: CallReport): void {
    this.#onReport?.(report)
  }
}

const outOfTime = (message: Message) =>
  new DeadlineExceeded(
    `The budget of ${Math.round(message.expires - message.captured)} ms ended before an answer came. Allow more time, or plan less work.`,
  )

interface Destination {
  readonly subject: string
  readonly node?: string
  /** The plan names the node: there is no other to go to. */
  readonly planned?: boolean
}

/** One pass of a message over the boundary. */
class Attempt {
  readonly #message: Message
  readonly #to: Destination
  readonly #options: Required<CallerOptions>
  readonly #path: Path
  readonly #caller: Caller
  readonly #started: number
  #node: string | undefined
  #heard: number
  #patience: number
  #conversation: Conversation | undefined
  #chunks: ChunkSender | undefined
  #parts: Parts = []
  #bytes = 0
  #timer: Timer | undefined
  #resolve!: (item: Item<Result>) => void
  #reject!: (error: unknown) => void
  #done = false

  constructor(message: Message, to: Destination, options: Required<CallerOptions>, caller: Caller, tries: number) {
    this.#message = message
    this.#to = to
    this.#node = to.node
    this.#options = options
    this.#path = caller.path
    this.#caller = caller
    this.#started = options.clock.now()
    this.#heard = this.#started
    // A sign of life needs a round trip. Where that is longer than the beats and yet unknown, later tries wait longer.
    this.#patience = missedBeats * beat * tries + (caller.path.rtt ?? 0)
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
    const { transport, chunkAbove } = this.#options
    const bytes = payloadBytes(this.#message.payload)
    const { header, parts } = encodeMessage(this.#message, this.#started, this.#path.expects(bytes))
    const whole = bytes <= chunkAbove
    this.#parts = parts
    this.#bytes = whole ? bytes : 0
    if (whole) this.#patience += this.#path.uploadTime(bytes)
    const { id, traceparent } = this.#message
    this.#conversation = transport.request(
      this.#to.subject,
      whole
        ? packFrame({ kind: 'message', message: header }, parts)
        : packFrame({ kind: 'offer', message: header, sizes: parts.map((part) => part.byteLength), chunk: chunkBytes }),
      {
        headers: traceparent ? { 'Quintet-Id': id, traceparent } : { 'Quintet-Id': id },
        onReply: (delivery) => this.#onReply(delivery.data),
        onError: (error) => {
          const { node, planned } = this.#to
          if (node) this.#caller.forget(node)
          // A node that is gone from its direct subject is lost, not the whole group.
          this.#end(() => this.#reject(node && !planned ? goneNode(node, error) : error))
        },
      },
    )
  }

  #onReply(data: Parts): void {
    if (this.#done) return
    let reply: { header: Down; parts: Parts }
    try {
      reply = readDown(data)
    } catch (error) {
      return this.#end(() => this.#reject(error))
    }
    const { header, parts } = reply
    const { clock } = this.#options
    this.#heard = clock.now()
    this.#patience = missedBeats * beat
    this.#node = header.node
    this.#caller.heard(header.node)
    switch (header.kind) {
      case 'accept':
        return this.#onAccept(header.subject)
      case 'working':
        return
      case 'ack':
        return this.#chunks?.acknowledge(header.index)
      case 'result':
        return this.#onResult(header, parts)
      case 'failure': {
        const error = reviveError(header)
        const failed: Failure = failure(this.#message, header.stage, error)
        return this.#end(() => (error.retryable ? this.#reject(error) : this.#resolve(failed)))
      }
      case 'refused': {
        this.#options.events.emit({ type: 'refused', id: this.#message.id, node: header.node, reason: header.reason })
        const { retryAfter } = header
        const error = new Refused(header.reason, retryAfter === undefined ? {} : { retryAfter })
        return this.#end(() => this.#reject(error))
      }
      case 'dropped': {
        const item: Dropped = dropped(this.#message, header.reason)
        return this.#end(() => this.#resolve(item))
      }
    }
  }

  #onAccept(subject: string | undefined): void {
    if (!subject) return this.#onAcceptedWhole()
    if (this.#chunks) return
    this.#path.observeRtt(this.#options.clock.now() - this.#started)
    this.#chunks = new ChunkSender({
      transport: this.#options.transport,
      subject,
      parts: this.#parts,
      clock: this.#options.clock,
      path: this.#path,
      onError: (error) => this.#end(() => this.#reject(error)),
    })
    this.#chunks.start()
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

  #onResult(header: Extract<Down, { kind: 'result' }>, parts: Parts): void {
    const { clock } = this.#options
    const now = clock.now()
    const elapsed = now - this.#started
    const bytes = this.#chunks?.sentBytes ?? this.#bytes
    const travel = Math.max(0, elapsed - header.residence)
    if (!this.#chunks && bytes < 4096) this.#path.observeRtt(travel)
    else if (!this.#chunks) this.#path.observeRate(bytes, Math.max(0.01, travel - (this.#path.rtt ?? 0)))
    try {
      const answered = decodeOutcome(header.outcome, parts)
      this.#caller.report({ node: header.node, load: header.load })
      const below = answered.crossing
      const crossing = this.#options.crosses
        ? {
            at: this.#message.payload.at,
            encoding: encodingOf(this.#message),
            bytes,
            // Deeper down another node may have answered.
            node: below?.node ?? header.node,
          }
        : below
      const item = evolve<Message['payload'], Message['side'], Result>(this.#message, {
        payload: answered.payload as Result,
        plan: answered.plan,
        timings: spent(answered.timings, 'transfer', travel),
        ...(crossing ? { crossing } : {}),
      })
      this.#end(() => this.#resolve(item))
    } catch (error) {
      this.#end(() => this.#reject(error))
    }
  }

  /** One timer for the beats and the budget: whichever ends first. */
  #watch(): void {
    const { clock, transport } = this.#options
    const silence = this.#heard + this.#patience
    const until = Math.min(silence, this.#message.expires)
    this.#timer = clock.after(Math.max(0, until - clock.now()), () => {
      if (this.#done) return
      const now = clock.now()
      if (now >= this.#message.expires) {
        this.#onSilence()
        this.#cancel()
        return this.#end(() => this.#resolve(failure(this.#message, this.#options.stage, outOfTime(this.#message))))
      }
      // While the connection is being restored nobody can be heard: that is nobody's fault but the network's.
      if (!transport.connected) this.#heard = now
      if (now < this.#heard + this.#patience) return this.#watch()
      if (this.#node) this.#caller.lost(this.#node, this.#message.id)
      this.#end(() => this.#reject(silentNode(this.#node, this.#patience)))
    })
  }

  readonly #abort = () => {
    this.#cancel()
    this.#end(() => this.#reject(new Cancelled()))
  }

  /** Tells the holder that nobody waits any longer, where it is known. */
  #cancel(): void {
    const { transport, boundary } = this.#options
    if (!this.#node || !transport.connected) return
    try {
      transport.publish(
        boundary.node(this.#message.source, this.#node),
        packFrame({ kind: 'cancel', id: this.#message.id }),
      )
    } catch {
      // The holder's own deadline ends the work then.
    }
  }

  #end(settle: () => void): void {
    if (this.#done) return
    this.#done = true
    this.#timer?.cancel()
    this.#chunks?.stop()
    this.#conversation?.close()
    this.#message.cancellation?.unlisten(this.#abort)
    settle()
  }
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

/** How the payload is written on the wire, in the plan's words. */
function encodingOf({ payload, plan }: Message): string {
  if (payload.at === 'captured') return 'original'
  if (payload.form === 'tensors') return payload.encoding ?? (payload.at === 'prepared' ? 'tensor' : 'float32')
  return payload.form === 'pixels' ? 'raw' : (plan.encoding ?? 'jpeg')
}
