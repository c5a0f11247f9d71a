import type { Observable } from 'rxjs'
import { answerOf } from '../answer.ts'
import { Cancellation } from '../cancellation.ts'
import type { Capture, FailedCapture, Source } from '../capture.ts'
import { type Timer, yieldTo } from '../clock.ts'
import type { StageContext } from '../context.ts'
import { Cancelled, StageFailed } from '../errors.ts'
import type { Item, Message } from '../message.ts'
import type { Result } from '../payload.ts'
import { Window } from '../window.ts'
import { Answers } from './answers.ts'
import { Chain } from './chain.ts'
import { Flight } from './flight.ts'
import type { AttemptRules } from './flying.ts'
import type { Segment } from './segments.ts'

/** Captures taken in a row before timers and sockets get their turn: a source that never waits must not starve them. */
const burst = 64

export interface DeviceOptions {
  readonly source: Source
  readonly segment: Segment
  readonly context: StageContext
  readonly window: number
  readonly budget: number
  readonly deadline: number
  readonly rules: AttemptRules
  /** The charge of the battery, 0…1. */
  readonly battery?: () => number | undefined
}

/** The battery is asked this often, ms. */
const batteryEvery = 30_000

/** The half above the wire: takes captures in as the window allows, sends them through, settles what comes back. */
export class DeviceHalf {
  readonly answers = new Answers()
  readonly flight: Flight
  readonly #options: DeviceOptions
  readonly #window: Window
  readonly #stop = new Cancellation()
  #chain: Chain | undefined
  #opening: Promise<void> | undefined
  #batteryTimer: Timer | undefined
  #drained: Promise<void> | undefined
  /** Resolves when the source has ended and everything is settled and closed. */
  readonly done: Promise<void>
  #finish!: () => void
  #fail!: (error: unknown) => void

  constructor(options: DeviceOptions) {
    this.#options = options
    this.#window = new Window(options.window)
    this.flight = new Flight({
      ...options,
      device: options.context.node,
      enter: (message) => this.#chain?.push(message),
      onSettled: (item, flew) => this.#settled(item, flew),
    })
    this.done = new Promise((resolve, reject) => {
      this.#finish = resolve
      this.#fail = reject
    })
    // Whoever reads the answers gets the error there; `done` may have no reader.
    this.done.catch(() => {})
  }

  /** Opens the stages; captures from the next turn of the event loop on. Does nothing once the half drains. */
  async open(): Promise<void> {
    if (this.#drained) return
    this.#opening = this.#open()
    await this.#opening
    this.#askBattery()
    this.#options.context.clock.after(0, () => void this.#capture())
  }

  async #open(): Promise<void> {
    const { segment, context } = this.#options
    this.#chain = await Chain.open(
      segment.links,
      context,
      (item) => this.flight.settle(item),
      (error) => {
        context.events.emit({ type: 'fault', where: segment.name, error })
        this.flight.failAll(new StageFailed(segment.name, { cause: error }), segment.name)
      },
    )
  }

  /** Stops capturing, lets what is in flight finish (at most `within` ms), closes the stages. Idempotent. */
  drain(within = 10_000): Promise<void> {
    this.#drained ??= this.#drain(within)
    return this.#drained
  }

  /** Ends the half because it could not be started. */
  async stop(error: unknown): Promise<void> {
    this.#drained ??= this.#drain(0, error)
    await this.#drained
  }

  async #drain(within: number, error?: unknown): Promise<void> {
    this.#stop.cancel()
    await this.flight.land(within)
    this.#batteryTimer?.cancel()
    // What is being opened meanwhile must be closed, too.
    await this.#opening?.catch(() => {})
    await this.#chain?.close()
    if (error === undefined) this.#finish()
    else this.#fail(error)
  }

  readonly #askBattery = () => {
    const { battery, context } = this.#options
    if (!battery || this.#stop.cancelled) return
    try {
      const charge = battery()
      if (charge !== undefined && charge >= 0 && charge <= 1) context.world.set('battery', charge, 'battery')
      this.#batteryTimer = context.clock.after(batteryEvery, this.#askBattery, { background: true })
    } catch (error) {
      context.events.emit({ type: 'fault', where: 'battery', error })
    }
  }

  async #capture(): Promise<void> {
    const { source, budget } = this.#options
    const { signal } = this.#stop
    let error: unknown
    try {
      if (!signal.aborted)
        await (source.kind === 'live' ? this.#live(source.open(signal)) : this.#pull(source.open(signal)))
    } catch (thrown) {
      if (!signal.aborted) error = thrown
    }
    if (signal.aborted) return
    // The source has ended by itself: what is in flight may use its whole budget.
    await this.flight.land(budget + 1000)
    this.#drained ??= this.#drain(0, error)
  }

  async #pull(captures: AsyncIterable<Capture | FailedCapture>): Promise<void> {
    const { clock } = this.#options.context
    const { signal } = this.#stop
    const iterator = captures[Symbol.asyncIterator]()
    try {
      for (let taken = 1; ; taken++) {
        if (taken % burst === 0) await new Promise<void>((resolve) => yieldTo(clock, resolve))
        await this.#window.acquire(signal)
        const next = await orCancelled(iterator.next(), this.#stop)
        // It may have come just before the stop, and be looked at just after: nothing enters any more.
        if (next.done || signal.aborted) return
        this.#enter(next.value, clock.now())
      }
    } finally {
      // The source's own clean-up must not hold up a drain.
      void Promise.resolve(iterator.return?.()).catch(() => {})
    }
  }

  async #live(captures: Observable<Capture | FailedCapture>): Promise<void> {
    const { clock } = this.#options.context
    const { signal } = this.#stop
    let freshest: { readonly capture: Capture | FailedCapture; readonly at: number } | undefined
    let entering: Promise<void> | undefined
    const replace = (next: typeof freshest) => {
      const old = freshest
      freshest = next
      return old
    }
    const enter = async () => {
      while (freshest) {
        await this.#window.acquire(signal)
        if (signal.aborted) return
        const taken = replace(undefined)
        if (taken) this.#enter(taken.capture, taken.at)
      }
    }
    try {
      await observed(captures, signal, (capture) => {
        if (!entering && this.#window.tryAcquire()) return this.#enter(capture, clock.now())
        const stale = replace({ capture, at: clock.now() })
        if (stale) this.#stale(stale.capture)
        // Rejects only when the drain begins; the frame that waited is counted below.
        entering ??= enter()
          .catch(() => {})
          .finally(() => {
            entering = undefined
          })
      })
      await entering
    } finally {
      const left = replace(undefined)
      if (left) this.#stale(left.capture)
    }
  }

  #stale(capture: Capture | FailedCapture): void {
    if ('error' in capture) this.flight.fail(capture)
    else this.flight.drop(capture)
  }

  /** Lets a capture that holds a place in the window in; `at`, local clock, ms: when it was there. */
  #enter(capture: Capture | FailedCapture, at: number): void {
    const message = 'error' in capture ? this.flight.fail(capture) : this.flight.take(capture, at)
    if (message) this.#chain?.push(message)
    else this.#window.release()
  }

  #settled(item: Item, flew: boolean): void {
    const { context, deadline } = this.#options
    const release = () => this.#window.release()
    if (item.kind === 'message') {
      this.answers.push(answerOf(item as Message<Result>, context.clock.now(), deadline, context.node), release)
    } else if (flew) release()
  }
}

/** The promise, or a rejection as soon as it is not wanted any longer. */
function orCancelled<T>(promise: Promise<T>, stop: Cancellation): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancelled = () => reject(new Cancelled())
    stop.listen(cancelled)
    promise.then(resolve, reject).finally(() => stop.unlisten(cancelled))
  })
}

/** Hands everything on until the stream ends or the signal is aborted; rejects when the stream errors. */
function observed<T>(stream: Observable<T>, signal: AbortSignal, next: (value: T) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const subscription = stream.subscribe({ next, error: reject, complete: resolve })
    const abort = () => {
      subscription.unsubscribe()
      resolve()
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}
