import { type BackoffPolicy, pauseAfter } from '../actors/supervision.ts'
import type { Clock } from '../clock.ts'
import { sleep } from '../clock.ts'
import {
  asQuintetError,
  Cancelled,
  DeadlineExceeded,
  type Evidence,
  Quarantined,
  type QuintetError,
  Refused,
  VersionMismatch,
} from '../errors.ts'
import type { Events } from '../events.ts'
import { failure, type Item, type Message } from '../message.ts'
import type { Result } from '../payload.ts'
import type { Platform } from '../platform.ts'
import type { Boundary } from '../subjects.ts'
import type { Transport } from '../transport.ts'
import { Attempt, type AttemptOwner, type CallReport, type Destination, outOfTime } from './attempt.ts'
import { Breakers } from './breaker.ts'
import { Course, isDoubtful, verdictOn } from './course.ts'
import { common, type Dialects, dialectsOf, inWords, noCommonVersion, type VersionRange } from './dialects.ts'
import { Path } from './path.ts'
import { Peers } from './peers.ts'
import { beat } from './protocol.ts'
import { Scout } from './scout.ts'
import { Stays } from './stays.ts'
import { SuspectLane, type SuspectTurn } from './suspects.ts'
import type { Verdict } from './verdict.ts'

/** Of more nodes none is told that a message is not wanted which it may not even have. */
const mostSuspects = 16
/** Between the attempts of one message, where nobody says when to come back. */
const retrying: BackoffPolicy = { first: 50, factor: 2, longest: 500, jitter: 0 }
/** A sign of life is waited for so many times as long as usual, at the most, where nobody was heard of before. */
const mostPatience = 8
/** Executors and nodes that a message may cost. */
const mostCosts = 2
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
   * So long nobody may serve, or be heard of, ms, before messages fail where somebody did. Default: as long as their budgets
   * last. Less where another plan may still answer them; 0 where having no responder is an answer.
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
 * The upper end of a boundary: sends a message, follows the conversation about it, and resolves to what became of it. Nodes
 * are judged by what they make of messages, and those that do badly are passed by: see `Breakers`. What a node does to a
 * message is a failed try, and the next goes elsewhere under the same id while there are tries and budget left; what the
 * network does to all costs no try. Never rejects.
 */
export class Caller implements AttemptOwner {
  readonly #options: Required<Omit<CallerOptions, 'onReport' | 'onLost'>> & Pick<CallerOptions, 'onReport' | 'onLost'>
  readonly path = new Path()
  /** Which versions of the wire the nodes speak. */
  readonly peers: Peers
  readonly #dialects: Dialects
  readonly #breakers: Breakers
  readonly #stays = new Stays()
  readonly #scout: Scout
  readonly #suspects: SuspectLane
  /**
   * Who was silent while nobody else was heard of either, and since when (local clock, ms); undefined: one of the group. Whose
   * fault it was is known when somebody is heard of again.
   */
  readonly #unheard = new Map<string | undefined, { readonly since: number; readonly count: number }>()
  /** Under way. */
  readonly #attempts = new Set<Attempt>()
  /** Until when silence was the network's fault: local clock, ms. */
  #excused = Number.NEGATIVE_INFINITY
  /** Somebody was heard of, and not found gone for long since. */
  #served = false
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
      outage: options.outage ?? Number.POSITIVE_INFINITY,
      crosses: options.crosses ?? true,
      next: options.next ?? (({ attempt }) => attempt + 1),
    }
    const { transport, boundary, clock, events } = options
    this.#dialects = dialectsOf(transport)
    this.peers = new Peers(this.#dialects, clock)
    this.#breakers = new Breakers({ clock, events, onOpen: (node) => options.onLost?.(node) })
    this.#scout = new Scout({ transport, boundary, clock, heard: (node, speaks) => this.heard(node, speaks) })
    this.#suspects = new SuspectLane(clock)
    void transport.closed.then(() => {
      this.#closed = true
    })
  }

  async call(message: Message): Promise<Item<Result>> {
    const course = new Course(message)
    return course.open.settle(await this.#pursue(message, course), course.by)
  }

  async #pursue(message: Message, course: Course): Promise<Item<Result>> {
    const { stage, clock, events, outage, next } = this.#options
    for (let current = message; ; current = course.open.again(current, next(current))) {
      const ended = this.#over(current, course)
      if (ended) return failure(current, stage, ended)
      const { id, attempt, plan } = current
      const named = isNamed(current)
      if (this.#silence && !named) {
        const ended = await this.#turn(this.#silence, current)
        if (ended) return failure(current, stage, ended)
      }
      const suspect = this.#costs(course).length > 0
      const turn = suspect ? await this.#suspects.enter(current) : undefined
      if (suspect && !turn) continue
      events.emit({ type: 'attempt', id, attempt, plan })
      const tried = await this.#try(current, course).finally(() => turn?.end(false))
      if ('item' in tried) {
        this.#broken()
        return tried.item
      }
      if (course.open.answer) {
        if (tried.to?.trial) this.#breakers.untried(tried.to)
        return course.open.answer
      }
      const { error } = tried
      events.emit({ type: 'attempt-failed', id, attempt, error })
      if (error.code === 'no-responders' && tried.attempt?.stage === undefined && !named && outage > 0) {
        if (this.#missed(error)) return failure(current, stage, error)
        continue
      }
      this.#broken()
      const pause = this.#again(tried, current, course, turn)
      if (typeof pause !== 'number') return failure(current, tried.attempt?.stage ?? stage, pause)
      try {
        if (pause > 0) await sleep(clock, pause, current.cancellation?.signal)
      } catch {
        return failure(current, stage, reasonOf(current))
      }
    }
  }

  /** Why a message is not tried any more before it is sent: nobody waits for it, or its time is over. */
  #over({ cancellation, expires }: Message, course: Course): QuintetError | undefined {
    if (cancellation?.cancelled) return cancellation.reason
    if (this.#options.clock.now() < expires) return undefined
    return course.silences > 0 ? unheard() : outOfTime()
  }

  /** One try; at once again where it was in a version that the node does not speak: that costs the message nothing. */
  async #try(message: Message, course: Course): Promise<Tried> {
    const { stage } = this.#options
    // Where all who are known are of other versions, one more may have come; but not so many messages may be sent for that.
    for (let left = this.peers.strangers ? 0 : mostUnspoken; ; left--) {
      let to: Destination | undefined
      let attempt: Attempt | undefined
      try {
        to = this.#destination(message, course)
        const patience = Math.min(mostPatience, course.tries * 2 ** course.silences)
        attempt = new Attempt(message, to, this.#options, this, {
          patience,
          movable: !course.moved,
          open: course.open,
        })
        course.open.begin(attempt)
        this.#attempts.add(attempt)
        const item = await attempt.run()
        const again = this.#judgeItem(item, message, attempt, to, course)
        return again ? { error: again, attempt, to } : { item }
      } catch (thrown) {
        if (thrown instanceof Unspoken && left > 0) {
          if (to?.trial) this.#breakers.untried(to)
          continue
        }
        if (attempt?.listens) course.open.keep(attempt)
        return { error: asQuintetError(thrown, stage), attempt, to }
      } finally {
        if (attempt) this.#attempts.delete(attempt)
      }
    }
  }

  /** What an item says of the node that it is of. @returns why another node is to be asked, where one had better be */
  #judgeItem(
    item: Item<Result>,
    message: Message,
    attempt: Attempt,
    to: Destination,
    course: Course,
  ): QuintetError | undefined {
    const { node = to.node } = attempt
    if (item.kind === 'message') {
      this.#judge(node, to, 'answered')
      course.by = node
      if (attempt.residence !== undefined) this.#stays.observe(kindOf(message), attempt.residence)
      return undefined
    }
    if (item.kind === 'failure') {
      this.#onLate(attempt, to)
      return undefined
    }
    this.#judge(node, to, 'doubtful')
    if (node === undefined) return undefined
    course.passed.add(node)
    // What a stage lets go on purpose it lets go anywhere; who does so much more often than others is not believed.
    const meant = item.reason === 'filtered' && !this.#breakers.isOpen(node)
    if (meant || course.tries >= this.#options.attempts || this.#breakers.well(course.passed) === 0) return undefined
    return new Refused(`Node "${node}" dropped the message (${item.reason}).`)
  }

  /** The time of a message ended where a node had it, or was silent about it while others were heard of. */
  #onLate(attempt: Attempt, to: Destination): void {
    const { node = to.node, held, unheard, heard } = attempt
    if (held || (unheard && this.#breakers.heardSince(heard, node))) this.#judge(node, to, 'doubtful')
    else if (to.trial) this.#breakers.untried(to)
  }

  /** @returns how long to wait before the next try, ms; or how the message ends, where there is none */
  #again({ error, attempt, to }: Failed, message: Message, course: Course, turn?: SuspectTurn): number | QuintetError {
    const { clock, outage, attempts } = this.#options
    const now = clock.now()
    const left = message.expires - now
    const fits = (pause: number) => (pause < left ? pause : error)
    if (error.code === 'transport-closed' && !this.#closed && attempt?.stage === undefined) {
      if (to?.trial) this.#breakers.untried(to)
      return fits(pauseAfter(++course.down, retrying))
    }
    if (!attempt || !to) return error
    if (error.code === 'damaged') {
      // The way's fault, and no node's: as long as there is time.
      if (to.trial) this.#breakers.untried(to)
      return fits(damagedPause(course.damaged++))
    }
    const { trouble, stage, node = to.node } = attempt
    if (message.cancellation?.cancelled) {
      if (left <= 0) this.#onLate(attempt, to)
      else if (to.trial) this.#breakers.untried(to)
      return error
    }
    const named = to.planned === true
    // What it said of other messages shortly after its last word on this one is no sign that it lives still.
    const at = now - 2 * beat
    if (node !== undefined) course.passed.add(node)
    if (trouble === 'silent') {
      const others = attempt.heard > this.#excused && this.#breakers.heardSince(attempt.heard + beat, node)
      // What was sent before they were heard of again went the same way.
      if (others || named || attempt.heard > this.#excused) this.#onSilent(node, at, to, others || named)
      else if (to.trial) this.#breakers.untried(to)
      if (node === undefined) course.unnamed = true
      else this.#lost(node, message.id)
      if (!others && !named) {
        course.lost({ ...(node === undefined ? {} : { node }), code: error.code, at })
        course.since ??= attempt.heard
        course.silences++
        return this.#suspected(course, turn) ?? (now - course.since >= outage ? error : fits(0))
      }
    } else {
      const verdict = verdictOn(error.code, trouble)
      if (verdict) this.#judge(node, to, verdict)
      else if (to.trial) this.#breakers.untried(to)
    }
    course.since = undefined
    course.silences = 0
    if (trouble === 'overlong') course.moved = true
    if (trouble === 'silent' || error.code === 'executor-lost') {
      course.lost({ ...(node === undefined ? {} : { node }), code: error.code, at })
      const quarantined = this.#suspected(course, turn)
      if (quarantined) return quarantined
    }
    // A node that is gone was none of the tries.
    if (trouble === 'gone') return fits(0)
    // Nobody serves below: the node has waited for that already, and others would find the same.
    if (stage !== undefined && error.code === 'no-responders') return error
    if (course.tries >= attempts) return error
    course.tries++
    // Whoever speaks a common version was asked by name already.
    if (error.code === 'version-mismatch') return error
    const free = !named && this.#breakers.well(course.passed) > 0
    switch (error.code) {
      case 'node-lost':
      case 'executor-lost':
        return fits(0)
      case 'refused':
        return this.#afterRefusal(error as Refused, node, course, free, fits)
      default: {
        if (!free) return trouble === 'unreadable' && !named ? fits(pauseAfter(course.tries, retrying)) : error
        // Of failures that two nodes agree on the message is the cause.
        const doubted = node !== undefined && this.#breakers.isOpen(node)
        if (trouble !== 'unreadable' && !doubted) {
          if (course.doubted || !isDoubtful(error.code)) return error
          course.doubted = true
        }
        return fits(0)
      }
    }
  }

  /** What becomes of a message that was lost with a node or an executor once more. */
  #suspected(course: Course, turn: SuspectTurn | undefined): Quarantined | undefined {
    turn?.end(true)
    const costs = this.#costs(course)
    // Of several that a node died with nobody knows which it was: they are tried again, each alone.
    return costs.length < mostCosts || turn?.alone === false ? undefined : new Quarantined(costs)
  }

  #costs(course: Course): readonly Evidence[] {
    return course.costs((node, since) => since > this.#excused && this.#breakers.gone(node, since))
  }

  /** @param sure it is the node's fault, as others were heard of meanwhile */
  #onSilent(node: string | undefined, since: number, to: Destination, sure: boolean): void {
    if (sure) return this.#judge(node, to, 'silent')
    if (to.trial) this.#breakers.untried(to)
    this.#unheard.set(node, { since, count: (this.#unheard.get(node)?.count ?? 0) + 1 })
  }

  /** Somebody is heard of. Whoever was silent before, while this one was not, is to blame; else it was the network. */
  #onHeard(node: string): void {
    if (this.#unheard.size === 0) return
    const unheard = [...this.#unheard]
    // Of several messages in a row that nobody took notice of, it is rather the way that is to blame than one of the group.
    if (unheard.some(([silent, { count }]) => silent === node || (silent === undefined && count > 1))) {
      return this.#excuse()
    }
    this.#unheard.clear()
    for (const [silent, { since }] of unheard) {
      if (silent !== undefined && !this.#breakers.gone(silent, since)) continue
      this.#breakers.judge(silent === undefined ? {} : { node: silent }, 'silent')
    }
  }

  /** Nobody is to blame for what was silent so far. */
  #excuse(): void {
    this.#unheard.clear()
    this.#excused = this.#options.clock.now()
    for (const attempt of this.#attempts) if (attempt.unheard) attempt.hasten()
  }

  excuse(node: string | undefined): void {
    if (this.#unheard.has(node)) this.#excuse()
  }

  found({ node, residence }: Attempt, message: Message, blamed: string | undefined): void {
    if (node !== undefined) this.#breakers.judge({ node }, 'late')
    if (blamed === undefined) this.#breakers.judge({}, 'late')
    if (residence !== undefined) this.#stays.observe(kindOf(message), residence)
  }

  /** Judges who had a message, and the group where this was its trial: what one of its nodes did is none of its faults. */
  #judge(node: string | undefined, to: Destination, verdict: Verdict): void {
    const trial = to.trial ? ({ trial: true } as const) : {}
    if (to.trial && to.node === undefined && node !== undefined) this.#breakers.judge(trial, 'answered')
    const own = to.node === node ? trial : {}
    this.#breakers.judge(node === undefined ? own : { node, ...own }, verdict)
  }

  /** Others are asked first, and whoever refused it not before it said. A wait past its budget is none. */
  #afterRefusal(
    { retryAfter }: Refused,
    node: string | undefined,
    course: Course,
    free: boolean,
    fits: (pause: number) => number | QuintetError,
  ): number | QuintetError {
    const now = this.#options.clock.now()
    const pause = retryAfter ?? pauseAfter(course.tries - 1, retrying)
    if (node !== undefined) course.refusals.set(node, now + pause)
    if (free) return fits(0)
    const first = Math.min(now + pause, ...course.refusals.values())
    const asked = fits(Math.max(0, first - now))
    // One who names no time that helps is not all of the group: somebody else may be free.
    if (typeof asked !== 'number' && course.refusals.size < 2 && course.tries <= 2) return fits(pauseAfter(1, retrying))
    return asked
  }

  /**
   * Waits until it is this message's turn to look whether somebody serves again: one looks for all.
   * @returns why it ends without: nobody will look before its time is over
   */
  async #turn(silence: Silence, message: Message): Promise<QuintetError | undefined> {
    const { clock } = this.#options
    while (this.#silence === silence) {
      if (message.cancellation?.cancelled) return message.cancellation.reason
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
    if (!this.#served || now - silence.since >= this.#options.outage) {
      this.#served = false
      this.#breakers.clear()
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
  #destination(message: Message, course: Course): Destination {
    const { boundary } = this.#options
    const { source } = message
    const named = isNamed(message)
    if (named) {
      const version = this.peers.to(named)
      if (version === undefined) throw this.#noCommon(named)
      return { subject: boundary.node(source, named), version, node: named, planned: true }
    }
    const version = this.peers.toAll
    // The group may hand a message to the very node that does badly, or speaks nothing in common; a direct subject cannot.
    const { node, trial } = this.#breakers.choose(
      this.#unheard.size === 0 ? course.passed : new Set([...course.passed, ...this.#unheard.keys()]),
      (one) => this.peers.to(one) !== undefined,
      version === undefined || course.unnamed,
    )
    const more = trial ? ({ trial } as const) : {}
    const spoken = node === undefined ? undefined : this.peers.to(node)
    if (node !== undefined && spoken !== undefined) {
      if (version !== undefined) this.#scout.look(source, version)
      return { subject: boundary.node(source, node), version: spoken, node, ...more }
    }
    return { subject: boundary.any(source), version: version ?? this.#dialects.least, ...more }
  }

  heard(node: string, speaks: VersionRange): void {
    this.#broken()
    this.#served = true
    this.#breakers.heard(node)
    this.#onHeard(node)
    this.peers.heard(node, speaks)
  }

  longestStay(message: Message, node: string): number {
    const free = this.#breakers.well(new Set([node])) > 0
    return (free ? this.#stays.longest(kindOf(message)) : undefined) ?? Number.POSITIVE_INFINITY
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

  #lost(node: string, id: string): void {
    this.#options.onLost?.(node)
    this.#options.events.emit({ type: 'node-lost', node, id })
  }

  forget(node: string): void {
    this.#breakers.forget(node)
    this.peers.forget(node)
    this.#options.onLost?.(node)
  }

  suspects(): Iterable<string> {
    const { nodes } = this.#breakers
    return nodes.size <= mostSuspects ? nodes.keys() : []
  }

  report(report: CallReport): void {
    // Who is passed by is none to aim at.
    if (!this.#breakers.isOpen(report.node)) this.#options.onReport?.(report)
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

/** A try that came to nothing. */
interface Failed {
  readonly error: QuintetError
  /** Undefined where it could not even be begun. */
  readonly attempt: Attempt | undefined
  readonly to: Destination | undefined
}

type Tried = { readonly item: Item<Result> } | Failed

/** The node that the plan names; undefined where it may be any. */
function isNamed({ plan: { target } }: Message): string | undefined {
  return target?.startsWith('node:') ? target.slice('node:'.length) : undefined
}

/** Messages whose stays are alike. */
const kindOf = ({ plan, payload }: Pick<Message, 'plan' | 'payload'>) => `${plan.model} ${payload.at}`

const reasonOf = ({ cancellation }: Message): QuintetError => cancellation?.reason ?? new Cancelled()

const unheard = () =>
  new DeadlineExceeded(
    'The budget ended, and nobody was heard of for the last part of it. Look at the connection, and whether the cloud half runs.',
  )
