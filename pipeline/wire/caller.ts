import { type BackoffPolicy, pauseAfter } from '../actors/supervision.ts'
import type { Clock } from '../clock.ts'
import { sleep } from '../clock.ts'
import { asQuintetError, Cancelled, type QuintetError, type Refused, VersionMismatch } from '../errors.ts'
import type { Events } from '../events.ts'
import { evolve, failure, type Item, type Message } from '../message.ts'
import type { Result } from '../payload.ts'
import type { Platform } from '../platform.ts'
import type { Boundary } from '../subjects.ts'
import type { Transport } from '../transport.ts'
import { Attempt, type AttemptOwner, type CallReport, type Destination, outOfTime } from './attempt.ts'
import { common, type Dialects, dialectsOf, inWords, noCommonVersion, type VersionRange } from './dialects.ts'
import { Path } from './path.ts'
import { Peers } from './peers.ts'
import { beat } from './protocol.ts'

/** A node that was lost gets no new message for this long, ms, while another is known. */
const avoidFor = 10_000
/** Of more nodes none is told that a message is not wanted which it may not even have. */
const mostSuspects = 16
/** Between the attempts of one message, where nobody says when to come back. */
const retrying: BackoffPolicy = { first: 50, factor: 2, longest: 500, jitter: 0 }
/** Nodes that may refuse one try for its version before it is over, as long as others of the group may not. */
const mostUnspoken = 8

export interface CallerOptions {
  readonly transport: Transport
  readonly boundary: Boundary
  /** The stage it stands for, as failures name it. */
  readonly stage: string
  readonly clock: Clock
  readonly platform: Platform
  readonly events: Events
  /**
   * Payloads above so many bytes go in chunks to one accepting node, and those that the transport does not take at once.
   * Default 256 KB, where the transport copies.
   */
  readonly chunkAbove?: number
  /** How often one message is tried at most, the first time included. */
  readonly attempts?: number
  /**
   * So long nobody may serve, ms, before a boundary that was served counts as deserted. Default 5,000; 0 where having
   * no responder is an answer.
   */
  readonly outage?: number
  /** Whether an answer that comes back over this boundary says so. Default true; a hop on the device is no crossing. */
  readonly crosses?: boolean
  /** The number of a message's next attempt. Default: one more than this one's. */
  readonly next?: (message: Message) => number
  /** What a node says of itself, in each of its replies. */
  readonly onReport?: (report: CallReport) => void
  /** A node missed its beats, or listens no longer. */
  readonly onLost?: (node: string) => void
}

/**
 * The upper end of a boundary: sends a message, follows the conversation about it, and resolves to what became of it.
 * A node that misses three beats, refuses, or loses its executor is a failed attempt; the next goes elsewhere under
 * the same id as long as the budget lasts. Never rejects.
 */
export class Caller implements AttemptOwner {
  readonly #options: Required<Omit<CallerOptions, 'onReport' | 'onLost'>> & Pick<CallerOptions, 'onReport' | 'onLost'>
  readonly path = new Path()
  /** Which versions of the wire the nodes speak. */
  readonly peers: Peers
  readonly #dialects: Dialects
  /** Nodes heard of, and until when each is avoided. */
  readonly #nodes = new Map<string, number>()
  #silence: Silence | undefined
  /** The transport is closed for good; while it is not, a lost connection is being restored. */
  #closed = false

  constructor(options: CallerOptions) {
    const { maxPayload } = options.transport
    const usual = Number.isFinite(maxPayload) ? 256 * 1024 : Number.POSITIVE_INFINITY
    this.#options = {
      ...options,
      chunkAbove: options.chunkAbove ?? usual,
      attempts: options.attempts ?? 5,
      outage: options.outage ?? 5_000,
      crosses: options.crosses ?? true,
      next: options.next ?? (({ attempt }) => attempt + 1),
    }
    this.#dialects = dialectsOf(options.transport)
    this.peers = new Peers(this.#dialects, options.clock)
    void options.transport.closed.then(() => {
      this.#closed = true
    })
  }

  async call(message: Message): Promise<Item<Result>> {
    const { stage, clock, events, attempts, outage, next } = this.#options
    let current = message
    // What the network does to everybody is bounded by the budget, what nodes do by the number of attempts.
    let tries = 1
    let damaged = 0
    for (let down = 0; ; ) {
      if (current.cancellation?.cancelled) return failure(current, stage, new Cancelled())
      if (clock.now() >= current.expires) return failure(current, stage, outOfTime())
      const { id, attempt, plan } = current
      const named = plan.target?.startsWith('node:')
      if (this.#silence && !named) {
        const ended = await this.#turn(this.#silence, current)
        if (ended) return failure(current, stage, ended)
      }
      events.emit({ type: 'attempt', id, attempt, plan })
      try {
        const item = await this.#try(current, tries)
        this.#broken()
        return item
      } catch (thrown) {
        const error = asQuintetError(thrown, stage)
        events.emit({ type: 'attempt-failed', id, attempt, error })
        if (error.code === 'no-responders' && !named && outage > 0) {
          if (this.#missed(error)) return failure(current, stage, error)
          current = evolve(current, { attempt: next(current) })
          continue
        }
        this.#broken()
        const restoring = error.code === 'transport-closed' && !this.#closed
        const harmed = error.code === 'damaged'
        const ways = restoring || harmed
        if (!ways && (!error.retryable || tries >= attempts)) return failure(current, stage, error)
        const pause = harmed
          ? damagedPause(damaged++)
          : restoring
            ? pauseAfter(++down, retrying)
            : this.#pause(error, tries)
        if (pause === undefined || clock.now() + pause >= current.expires) return failure(current, stage, error)
        try {
          if (pause > 0) await sleep(clock, pause, current.cancellation?.signal)
        } catch {
          return failure(current, stage, new Cancelled())
        }
        if (!ways) tries++
        current = evolve(current, { attempt: next(current) })
      }
    }
  }

  /** One try; at once again where it was in a version that the node does not speak: that costs the message nothing. */
  async #try(message: Message, tries: number): Promise<Item<Result>> {
    // Where all who are known are of other versions, one more may have come; but not so many messages may be sent for that.
    for (let left = this.peers.strangers ? 0 : mostUnspoken; ; left--) {
      try {
        return await new Attempt(message, this.#destination(message), this.#options, this, tries).run()
      } catch (error) {
        if (!(error instanceof Unspoken) || left === 0) throw error
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
        return (error as Refused).retryAfter ?? pauseAfter(tries, retrying)
      default:
        return undefined
    }
  }

  /**
   * Waits until it is this message's turn to look whether somebody serves again: one looks for all.
   * @returns why it ends without: nobody will look before its time is over
   */
  async #turn(silence: Silence, message: Message): Promise<QuintetError | undefined> {
    const { clock } = this.#options
    while (this.#silence === silence) {
      if (message.cancellation?.cancelled) return new Cancelled()
      const now = clock.now()
      if (now >= silence.next) {
        silence.next = Number.POSITIVE_INFINITY
        return undefined
      }
      if (silence.deserted || now >= message.expires) return silence.error
      // While one looks, what comes of it is known within a round trip.
      const looking = silence.next === Number.POSITIVE_INFINITY
      if (!looking && silence.next >= message.expires) return silence.error
      await this.#news(silence, Math.min(silence.next, message.expires) - now, message)
    }
    return undefined
  }

  /** Resolves when there is news of a silence, after `ms`, or when nobody waits for the message any longer. */
  #news(silence: Silence, ms: number, { cancellation }: Message): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        timer.cancel()
        silence.waiting.delete(go)
        cancellation?.unlisten(go)
        resolve()
      }
      const timer = this.#options.clock.after(ms, go)
      silence.waiting.add(go)
      cancellation?.listen(go)
    })
  }

  /**
   * Nobody serves. Where somebody did a while ago they may all be reconnecting, and messages wait; else it is hopeless, and
   * they fail at once, but for one now and then that looks.
   */
  #missed(error: QuintetError): boolean {
    const now = this.#options.clock.now()
    this.#silence ??= { since: now, looks: 0, next: now, deserted: false, error, waiting: new Set() }
    const silence = this.#silence
    if (this.#nodes.size === 0 || now - silence.since >= this.#options.outage) {
      this.#nodes.clear()
      silence.deserted = true
    }
    silence.error = error
    silence.next = now + (silence.deserted ? beat : pauseAfter(++silence.looks, retrying))
    for (const go of [...silence.waiting]) go()
    return silence.deserted
  }

  /** Somebody is there, or it is not known any more that nobody is. */
  #broken(): void {
    const silence = this.#silence
    if (!silence) return
    this.#silence = undefined
    for (const go of [...silence.waiting]) go()
  }

  /** @throws VersionMismatch the node that the plan names speaks no version that this side does */
  #destination(message: Message): Destination {
    const { boundary, clock } = this.#options
    const named = message.plan.target?.startsWith('node:') ? message.plan.target.slice('node:'.length) : undefined
    if (named) {
      const version = this.peers.to(named)
      if (version === undefined) throw this.#noCommon(named)
      return { subject: boundary.node(message.source, named), version, node: named, planned: true }
    }
    const now = clock.now()
    const version = this.peers.toAll
    const fine: string[] = []
    // The group may hand a message to the very node that hangs, or speaks nothing in common; a direct subject cannot.
    let avoiding = version === undefined
    for (const [node, until] of this.#nodes) {
      if (until > now) avoiding = true
      else if (version !== undefined || this.peers.to(node) !== undefined) fine.push(node)
    }
    const elsewhere = avoiding ? fine[message.seq % fine.length] : undefined
    if (elsewhere) {
      const spoken = this.peers.to(elsewhere)
      if (spoken !== undefined)
        return { subject: boundary.node(message.source, elsewhere), version: spoken, node: elsewhere }
    }
    return { subject: boundary.any(message.source), version: version ?? this.#dialects.least }
  }

  heard(node: string, speaks: VersionRange): void {
    this.#broken()
    if (!this.#nodes.has(node)) this.#nodes.set(node, 0)
    this.peers.heard(node, speaks)
  }

  unspoken(node: string, version: number): Error {
    const theirs = this.peers.rangeOf(node) ?? this.#dialects
    const { message } =
      common(theirs, this.#dialects) === undefined
        ? this.#noCommon(node)
        : {
            message: `Node "${node}" refused version ${version} of the wire; it says that it speaks ${inWords(theirs)}, this side ${inWords(this.#dialects)}. Send again, or look who answers there.`,
          }
    return new Unspoken(message, { retryable: true })
  }

  #noCommon(node: string): VersionMismatch {
    return noCommonVersion(`Node "${node}"`, this.peers.rangeOf(node) ?? this.#dialects, this.#dialects)
  }

  lost(node: string, id: string): void {
    this.#nodes.set(node, this.#options.clock.now() + avoidFor)
    this.#options.onLost?.(node)
    this.#options.events.emit({ type: 'node-lost', node, id })
  }

  forget(node: string): void {
    this.#nodes.delete(node)
    this.peers.forget(node)
    this.#options.onLost?.(node)
  }

  suspects(): Iterable<string> {
    return this.#nodes.size <= mostSuspects ? this.#nodes.keys() : []
  }

  report(report: CallReport): void {
    this.#options.onReport?.(report)
  }
}

/** Before a message that was damaged on its way is sent again: at once, then as everything. */
const damagedPause = (times: number) => (times === 0 ? 0 : pauseAfter(times, retrying))

/** Nobody serves the boundary, as was found when somebody looked last. */
interface Silence {
  /** Local clock, ms. */
  readonly since: number
  /** When the next message looks; Infinity while one does. */
  next: number
  looks: number
  /** It lasts too long, or nobody was ever heard of: messages do not wait. */
  deserted: boolean
  error: QuintetError
  readonly waiting: Set<() => void>
}

/** A node refused the version that it was spoken to in. */
class Unspoken extends VersionMismatch {}
