import { randomBytes } from 'node:crypto'
import { Cancellation } from '../cancellation.ts'
import type { Capture, FailedCapture } from '../capture.ts'
import type { Timer } from '../clock.ts'
import type { StageContext } from '../context.ts'
import { asQuintetError, BadInput, Cancelled, DeadlineExceeded, type QuintetError, StageFailed } from '../errors.ts'
import { Ledger } from '../ledger.ts'
import { dropped, failure, type Item, type Message } from '../message.ts'
import type { Captured } from '../payload.ts'
import { observe } from './observe.ts'

/** A stage that respects budgets has ended a message by then; this catches what an operator lost, ms after its end. */
const grace = 250

/** The messages of a device half between capture and settlement: counted, watched, settled once. */
export class Flight {
  readonly ledger = new Ledger()
  readonly #flying = new Map<string, Message>()
  readonly #context: StageContext
  readonly #device: string
  readonly #budget: number
  readonly #onSettled: (item: Item, flew: boolean) => void
  /** Distinguishes runs: ids must be unique as long as anybody may see both. */
  readonly #run = randomBytes(6).toString('hex')
  readonly #seqs = new Map<string, number>()
  #count = 1
  #timer: Timer | undefined
  readonly #landed = new Set<() => void>()

  constructor(options: {
    readonly context: StageContext
    readonly device: string
    /** Milliseconds a message may take. */
    readonly budget: number
    /** `flew`: it had entered the pipeline, and so holds a place in the window. */
    readonly onSettled: (item: Item, flew: boolean) => void
  }) {
    this.#context = options.context
    this.#device = options.device
    this.#budget = options.budget
    this.#onSettled = options.onSettled
  }

  /**
   * Makes a message of a capture and opens its account; undefined when it is not to be worked on: one of this id is in
   * flight already, or its names cannot travel.
   * @param at local clock, ms: when it had been captured; what it waited since is the message's time, too
   */
  take(capture: Capture, at: number): Message<Captured, 'device'> | undefined {
    const { clock } = this.#context
    const wrong = wrongName(capture)
    if (wrong) return this.fail({ error: wrong })
    const message = this.#message(capture, at - (capture.ms ?? 0), capture.payload)
    if (!this.ledger.open(message.id)) return undefined
    this.#flying.set(message.id, message)
    this.#timer ??= clock.after(grace, this.#sweep, { background: true })
    this.#context.world.set('inFlight', this.#flying.size, 'flight')
    this.#context.events.emit({ type: 'captured', id: message.id })
    return message
  }

  /** Counts a capture that went wrong. */
  fail(capture: FailedCapture): undefined {
    const message = this.#message(wrongName(capture) ? {} : capture, this.#context.clock.now())
    if (!this.ledger.open(message.id)) return
    this.#land(failure(message, 'capture', asQuintetError(capture.error, 'capture')), false)
  }

  /** Counts a frame that a fresher one replaced before it could enter. */
  drop(capture: Capture): void {
    const message = this.#message(wrongName(capture) ? {} : capture, this.#context.clock.now())
    if (this.ledger.open(message.id)) this.#land(dropped(message, 'stale'), false)
  }

  /** The end of a message; a second end is not counted. */
  settle(ended: Item): void {
    const message = this.#flying.get(ended.id)
    if (!message) return this.#context.events.emit({ type: 'late', id: ended.id, stage: 'settle' })
    const item = answered(ended)
    this.#flying.delete(item.id)
    observe(item, message, message.original, this.#context)
    this.#land(item, true)
    // Whatever still works on another attempt of this message may stop.
    if (item.kind !== 'message') message.cancellation?.cancel()
  }

  /** Ends everything in flight with an error. */
  failAll(error: QuintetError, stage: string): void {
    for (const message of [...this.#flying.values()]) this.settle(failure(message, stage, error))
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
  }

  #land(item: Item, flew: boolean): void {
    this.ledger.settle(item.id, item.kind)
    this.#context.world.set('inFlight', this.#flying.size, 'flight')
    this.#context.events.emit({ type: 'settled', item })
    this.#onSettled(item, flew)
    if (this.#flying.size === 0) for (const landed of [...this.#landed]) landed()
  }

  #message(from: Pick<Capture, 'stream' | 'id'>, began: number, payload?: Captured): Message<Captured, 'device'> {
    const { clock, route } = this.#context
    const source = `${this.#device}.${from.stream ?? 'main'}`
    const seq = this.#seqs.get(source) ?? 0
    this.#seqs.set(source, seq + 1)
    const number = this.#count++
    const span = number.toString(16).padStart(16, '0')
    return {
      kind: 'message',
      id: from.id ?? `${this.#run}-${number}`,
      source,
      seq,
      side: 'device',
      captured: began,
      expires: began + this.#budget,
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
  }

  readonly #sweep = () => {
    const { clock } = this.#context
    const now = clock.now()
    for (const message of [...this.#flying.values()]) {
      if (now < message.expires + grace) continue
      this.settle(
        failure(
          message,
          'pipeline',
          new DeadlineExceeded(
            'The message did not come out of the pipeline within its budget. Look for an operator that lost it.',
          ),
        ),
      )
    }
    this.#timer = this.#flying.size > 0 ? clock.after(grace, this.#sweep, { background: true }) : undefined
  }
}

const token = /^[A-Za-z0-9_-]{1,64}$/

/** What keeps a capture's own names from travelling: they stand in subjects. */
function wrongName({ id, stream }: Pick<Capture, 'id' | 'stream'>): BadInput | undefined {
  for (const [what, name] of Object.entries({ id, stream })) {
    if (name !== undefined && !token.test(name)) {
      return new BadInput(`"${name}" cannot be a capture's ${what}: use 1 to 64 letters, digits, "_" or "-".`)
    }
  }
  return undefined
}

/** The item, or the failure that it is when a message comes out of the pipeline without an answer. */
function answered(item: Item): Item {
  if (item.kind !== 'message' || item.payload.form === 'result') return item
  const cause = new Error(
    `nothing answered it: it came out at "${item.payload.at}", though its plan says "${item.plan.cut ?? 'open'}"`,
  )
  return failure(item, 'pipeline', new StageFailed('pipeline', { cause }))
}
