import type { Subscriber } from 'rxjs'
import { sleep, type Timer } from './clock.ts'
import type { StageContext } from './context.ts'
import { asQuintetError, Cancelled, DeadlineExceeded, StageFailed } from './errors.ts'
import { evolve, type Failure, failure, type Item, type Message, type Side, type Step, spent } from './message.ts'
import type { Payload } from './payload.ts'
import type { Call, StageFunction, StageOptions, Work } from './work.ts'

interface Slot {
  readonly message: Message
  done: Item | undefined
  /** While its call has no outcome. */
  running: Running | undefined
}

/** A call whose function has not ended yet. */
interface Running {
  readonly slot: Slot
  readonly call: LazyCall
  /** Local clock, ms. */
  readonly started: number
  timer: Timer | undefined
  /** Ends it as cancelled. */
  readonly give: () => void
}

/** Runs a stage's function over what flows by: bounded concurrency, order per source, time limits, retries. */
export class Runner {
  readonly #name: string
  readonly #work: StageFunction<Payload, Payload, Side>
  readonly #options: StageOptions
  readonly #context: StageContext
  readonly #out: Subscriber<Item>
  readonly #concurrency: number
  readonly #step: Step | undefined
  readonly #ordered: boolean
  readonly #waiting: Slot[] = []
  /** Per source, messages that have not left yet, oldest first. */
  readonly #lanes = new Map<string, Slot[]>()
  /** The calls that run now. */
  readonly #calls = new Set<Running>()
  #running = 0
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
    this.#concurrency = concurrency
    const { step } = options
    this.#step = typeof step === 'function' ? step(context.side) : step
    this.#ordered = (options.order ?? context.order) === 'source'
  }

  next(item: Item): void {
    if (item.kind !== 'message') return this.#passBy(item)
    const slot: Slot = { message: item, done: undefined, running: undefined }
    if (this.#keepsPlace(item)) {
      const lane = this.#lanes.get(item.source)
      if (lane) lane.push(slot)
      else this.#lanes.set(item.source, [slot])
    }
    if (this.#running < this.#concurrency && this.#waiting.length === 0) this.#start(slot)
    else this.#waiting.push(slot)
  }

  complete(): void {
    this.#completed = true
    this.#completeWhenDone()
  }

  /** Nobody takes what comes out any longer: ends what runs, forgets what waits. */
  stop(): void {
    this.#waiting.length = 0
    this.#lanes.clear()
    for (const running of [...this.#calls]) {
      this.#close(running)
      running.call.abort(new Cancelled())
    }
  }

  /** Later passes of a message do not wait for those that overtook it: its device puts the answers in order. */
  #keepsPlace(item: Item): boolean {
    return this.#ordered && item.pass === undefined
  }

  /** A failure or drop keeps its place behind the messages of its source that came before it. */
  #passBy(item: Exclude<Item, Message>): void {
    const lane = this.#keepsPlace(item) ? this.#lanes.get(item.source) : undefined
    if (lane) lane.push({ message: item as unknown as Message, done: item, running: undefined })
    else this.#out.next(item)
  }

  #start(slot: Slot): void {
    const { clock } = this.#context
    const { message } = slot
    const started = clock.now()
    if (message.cancellation?.cancelled) return this.#finish(slot, failure(message, this.#name, new Cancelled()))
    if (started >= message.expires) return this.#finish(slot, failure(message, this.#name, this.#late(message)))
    this.#running++
    const call = new LazyCall(this.#context)
    const result = this.#attempt(message, call)
    if (!(result instanceof Promise)) {
      this.#running--
      return this.#finish(slot, this.#measured(result, message, started))
    }
    const allowed = Math.min(message.expires - started, this.#options.timeout ?? Number.POSITIVE_INFINITY)
    const running: Running = { slot, call, started, timer: undefined, give: () => this.#give(running, new Cancelled()) }
    if (Number.isFinite(allowed)) {
      running.timer = clock.after(allowed, () => this.#give(running, this.#late(message)))
    }
    slot.running = running
    this.#calls.add(running)
    message.cancellation?.listen(running.give)
    result.then((work) => {
      if (slot.running) this.#end(running, this.#measured(work, message, started))
      else this.#context.events.emit({ type: 'late', id: message.id, stage: this.#name })
    })
  }

  /** A call has an outcome before its function has one. */
  #give(running: Running, error: DeadlineExceeded | Cancelled): void {
    const { slot, call } = running
    call.abort(error)
    if (slot.running) this.#end(running, failure(slot.message, this.#name, error))
  }

  #end(running: Running, item: Item): void {
    this.#close(running)
    this.#running--
    this.#finish(running.slot, item)
    this.#startNext()
  }

  /** What the function comes to is of no interest any more. */
  #close(running: Running): void {
    const { slot, timer, give } = running
    slot.running = undefined
    timer?.cancel()
    slot.message.cancellation?.unlisten(give)
    this.#calls.delete(running)
  }

  /** The outcome of the function, with its errors caught and its retries done. Never rejects. */
  #attempt(message: Message, call: LazyCall, tried = 0): Work | Failure | Promise<Work | Failure> {
    const failed = (thrown: unknown): Failure | Promise<Work | Failure> => {
      const error = asQuintetError(thrown, this.#name)
      const { retry } = this.#options
      if (!retry || !error.retryable || tried >= retry.times || call.aborted) return failure(message, this.#name, error)
      return sleep(this.#context.clock, retry.pause ?? 0, call.signal).then(
        () => this.#attempt(message, call, tried + 1),
        () => failure(message, this.#name, error),
      )
    }
    try {
      const result = this.#work(message, call)
      return result instanceof Promise ? result.catch(failed) : result
    } catch (thrown) {
      return failed(thrown)
    }
  }

  #measured(work: Work, message: Message, started: number): Item {
    // The compiler refuses it, but a caller without types may return nothing.
    if (typeof work !== 'object' || work === null) {
      const cause = new TypeError(`it returned ${work}, which cannot flow on; return a payload, a message or an item`)
      return failure(message, this.#name, new StageFailed(this.#name, { cause }))
    }
    const item: Item = 'kind' in work ? work : evolve(message, { payload: work })
    if (item.kind !== 'message' || this.#step === undefined) return item
    return evolve(item, { timings: spent(item.timings, this.#step, this.#context.clock.now() - started) })
  }

  #finish(slot: Slot, item: Item): void {
    if (!this.#keepsPlace(slot.message)) this.#out.next(item)
    else {
      slot.done = item
      const lane = this.#lanes.get(slot.message.source) as Slot[]
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
    while (this.#running < this.#concurrency) {
      const slot = this.#waiting.shift()
      if (!slot) return
      this.#start(slot)
    }
  }

  #completeWhenDone(): void {
    if (this.#completed && this.#running === 0 && this.#waiting.length === 0) this.#out.complete()
  }

  #late(message: Message): DeadlineExceeded {
    return new DeadlineExceeded(
      `The time for "${this.#name}" ended ${Math.round(this.#context.clock.now() - message.captured)} ms after capture. Allow more time, or plan less work.`,
    )
  }
}

/** Makes the signal only when the function asks for it: most never do. */
class LazyCall implements Call {
  readonly context: StageContext
  #controller: AbortController | undefined
  #reason: unknown

  constructor(context: StageContext) {
    this.context = context
  }

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
