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
  readonly #onReport: ((report: CallReport) => void) | undefined

  constructor(options: CallerOptions, onReport?: (report: CallReport) => void) {
    const { maxPayload } = options.transport
    const usual = Number.isFinite(maxPayload) ? 256 * 1024 : Number.POSITIVE_INFINITY
    this.#options = {
      ...options,
      chunkAbove: Math.min(options.chunkAbove ?? usual, maxPayload - headroom),
      attempts: options.attempts ?? 5,
    }
    this.#onReport = onReport
  }

  async call(message: Message): Promise<Item<Result>> {
    const { stage, clock, events, attempts } = this.#options
    let current = message
    for (let tries = 1; ; tries++) {
      if (current.cancellation?.cancelled) return failure(current, stage, new Cancelled())
      if (clock.now() >= current.expires) return failure(current, stage, outOfTime(current))
      try {
        return await new Attempt(current, this.#destination(current), this.#options, this.path, this).run()
      } catch (thrown) {
        const error = asQuintetError(thrown, stage)
        events.emit({ type: 'attempt-failed', id: current.id, attempt: current.attempt, error })
        if (!error.retryable || tries >= attempts) return failure(current, stage, error)
        const pause = this.#pause(error, tries)
        if (pause === undefined || clock.now() + pause >= current.expires) return failure(current, stage, error)
        try {
          if (pause > 0) await sleep(clock, pause, current.cancellation?.signal)
        } catch {
          return failure(current, stage, new Cancelled())
        }
        current = evolve(current, { attempt: current.attempt + 1 })
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
        return (error as Refused).retryAfter ?? 50 * tries
      case 'transport-closed':
        return 50 * 2 ** tries
      default:
        return undefined
    }
  }

  #destination(message: Message): { subject: string; node?: string } {
    const { boundary, clock } = this.#options
    const named = message.plan.target?.startsWith('node:') ? message.plan.target.slice('node:'.length) : undefined
    if (named) return { subject: boundary.node(message.source, named), node: named }
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

/** One pass of a message over the boundary. */
class Attempt {
  readonly #message: Message
  readonly #to: { subject: string; node?: string }
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

  constructor(
    message: Message,
    to: { subject: string; node?: string },
    options: Required<CallerOptions>,
    path: Path,
    caller: Caller,
  ) {
    this.#message = message
    this.#to = to
    this.#node = to.node
    this.#options = options
    this.#path = path
    this.#caller = caller
    this.#started = options.clock.now()
    this.#heard = this.#started
    this.#patience = missedBeats * beat
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
          if (this.#to.node) this.#caller.forget(this.#to.node)
          // A node that is gone from its direct subject is lost, not the whole group.
          this.#end(() => this.#reject(this.#to.node ? lostBeforeAnswer(this.#to.node, error) : error))
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
      const { payload } = this.#message
      const item = evolve<Message['payload'], Message['side'], Result>(this.#message, {
        payload: answered.payload as Result,
        plan: answered.plan,
        timings: spent(answered.timings, 'transfer', travel),
        crossing: {
          at: payload.at,
          encoding: this.#message.crossing?.encoding ?? encodingOf(this.#message),
          bytes: bytes + (this.#message.crossing?.bytes ?? 0),
          node: answered.crossing?.node ?? header.node,
        },
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
      this.#end(() => this.#reject(lostBeforeAnswer(this.#node)))
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

function lostBeforeAnswer(node: string | undefined, cause?: unknown): NodeLost {
  const who = node ? `Node "${node}"` : 'The node that was asked'
  return new NodeLost(
    `${who} gave no sign of life for ${missedBeats * beat} ms, and no other answered in time. Check that the cloud half runs.`,
    { cause },
  )
}

function encodingOf(message: Message): string {
  const { payload, plan } = message
  if (payload.at === 'captured') return 'original'
  return plan.encoding ?? (payload.form === 'tensors' ? 'tensor' : payload.form === 'pixels' ? 'raw' : 'jpeg')
}
