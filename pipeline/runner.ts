import type { Subscriber } from 'rxjs'
import { pauseAfter } from './actors/supervision.ts'
import { CallTimes } from './call-times.ts'
import { sleep, type Timer } from './clock.ts'
import type { StageContext } from './context.ts'
import { asQuintetError, Cancelled, DeadlineExceeded, described, type QuintetError } from './errors.ts'
import { FairQueue, type Queued } from './fair-queue.ts'
import { evolve, type Failure, failure, type Item, type Message, type Side, type Step, spent } from './message.ts'
import type { Payload } from './payload.ts'
import { isThenable } from './settlement.ts'
import type { Place } from './shares.ts'
import { deviceOf } from './subjects.ts'
import type { Call, StageFunction, StageOptions, Work } from './work.ts'

/** One message in a stage, from its coming to its leaving; its function gets it as its `Call`. */
class Visit implements Call, Queued {
  readonly context: StageContext
  readonly message: Message
  /** What it leaves as. */
  done: Item | undefined
  /** Its function was called, and it has no outcome yet. */
  open = false
  /** When it was called: local clock, ms. */
  started = 0
  /** It found no place free when it came. */
  waited = false
  /** Its function's, from the call until it has really ended. */
  place: Place | undefined
  /** Calls that were tried again. */
  tried = 0
  timer: Timer | undefined
  /** Ends it as cancelled. */
  give: (() => void) | undefined
  #controller: AbortController | undefined
  #reason: unknown

  constructor(message: Message, context: StageContext) {
    this.message = message
    this.context = context
  }

  /** Whose share of the places it takes: its device's. */
  get owner(): string {
    return deviceOf(this.message.source)
  }

  get expires(): number {
    return this.message.expires
  }

  /** Made only when the function asks for it: most never do. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }

  get aborted(): boolean {
    return this.#reason !== undefined
  }

  abort(reason: unknown): void {
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}

/** Runs a stage's function over what flows by: bounded concurrency, order per source, time limits, retries. */
export class Runner {
  readonly #name: string
  readonly #work: StageFunction<Payload, Payload, Side>
  readonly #options: StageOptions
  readonly #context: StageContext
  readonly #out: Subscriber<Item>
  readonly #step: Step | undefined
  readonly #ordered: boolean
  /** A call that was given up keeps its place until its function has ended: what it takes of the machine, it still takes. */
  readonly #places: FairQueue<Visit>
  /** Per source, messages that have not left yet, oldest first. */
  readonly #lanes = new Map<string, Visit[]>()
  /** The calls that run now, and are not given up. */
  readonly #calls = new Set<Visit>()
  readonly #times = new CallTimes()
  #completed = false

  constructor(
    name: string,
    work: StageFunction<Payload, Payload, Side>,
    options: StageOptions,
    context: StageContext,
    concurrency: number,
    out: Subscriber<Item>,
  ) {
    this.#name = name
    this.#work = work
    this.#options = options
    this.#context = context
    this.#out = out
    this.#places = new FairQueue(concurrency, () => context.clock.now())
    const { step } = options
    this.#step = typeof step === 'function' ? step(context.side) : step
    this.#ordered = (options.order ?? context.order) === 'source'
  }

  next(item: Item): void {
    if (item.kind !== 'message') return this.#passBy(item)
    const visit = new Visit(item, this.#context)
    if (this.#keepsPlace(item)) {
      const lane = this.#lanes.get(item.source)
      if (lane) lane.push(visit)
      else this.#lanes.set(item.source, [visit])
    }
    const now = this.#context.clock.now()
    visit.place = this.#places.take(visit, now)
    if (visit.place) this.#start(visit, now)
    else {
      this.#wait(visit)
      // Whoever waits may have had its share: what is free is for those who have not.
      this.#startNext()
    }
  }

  complete(): void {
    this.#completed = true
    this.#completeWhenDone()
  }

  /** Nobody takes what comes out any longer: ends what runs, forgets what waits. */
  stop(): void {
    for (const visit of this.#places.clear()) this.#unwatch(visit)
    this.#lanes.clear()
    for (const visit of [...this.#calls]) {
      this.#close(visit)
      visit.abort(new Cancelled())
    }
  }

  /** Later passes of a message do not wait for those that overtook it: its device puts the answers in order. */
  #keepsPlace(item: Item): boolean {
    return this.#ordered && item.pass === undefined
  }

  /** A failure or drop keeps its place behind the messages of its source that came before it. */
  #passBy(item: Exclude<Item, Message>): void {
    const lane = this.#keepsPlace(item) ? this.#lanes.get(item.source) : undefined
    if (lane) lane.push(Object.assign(new Visit(item as unknown as Message, this.#context), { done: item }))
    else this.#out.next(item)
  }

  /** Until a place is free for it, its time is over or nobody waits for it any more. */
  #wait(visit: Visit): void {
    visit.waited = true
    this.#places.add(visit)
    this.#watch(visit, visit.message.expires - this.#context.clock.now())
  }

  /** Milliseconds that a message needs from its start here to its answer, as far as one can tell; what has less is not begun. */
  #needs(message: Message): number {
    if (this.#step === undefined) return 0
    return this.#times.most(message) + this.#context.remaining.after(this.#step, message.plan.cut === 'answered')
  }

  /** It has a place. */
  #start(visit: Visit, started: number): void {
    const { message } = visit
    const { cancellation } = message
    if (cancellation?.cancelled) return this.#refuse(visit, cancellation.reason)
    const needs = visit.waited ? this.#needs(message) : 0
    if (started + needs >= message.expires) return this.#refuse(visit, this.#late())
    visit.started = started
    let result: Work | Promise<Work>
    visit.open = true
    this.#calls.add(visit)
    try {
      const given = this.#work(message, visit)
      // A promise of another library is one as well.
      result = isThenable(given) && !(given instanceof Promise) ? Promise.resolve(given) : given
    } catch (thrown) {
      result = this.#failed(thrown, visit)
    }
    if (!(result instanceof Promise)) {
      const ended = this.#context.clock.now()
      this.#leave(visit, ended)
      return this.#end(visit, this.#measured(result, message, ended - started))
    }
    this.#watch(visit, Math.min(message.expires - started, this.#options.timeout ?? Number.POSITIVE_INFINITY))
    this.#settle(visit, result)
  }

  /** It is not begun. */
  #refuse(visit: Visit, error: QuintetError): void {
    this.#leave(visit)
    this.#finish(visit, failure(visit.message, this.#name, error))
  }

  /** Its function has ended, or was never called. */
  #leave(visit: Visit, now?: number): void {
    if (visit.place) this.#places.free(visit.place, now)
    visit.place = undefined
  }

  /** Ends a visit whose time is over, or that nobody waits for: one that waits, or a call before its function has ended. */
  #watch(visit: Visit, allowed: number): void {
    const { cancellation } = visit.message
    if (Number.isFinite(allowed)) {
      visit.timer = this.#context.clock.after(Math.max(0, allowed), () => this.#give(visit, this.#late()))
    }
    if (!cancellation) return
    visit.give = () => this.#give(visit, cancellation.reason)
    cancellation.listen(visit.give)
  }

  #unwatch(visit: Visit): void {
    visit.timer?.cancel()
    if (visit.give) visit.message.cancellation?.unlisten(visit.give)
    visit.timer = undefined
    visit.give = undefined
  }

  #settle(visit: Visit, result: Promise<Work>): void {
    result.then(
      (work) => {
        const ended = this.#context.clock.now()
        this.#leave(visit, ended)
        if (this.#step !== undefined) this.#times.add(visit.message, ended - visit.started)
        if (visit.open) this.#end(visit, this.#measured(work, visit.message, ended - visit.started))
        else {
          this.#context.events.emit({ type: 'late', id: visit.message.id, stage: this.#name })
          this.#startNext()
        }
      },
      (thrown) => this.#settle(visit, Promise.resolve(this.#failed(thrown, visit))),
    )
  }

  #give(visit: Visit, error: QuintetError): void {
    if (this.#places.remove(visit)) {
      this.#unwatch(visit)
      return this.#finish(visit, failure(visit.message, this.#name, error))
    }
    visit.abort(error)
    if (visit.open) this.#end(visit, failure(visit.message, this.#name, error))
  }

  #end(visit: Visit, item: Item): void {
    this.#close(visit)
    this.#finish(visit, item)
    this.#startNext()
  }

  /** What the function comes to is of no interest any more. */
  #close(visit: Visit): void {
    visit.open = false
    this.#unwatch(visit)
    this.#calls.delete(visit)
  }

  /** What becomes of a call that threw: a failure, or another call where that may help. */
  #failed(thrown: unknown, visit: Visit): Failure | Promise<Work> {
    const { message } = visit
    const error = asQuintetError(thrown, this.#name)
    const { retry } = this.#options
    if (!retry || !error.retryable || visit.tried >= retry.times || visit.aborted) {
      return failure(message, this.#name, error)
    }
    visit.tried++
    const pause = pauseAfter(visit.tried, { first: 0, ...retry })
    return sleep(this.#context.clock, pause, visit.signal).then(
      () => this.#work(message, visit),
      () => failure(message, this.#name, error),
    )
  }

  #measured(work: Work, message: Message, ms: number): Item {
    try {
      const item = itemOf(work, message)
      if (item.kind !== 'message' || this.#step === undefined) return item
      return evolve(item, { timings: spent(item.timings, this.#step, ms) })
    } catch (thrown) {
      return failure(message, this.#name, asQuintetError(thrown, this.#name))
    }
  }

  #finish(visit: Visit, item: Item): void {
    if (!this.#keepsPlace(visit.message)) this.#out.next(item)
    else {
      visit.done = item
      const lane = this.#lanes.get(visit.message.source) as Visit[]
      for (let first = lane[0]; first?.done; first = lane[0]) {
        lane.shift()
        // Gone before the item leaves: what it sets off downstream may bring the next message of this source in.
        if (lane.length === 0) this.#lanes.delete(first.message.source)
        this.#out.next(first.done)
      }
    }
    this.#completeWhenDone()
  }

  #startNext(): void {
    for (let visit = this.#places.next(); visit; visit = this.#places.next()) {
      this.#unwatch(visit)
      visit.place = this.#places.hold(visit)
      this.#start(visit, this.#context.clock.now())
    }
  }

  #completeWhenDone(): void {
    if (this.#completed && this.#calls.size === 0 && this.#places.length === 0) this.#out.complete()
  }

  #late(): DeadlineExceeded {
    return new DeadlineExceeded(
      `The time for "${this.#name}" ended before it was done. Allow more time, or plan less work.`,
    )
  }
}

/**
 * What a stage's function gave, as an item. The compiler refuses all else, but a caller without types may return
 * anything.
 */
function itemOf(work: Work, message: Message): Item {
  if (typeof work === 'object' && work !== null) {
    if ('kind' in work) {
      const { kind, id, source, run = message.run } = work
      const known = kind === 'failure' || kind === 'dropped' || (kind === 'message' && hasForm(work.payload))
      if (known && id === message.id && source === message.source && run === message.run) {
        // One that was made by hand may lack it.
        return work.run === run || run === undefined ? work : { ...work, run }
      }
      if (known) throw new TypeError('it returned the item of another message; return one made of the message it got')
    } else if (hasForm(work)) return evolve(message, { payload: work })
  }
  throw new TypeError(
    `it returned ${described(work)}, which cannot flow on; return a payload with its form, a message or an item`,
  )
}

function hasForm(payload: Payload | undefined): boolean {
  return typeof payload?.form === 'string'
}
