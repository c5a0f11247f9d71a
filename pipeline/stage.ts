import { Observable, type OperatorFunction, Subject, type Subscriber, Subscription } from 'rxjs'
import { sleep } from './clock.ts'
import { type StageContext, standaloneContext } from './context.ts'
import { asQuintetError, BadConfiguration, Cancelled, DeadlineExceeded, StageFailed } from './errors.ts'
import {
  dropped,
  evolve,
  type Failure,
  failure,
  type Item,
  type Message,
  type Side,
  type Step,
  spent,
} from './message.ts'
import type { Payload } from './payload.ts'
import { warnOfFault } from './settlement.ts'

/** A stage that runs: its operator, and the end of what it owns. */
export interface OpenStage {
  readonly operator: OperatorFunction<Item, Item>
  /** Frees what the stage owns, once nothing flows through it any more. Idempotent. */
  close(): Promise<void>
}

/** What a pipeline needs to know of a stage. */
export interface StageDefinition {
  readonly name: string
  /** A boundary: what stands below it may run elsewhere. The wire has none of its name; a hop does. */
  readonly boundary?: { readonly kind: 'wire' } | { readonly kind: 'hop'; readonly hop: string }
  /** What it can do for a message, so that plans can count on it. */
  readonly ability?: 'prepare' | 'execute'
  open(context: StageContext): OpenStage | Promise<OpenStage>
}

/** An RxJS operator over items that also knows how to run inside a pipeline. */
export type Stage<I extends Item = Item, O extends Item = Item> = OperatorFunction<I, O> & {
  readonly definition: StageDefinition
}

/** Gives a definition its standalone operator: opened when subscribed, closed when all has flowed through. */
export function asStage<T>(definition: StageDefinition): T {
  const operator: OperatorFunction<Item, Item> = (source) =>
    new Observable((subscriber) => {
      const teardown = new Subscription()
      const run = (open: OpenStage, input: Observable<Item>) => {
        // What flows is ended first: nothing may use what is closed then.
        teardown.add(input.pipe(open.operator).subscribe(subscriber))
        teardown.add(() => {
          open.close().catch((error) => warnOfFault(asQuintetError(error, definition.name)))
        })
      }
      const opened = definition.open(standaloneContext())
      if (!(opened instanceof Promise)) run(opened, source)
      else {
        const inlet = new Subject<Item>()
        let early: ((to: Subject<Item>) => void)[] | undefined = []
        const enter = (act: (to: Subject<Item>) => void) => (early ? void early.push(act) : act(inlet))
        teardown.add(
          source.subscribe({
            next: (item) => enter((to) => to.next(item)),
            error: (error) => enter((to) => to.error(error)),
            complete: () => enter((to) => to.complete()),
          }),
        )
        opened.then(
          (open) => {
            run(open, inlet)
            // What comes while these are handed on is put behind them.
            for (const act of early ?? []) act(inlet)
            early = undefined
          },
          (error) => subscriber.error(error),
        )
      }
      return teardown
    })
  return Object.assign(operator, { definition }) as T
}

/** What a stage's function gets beside the message. */
export interface Call {
  readonly context: StageContext
  /** Aborted when the message's time is over, or nobody waits for it. */
  readonly signal: AbortSignal
}

export interface StageOptions {
  /** Messages worked on at once. Default 1; a function is asked once the stage is opened. */
  readonly concurrency?: number | ((context: StageContext) => number)
  /** `source`: messages of one source leave in the order they came. `none`: as they are done. Default: the pipeline's. */
  readonly order?: 'source' | 'none'
  /** Milliseconds one message may take here; its budget bounds it in any case. */
  readonly timeout?: number
  /** How often, and after which pause (ms), a failed call is tried again when its error is retryable. */
  readonly retry?: { readonly times: number; readonly pause?: number }
  /** The step its time is booked on, by the side it runs on. */
  readonly step?: Step | ((side: Side) => Step)
  readonly ability?: StageDefinition['ability']
}

type Work<P extends Payload = Payload, S extends Side = Side> = Item<P, S> | P

/** The function of a stage: gives a payload (the message goes on with it), or an item, now or later. */
export type StageFunction<I extends Payload, O extends Payload, S extends Side> = (
  message: Message<I, S>,
  call: Call,
) => Work<O, S> | Promise<Work<O, S>>

/**
 * Makes a stage of a function over messages. Failures and drops pass it by untouched; what the function throws becomes
 * a `Failure` of that message alone; its time is measured and booked.
 */
export function stage<I extends Payload = Payload, O extends Payload = I, S extends Side = Side>(
  name: string,
  work: StageFunction<I, O, S>,
  options: StageOptions = {},
): Stage<Item<I, S>, Item<O, S>> {
  return asStage(workStage(name, () => ({ work: work as unknown as StageFunction<Payload, Payload, Side> }), options))
}

/** A stage whose function needs something of its own, made when it opens and freed when it closes. */
export function workStage(
  name: string,
  open: (context: StageContext) => OpenWork | Promise<OpenWork>,
  options: StageOptions = {},
): StageDefinition {
  return {
    name,
    ...(options.ability ? { ability: options.ability } : {}),
    open(context) {
      const opened = open(context)
      return opened instanceof Promise
        ? opened.then((work) => openStage(name, work, options, context))
        : openStage(name, opened, options, context)
    },
  }
}

function openStage(name: string, { work, close }: OpenWork, options: StageOptions, context: StageContext): OpenStage {
  const { concurrency = 1 } = options
  const atOnce = typeof concurrency === 'function' ? concurrency(context) : concurrency
  if (!(atOnce >= 1)) {
    throw new BadConfiguration(`Stage "${name}" cannot work on ${atOnce} messages at once. Allow 1 or more.`)
  }
  let closed: Promise<void> | undefined
  return {
    operator: (source) =>
      new Observable((subscriber) => {
        const runner = new Runner(name, work, options, context, atOnce, subscriber)
        const subscription = source.subscribe({
          next: (item) => runner.next(item),
          error: (error) => subscriber.error(error),
          complete: () => runner.complete(),
        })
        return () => {
          subscription.unsubscribe()
          runner.stop()
        }
      }),
    close() {
      closed ??= close?.() ?? Promise.resolve()
      return closed
    },
  }
}

export interface OpenWork {
  readonly work: StageFunction<Payload, Payload, Side>
  readonly close?: () => Promise<void>
}

interface Slot {
  readonly message: Message
  done: Item | undefined
}

/** Runs a stage's function over what flows by: bounded concurrency, order per source, time limits, retries. */
class Runner {
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
  /** Ends each call that runs now, without an outcome. */
  readonly #quits = new Set<() => void>()
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
    const slot: Slot = { message: item, done: undefined }
    if (this.#ordered) {
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
    for (const quit of [...this.#quits]) quit()
  }

  /** A failure or drop keeps its place behind the messages of its source that came before it. */
  #passBy(item: Exclude<Item, Message>): void {
    const lane = this.#ordered ? this.#lanes.get(item.source) : undefined
    if (lane) lane.push({ message: item as unknown as Message, done: item })
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
    let open = true
    const close = () => {
      open = false
      timer?.cancel()
      message.cancellation?.unlisten(aborted)
      this.#quits.delete(quit)
    }
    const quit = () => {
      close()
      call.abort(new Cancelled())
    }
    const end = (item: Item) => {
      if (!open) return
      close()
      this.#running--
      this.#finish(slot, item)
      this.#startNext()
    }
    const give = (error: DeadlineExceeded | Cancelled) => {
      call.abort(error)
      end(failure(message, this.#name, error))
    }
    const aborted = () => give(new Cancelled())
    const timer = Number.isFinite(allowed) ? clock.after(allowed, () => give(this.#late(message))) : undefined
    message.cancellation?.listen(aborted)
    this.#quits.add(quit)
    result.then((work) => {
      if (open) end(this.#measured(work, message, started))
      else this.#context.events.emit({ type: 'late', id: message.id, stage: this.#name })
    })
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
    if (!this.#ordered) this.#out.next(item)
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

/** A stage after which a message has the form and the side it had before: it fits anywhere. */
export interface Unchanging {
  <P extends Payload, S extends Side>(source: Observable<Item<P, S>>): Observable<Item<P, S>>
  readonly definition: StageDefinition
}

/** Changes what it likes of a message but its payload's form and its side: the plan, the payload's contents. */
export function amend(
  name: string,
  work: (message: Message, call: Call) => Item | Promise<Item>,
  options: StageOptions = {},
): Unchanging {
  return asStage(workStage(name, () => ({ work }), options))
}

/** Keeps the messages a predicate accepts; the others are dropped, and counted as `filtered`. */
export function filter(accepts: (message: Message) => boolean): Unchanging {
  return amend('filter', (message) => (accepts(message) ? message : dropped(message, 'filtered')))
}
