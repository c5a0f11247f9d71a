import { hex } from '../bytes.ts'
import { Cancellation } from '../cancellation.ts'
import type { Capture, FailedCapture } from '../capture.ts'
import type { Timer } from '../clock.ts'
import type { Attempts, StageContext } from '../context.ts'
import {
  asQuintetError,
  BadInput,
  Cancelled,
  DeadlineExceeded,
  described,
  Quarantined,
  type QuintetError,
  reasonOf,
  StageFailed,
} from '../errors.ts'
import { Ledger } from '../ledger.ts'
import { dropped, failure, type Item, type Message } from '../message.ts'
import type { Captured } from '../payload.ts'
import { lastAnswer } from '../plan.ts'
import { Residence } from '../residence.ts'
import { type AttemptRules, Flying } from './flying.ts'
import { LastAnswers } from './last.ts'
import { fingerprint, frameChanged, isUnchanged } from './ownership.ts'
import { Passes } from './passes.ts'

/** A stage that respects budgets has ended a message by then; this catches what an operator lost, ms after its end. */
const grace = 250

/** Streams whose messages are numbered on; of more, the one that was captured from longest ago begins at 0 again. */
const streamsKnown = 16_384

export interface FlightOptions {
  readonly context: StageContext
  readonly device: string
  /** Milliseconds that a message may take whose answer is on time within `deadline` ms. */
  readonly budget: (deadline: number) => number
  readonly rules: AttemptRules
  /** Whether a frame that was written over in flight fails. */
  readonly checkOwnership: boolean
  /** Takes a further pass of a message in, where captures come in. */
  readonly enter: (message: Message) => void
  /** `flew`: it had entered the pipeline, and so holds a place in the window. */
  readonly onSettled: (item: Item, flew: boolean) => void
}

/** The messages of a device half between capture and settlement: counted, watched, settled once. */
export class Flight implements Attempts {
  readonly ledger = new Ledger()
  readonly #flying = new Map<string, Flying>()
  readonly #passes: Passes
  readonly #last = new LastAnswers()
  readonly #residence = new Residence()
  readonly #options: FlightOptions
  readonly #context: StageContext
  /** Distinguishes runs: ids must be unique as long as anybody may see both. */
  readonly #run: string
  readonly #seqs = new Map<string, number>()
  #count = 1
  /** Messages in flight that may end before those which were captured before them. */
  #branched = 0
  #probes = 0
  #probeBytes = 0
  #timer: Timer | undefined
  readonly #landed = new Set<() => void>()

  constructor(options: FlightOptions) {
    this.#options = options
    this.#context = options.context
    this.#run = hex(options.context.platform.randomBytes(6))
    this.#passes = new Passes({
      context: options.context,
      rules: options.rules,
      last: this.#last,
      enter: options.enter,
      branched: () => {
        this.#branched++
      },
      end: (flying) => this.#land(flying),
    })
  }

  /**
   * Makes a message of a capture and opens its account; undefined when it is not to be worked on: one of this id is in
   * flight already, or its names cannot travel.
   * @param at local clock, ms: when it had been captured; what it waited since is the message's time, too
   */
  take(capture: Capture, at: number): Message<Captured, 'device'> | undefined {
    const { clock } = this.#context
    const { id, stream } = capture
    const wrong = wrongName(capture) ?? (id !== undefined && this.#isKnown(id) ? twin(id) : undefined)
    if (wrong) return this.fail({ error: wrong, ...(stream === undefined ? {} : { stream }) })
    const message = this.#message(capture, at - (capture.ms ?? 0), capture.payload)
    const suspect = this.#context.quarantine.against(message, message.payload)
    if (suspect) {
      this.ledger.open(message.id)
      this.#close(failure(message, 'capture', suspect), false)
      return undefined
    }
    this.ledger.open(message.id)
    const handedIn = this.#options.checkOwnership ? fingerprint(message.payload) : undefined
    this.#flying.set(message.id, new Flying(message, this.#flying.size + 1, handedIn))
    this.#residence.entered()
    this.#timer ??= clock.after(grace, this.#sweep, { background: true })
    this.#context.world.set('inFlight', this.#flying.size, 'flight')
    this.#context.events.emit({ type: 'captured', id: message.id })
    return message
  }

  /** How many messages, of at most `most`, had better be in flight at once, so that most of them are answered in time. */
  places(most: number): number {
    return this.#residence.places(most, this.#options.budget(this.#context.deadline))
  }

  /** Counts a capture that went wrong. */
  fail(capture: FailedCapture): undefined {
    const message = this.#message(capture, this.#context.clock.now())
    this.ledger.open(message.id)
    this.#close(failure(message, 'capture', asQuintetError(capture.error, 'capture')), false)
  }

  /** Counts a frame that a fresher one replaced before it could enter. */
  drop(capture: Capture): void {
    const message = this.#message(capture, this.#context.clock.now())
    this.ledger.open(message.id)
    this.#close(dropped(message, 'stale'), false)
  }

  /** The end of one pass of a message. */
  settle(ended: Item): void {
    const flying = this.#flying.get(ended.id)
    const item = answered(ended)
    if (!flying || !this.#passes.ended(flying, item)) this.#passes.trailed(item)
  }

  planned(message: Message): void {
    const flying = this.#flying.get(message.id)
    if (flying && flying.end === undefined) this.#passes.planned(flying, message)
  }

  next({ id, attempt }: Message): number {
    const flying = this.#flying.get(id)
    if (!flying) return attempt + 1
    flying.attempts++
    return flying.attempts
  }

  probed(bytes: number): void {
    this.#probes++
    this.#probeBytes += bytes
  }

  last(source: string) {
    return this.#last.get(source)
  }

  /** What became of attempts so far, and what was sent to learn of the way. */
  get statistics(): Readonly<Record<string, number>> {
    return { ...this.#passes.statistics, probes: this.#probes, probeBytes: this.#probeBytes }
  }

  /** Ends everything in flight: with the answer in hand, where there is one, else with an error. */
  failAll(error: QuintetError, stage: string): void {
    for (const flying of [...this.#flying.values()]) this.#passes.abort(flying, error, stage)
  }

  /** Milliseconds that what is in flight may take from now, at most. */
  get longest(): number {
    let latest = 0
    for (const { message } of this.#flying.values()) latest = Math.max(latest, message.expires)
    return Math.max(0, latest - this.#context.clock.now())
  }

  /** Resolves when nothing is in flight; after `within` ms what still is fails as cancelled. */
  async land(within: number): Promise<void> {
    if (this.#flying.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#context.clock.after(within, () => landed())
        const landed = () => {
          timer.cancel()
          this.#landed.delete(landed)
          resolve()
        }
        this.#landed.add(landed)
      })
    }
    this.failAll(
      new Cancelled(`The pipeline stopped, and ${within} ms were not enough to finish this message.`),
      'drain',
    )
    this.#timer?.cancel()
    this.#timer = undefined
    this.#passes.close()
  }

  /** A message has ended: it leaves, and with it those that had to wait for it. */
  #land(flying: Flying): void {
    if (this.#flying.get(flying.message.id) !== flying || this.#waits(flying)) return
    const { source } = flying.message
    this.#leave(flying)
    if (this.#branched === 0 && !flying.branched) return
    for (const next of [...this.#flying.values()]) {
      if (next.message.source === source && next.end && !this.#waits(next)) this.#leave(next)
    }
  }

  #leave(flying: Flying): void {
    const item = asHandedIn(flying)
    flying.stopTimers()
    this.#flying.delete(item.id)
    if (flying.branched) this.#branched--
    this.#learn(flying, item)
    if (item.kind === 'message' && item.payload.form === 'result' && item.plan.model !== lastAnswer) {
      this.#last.set(item.source, item.payload, this.#context.clock.now())
    }
    if (item.kind === 'failure' && item.error instanceof Quarantined) {
      this.#context.quarantine.add(item, flying.message.payload, item.error)
    }
    this.#close(item, true)
  }

  /** What stood in for an answer says nothing of how long one takes, nor does what failed for another reason than time. */
  #learn({ message, count }: Flying, item: Item): void {
    const stay = this.#context.clock.now() - message.captured
    if (item.kind === 'message') {
      if (item.backup) return
      this.#residence.observe(count, stay)
      this.#context.remaining.observe(item.timings)
    } else if (item.kind === 'failure' && item.error.code === 'deadline-exceeded') this.#residence.exceeded(count, stay)
    else if (item.kind === 'failure' && item.error.code === 'refused')
      this.#residence.exceeded(count, Math.max(stay, message.expires - message.captured))
  }

  /**
   * Whether an end must wait for that of a message captured before it. The stages keep the order of each source; only
   * what has more passes than one leaves it. Nobody waits longer than to its own deadline.
   */
  #waits({ message, branched, overdue }: Flying): boolean {
    if (this.#branched === 0 || overdue || this.#context.order === 'none') return false
    for (const other of this.#flying.values()) {
      if (other.message === message) return false
      if (other.message.source === message.source && (branched || other.branched)) return true
    }
    return false
  }

  #close(item: Item, flew: boolean): void {
    this.ledger.settle(item.id, item.kind)
    this.#context.world.set('inFlight', this.#flying.size, 'flight')
    this.#context.events.emit({ type: 'settled', item })
    this.#options.onSettled(item, flew)
    if (this.#flying.size === 0) for (const landed of [...this.#landed]) landed()
  }

  #isKnown(id: string): boolean {
    return this.#flying.has(id) || this.#passes.trails(id)
  }

  /** Names that cannot travel, or are taken, are replaced by our own: a capture is counted whatever it is called. */
  #message(from: Omit<Capture, 'payload'>, began: number, payload?: Captured): Message<Captured, 'device'> {
    const { clock, route } = this.#context
    const { id, stream } = from
    const source = `${this.#options.device}.${stream !== undefined && isToken(stream) ? stream : 'main'}`
    const seq = this.#seqs.get(source) ?? 0
    // Moved to the end, so that the first is the one that was captured from longest ago.
    if (this.#seqs.size > 1) this.#seqs.delete(source)
    this.#seqs.set(source, seq + 1)
    const [oldest] = this.#seqs.size > streamsKnown ? this.#seqs.keys() : []
    if (oldest !== undefined) this.#seqs.delete(oldest)
    const number = this.#count++
    const span = number.toString(16).padStart(16, '0')
    const message: { -readonly [K in keyof Message<Captured, 'device'>]: Message<Captured, 'device'>[K] } = {
      kind: 'message',
      id: id !== undefined && isToken(id) && !this.#isKnown(id) ? id : `${this.#run}-${number}`,
      source,
      run: this.#run,
      seq,
      side: 'device',
      captured: began,
      expires: began + this.#options.budget(from.deadline ?? this.#context.deadline),
      // What failed or was dropped before it entered never shows its payload to anybody.
      payload: payload as Captured,
      original: payload as Captured,
      // Without a wire there is nothing to decide about it.
      plan: route.wire ? {} : { cut: 'answered' },
      open: {},
      timings: { capture: clock.now() - began },
      attempt: 1,
      traceparent: `00-${this.#run}0000${span}-${span}-00`,
      cancellation: new Cancellation(),
    }
    const { at, meta, deadline, accuracy } = from
    if (deadline !== undefined) message.deadline = deadline
    if (accuracy !== undefined) message.accuracy = accuracy
    if (at !== undefined || meta !== undefined) {
      message.user = { ...(at === undefined ? {} : { at }), ...(meta === undefined ? {} : { meta }) }
    }
    return message
  }

  readonly #sweep = () => {
    const { clock } = this.#context
    const now = clock.now()
    for (const flying of [...this.#flying.values()]) {
      if (now >= flying.message.expires + grace) this.#passes.abort(flying, lost(), 'pipeline')
    }
    this.#passes.forget(now - grace)
    const busy = this.#flying.size > 0 || this.#passes.trailing > 0
    this.#timer = busy ? clock.after(grace, this.#sweep, { background: true }) : undefined
  }
}

const lost = () =>
  new DeadlineExceeded(
    'The message did not come out of the pipeline within its budget: it waited behind an earlier one of its source (`order`), or an operator lost it. Allow more time, or look there.',
  )

const token = /^[A-Za-z0-9_-]{1,64}$/
const isToken = (name: string) => token.test(name)

/** What keeps a capture's own names from travelling: they stand in subjects. */
function wrongName({ id, stream }: Pick<Capture, 'id' | 'stream'>): BadInput | undefined {
  const what = id !== undefined && !isToken(id) ? 'id' : stream !== undefined && !isToken(stream) ? 'stream' : undefined
  if (what === undefined) return undefined
  const name = what === 'id' ? id : stream
  return new BadInput(`"${name}" cannot be a capture's ${what}: use 1 to 64 letters, digits, "_" or "-".`)
}

function twin(id: string): BadInput {
  return new BadInput(`A capture of the id "${id}" is in flight already. Give each an id of its own, or none.`)
}

/** How a message ended; where its frame was written over meanwhile, that is how. */
function asHandedIn({ message, handedIn, end }: Flying): Item {
  const item = end as Item
  if (handedIn === undefined || item.kind === 'dropped' || isUnchanged(message.payload, handedIn)) return item
  const { plan, timings, attempt } = item
  const cause = item.kind === 'failure' ? item.error : undefined
  return failure({ ...message, plan, timings, attempt }, 'capture', frameChanged(cause))
}

/** The item, or the failure that it is when a message comes out of the pipeline without an answer. */
function answered(item: Item): Item {
  if (item.kind !== 'message') return item
  const wrong = whyNoAnswer(item)
  return wrong === undefined
    ? item
    : failure(item, 'pipeline', new StageFailed('pipeline', { cause: new Error(wrong) }))
}

/** Looked at here, once: behind this an answer is read where nothing may throw. */
function whyNoAnswer({ payload, plan }: Message): string | undefined {
  if (payload.form !== 'result') {
    return `nothing answered it: it came out at "${payload.at}", though its plan says "${plan.cut ?? 'open'}"`
  }
  try {
    const { label, score, top } = payload
    if (typeof label === 'string' && typeof score === 'number' && Array.isArray(top)) return undefined
    return `its result is none: label ${described(label)}, score ${described(score)}, top ${described(top)}`
  } catch (thrown) {
    return `its result throws when it is read: ${reasonOf(thrown)}`
  }
}
