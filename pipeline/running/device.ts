import type { Observable } from 'rxjs'
import { answerOf } from '../answer.ts'
import { Cancellation } from '../cancellation.ts'
import type { Capture, FailedCapture, LiveSource, Source } from '../capture.ts'
import { type Timer, yieldTo } from '../clock.ts'
import type { StageContext } from '../context.ts'
import { Cancelled, MailboxFull, StageFailed } from '../errors.ts'
import type { Events } from '../events.ts'
import { Guarded } from '../guarded.ts'
import type { Item, Message } from '../message.ts'
import type { Result } from '../payload.ts'
import { Window } from '../window.ts'
import { Answers } from './answers.ts'
import { readCapture } from './captured.ts'
import { Chain } from './chain.ts'
import { Flight } from './flight.ts'
import type { AttemptRules } from './flying.ts'
import type { Segment } from './segments.ts'
import { Backlog, Freshest, type WaitingFrame } from './waiting.ts'

/** Captures taken in a row before timers and sockets get their turn: a source that never waits must not starve them. */
const burst = 64

export interface DeviceOptions {
  readonly source: Source
  readonly segment: Segment
  readonly context: StageContext
  readonly window: number
  readonly budget: (deadline: number) => number
  readonly deadline: number
  readonly rules: AttemptRules
  /** The charge of the battery, 0…1. */
  readonly battery?: () => number | undefined
}

/** Streams of which a frame may wait, where the source does not say. */
const streamsByDefault = 64

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
  /** Captures are taken in until it resolves. */
  #taking: Promise<void> | undefined
  /** Frames that the source gave so far. */
  #frames = 0
  #batteryTimer: Timer | undefined
  #drained: Promise<void> | undefined
  /** Resolves when the source has ended and everything is settled and closed. */
  readonly done: Promise<void>
  #finish!: () => void
  #fail!: (error: unknown) => void

  constructor(options: DeviceOptions) {
    this.#options = options
    this.#window = new Window(options.window, () => this.flight.places(options.window))
    this.flight = new Flight({
      ...options,
      device: options.context.node,
      checkOwnership: options.source.checkOwnership ?? false,
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
    // What still waits to enter is counted before the counts are final.
    await this.#taking?.catch(() => {})
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
      const charge: unknown = battery()
      if (typeof charge === 'number' && charge >= 0 && charge <= 1) context.world.set('battery', charge, 'battery')
      this.#batteryTimer = context.clock.after(batteryEvery, this.#askBattery, { background: true })
    } catch (error) {
      context.events.emit({ type: 'fault', where: 'battery', error })
    }
  }

  async #capture(): Promise<void> {
    const { source } = this.#options
    const { signal } = this.#stop
    let error: unknown
    try {
      if (!signal.aborted) {
        this.#taking = source.kind === 'live' ? this.#live(source.open(signal)) : this.#pull(source.open(signal))
        await this.#taking
      }
    } catch (thrown) {
      if (!signal.aborted) error = thrown ?? new StageFailed('capture', { cause: thrown })
    }
    if (signal.aborted) return
    // The source has ended by itself: what is in flight may use its whole budget.
    await this.flight.land(this.flight.longest + 1000)
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
        const pulled = iterator.next()
        let looked = false
        // What was asked for before the stop and comes after it enters no more, but is counted, whenever it comes.
        const late = ({ done, value }: IteratorResult<Capture | FailedCapture>) => {
          if (!done && !looked) this.#stopped(this.#read(value))
        }
        try {
          const next = await orCancelled(pulled, this.#stop)
          if (next.done) return
          // It may have come just before the stop, and be looked at just after.
          if (signal.aborted) return late(next)
          looked = true
          this.#enter(this.#read(next.value), clock.now())
        } catch (error) {
          if (!looked && signal.aborted) pulled.then(late, () => {})
          throw error
        }
      }
    } finally {
      // The source's own clean-up must not hold up a drain.
      void Promise.resolve(iterator.return?.()).catch(() => {})
    }
  }

  async #live(captures: Observable<Capture | FailedCapture>): Promise<void> {
    const { source, context } = this.#options
    const { streams = streamsByDefault, buffer } = source as LiveSource
    const { signal } = this.#stop
    const waiting = buffer === undefined ? new Freshest(streams) : new Backlog(buffer)
    let entering: Promise<void> | undefined
    const enter = async () => {
      for (let frame = await this.#whenRoom(waiting); frame; frame = await this.#whenRoom(waiting)) {
        this.#enter(frame.capture, frame.at)
      }
    }
    try {
      await observed(captures, signal, context.events, (given) => {
        const capture = this.#read(given)
        const at = context.clock.now()
        // It needs no place, and takes none from a frame.
        if ('error' in capture) return this.flight.fail(capture)
        if (!entering && this.#window.tryAcquire()) return this.#enter(capture, at)
        const out = waiting.push({ capture, at })
        if (out) this.#pushedOut(out.capture, buffer)
        // Rejects only when the drain begins; the frames that wait are counted below.
        entering ??= enter()
          .catch(() => {})
          .finally(() => {
            entering = undefined
          })
      })
      await entering
    } finally {
      for (let left = waiting.take(); left; left = waiting.take()) {
        if (buffer === undefined) this.flight.drop(left.capture)
        else this.#stopped(left.capture)
      }
    }
  }

  /** The frame whose turn it is when there is room for it, looked at only then; undefined when none waits. */
  async #whenRoom(waiting: Freshest | Backlog): Promise<WaitingFrame | undefined> {
    if (waiting.size === 0) return undefined
    await this.#window.acquire(this.#stop.signal)
    if (this.#stop.cancelled) return undefined
    const frame = waiting.take()
    if (!frame) this.#window.release()
    return frame
  }

  /** Counts a capture that came too late to enter. */
  #stopped(capture: Capture | FailedCapture): void {
    this.flight.fail('error' in capture ? capture : { ...namesOf(capture), error: stoppedBefore() })
  }

  #pushedOut(capture: Capture, buffer: number | undefined): void {
    if (buffer === undefined) return void this.flight.drop(capture)
    const error = new MailboxFull(
      `${buffer} bytes of frames wait for a place already. Give capture() a larger buffer, the pipeline a larger window, or let the source be live.`,
    )
    this.flight.fail({ ...namesOf(capture), error })
  }

  #read(given: unknown): Capture | FailedCapture {
    return readCapture(given, ++this.#frames, this.#options.source.copy)
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

/**
 * Hands everything on until the stream ends or the signal is aborted; rejects when the stream errors. What goes wrong in
 * a callback of the stream's is a fault: there is nobody above it who could catch it.
 */
function observed(
  stream: Observable<unknown>,
  signal: AbortSignal,
  events: Events,
  next: (value: unknown) => void,
): Promise<void> {
  const caught = (error: unknown) => events.emit({ type: 'fault', where: 'capture', error })
  return new Promise((resolve, reject) => {
    const subscription = Guarded.of(stream, caught).subscribe({ next, error: reject, complete: resolve })
    const abort = () => {
      try {
        subscription.unsubscribe()
      } catch (error) {
        // The source's own clean-up.
        caught(error)
      }
      resolve()
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}

const namesOf = ({ stream, id }: Capture) => ({
  ...(stream === undefined ? {} : { stream }),
  ...(id === undefined ? {} : { id }),
})

const stoppedBefore = () => new Cancelled('The pipeline stopped before this frame could enter.')
