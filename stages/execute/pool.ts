import {
  BadConfiguration,
  Cancelled,
  type Clock,
  DeadlineExceeded,
  ExecutorLost,
  Refused,
  systemClock,
  type Tensor,
} from '../../pipeline/index.ts'
import type { ModelSource } from '../manage/index.ts'
import type { ExecutorPool, ExecutorPoolOptions, PoolReport, PoolRunOptions, PoolStatistics } from './contract.ts'
import { type Candidate, residencyFirst } from './placement.ts'
import { DeadlineQueue } from './queue.ts'
import { Slot, type Up } from './slot.ts'
import { Warmth } from './warmth.ts'
import { Work } from './work.ts'

/**
 * Starts `size` executors and places runs on them. The queue decides what goes next, the placement where, each
 * executor's residency what has to be loaded first.
 *
 * A run whose executor dies is tried once more on another; the dead one is replaced, with backoff, within a budget.
 * A run that is not over `grace` ms past its `expires`, or after `longestRun`, hangs: its executor is killed and
 * replaced (threads cannot be killed in mid-run; there it is only reported). Whoever makes the pool closes it.
 *
 * @throws BadConfiguration a size below 1
 */
export function executorPool(options: ExecutorPoolOptions): ExecutorPool {
  return new Pool(options)
}

/** A first guess of a run's duration, for refusals before anything was measured, in milliseconds. */
const guess = 50

class Pool implements ExecutorPool {
  readonly #options: ExecutorPoolOptions
  readonly #clock: Clock
  readonly #slots: readonly Slot[]
  readonly #queue = new DeadlineQueue<Work>()
  /** Executors that load or run now. */
  readonly #busy = new Set<Up>()
  readonly #warmth = new Warmth()
  #ending: 'no' | 'draining' | 'closed' = 'no'
  #draining: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #whenEmpty: (() => void) | undefined
  /** Smoothed milliseconds that one piece of work keeps an executor busy. */
  #service = guess
  #runs = 0
  #loads = 0
  #refused = 0

  constructor(options: ExecutorPoolOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    const { factory, size, threads, optimisation, events } = options
    if (!Number.isInteger(size) || size < 1) {
      throw new BadConfiguration(`An executor pool of size ${size}. Give a whole number of executors, at least 1.`)
    }
    const executorOptions = {
      ...(threads === undefined ? {} : { threads }),
      ...(optimisation === undefined ? {} : { optimisation }),
    }
    this.#slots = Array.from(
      { length: size },
      () =>
        new Slot({
          start: () => factory.start(executorOptions),
          clock: this.#clock,
          restarts: { times: 5, within: 60_000, backoff: 100, ...options.restarts },
          onUp: ({ executor }) => {
            events?.({ type: 'executor-started', executor: executor.id })
            this.#dispatch()
          },
          onDown: (error, final) => {
            events?.({ type: 'executor-lost', error, final })
            this.#dispatch()
          },
        }),
    )
  }

  run(model: ModelSource, inputs: readonly Tensor[], options: PoolRunOptions = {}): Promise<PoolReport> {
    if (this.#ending !== 'no') {
      return Promise.reject(this.#refusal('The pool is ending. Give the work to another node.'))
    }
    const work = new Work(model, inputs, options, this.#clock, (ended) => {
      this.#queue.remove(ended)
      this.#checkEmpty()
    })
    if (work.settled) return work.result
    this.#queue.add(work)
    this.#dispatch()
    const limit = this.#options.queue ?? 256
    if (this.#queue.length > limit && this.#queue.remove(work)) {
      const retryAfter = Math.ceil((this.#service * limit) / this.#slots.length)
      work.reject(
        this.#refusal(`${limit} runs wait already. Try again in ${retryAfter} ms, or add executors.`, retryAfter),
      )
    }
    return work.result
  }

  warm(models: readonly ModelSource[]): Promise<void> {
    if (this.#ending !== 'no') return Promise.reject(this.#refusal('The pool is ending. Warm another one.'))
    const warm = this.#warmth.add(models)
    this.#dispatch()
    return warm
  }

  statistics(): PoolStatistics {
    return {
      queued: this.#queue.length,
      busy: this.#busy.size,
      up: this.#slots.filter((slot) => slot.up !== undefined).length,
      runs: this.#runs,
      loads: this.#loads,
      restarts: this.#slots.reduce((sum, slot) => sum + slot.restarts, 0),
      refused: this.#refused,
      executors: this.#slots.map(({ up }) => ({
        id: up?.executor.id,
        models: up?.residency.models().map((model) => model.name) ?? [],
      })),
    }
  }

  drain(within = 10_000): Promise<void> {
    this.#draining ??= this.#drain(within)
    return this.#draining
  }

  close(within = 5_000): Promise<void> {
    this.#closing ??= this.#close(within)
    return this.#closing
  }

  async #drain(within: number): Promise<void> {
    const started = this.#clock.now()
    if (this.#ending === 'no') {
      this.#ending = 'draining'
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(within, resolve)
        this.#whenEmpty = () => {
          timer.cancel()
          resolve()
        }
        this.#checkEmpty()
      })
    }
    await this.close(Math.max(0, within - (this.#clock.now() - started)))
  }

  async #close(within: number): Promise<void> {
    this.#ending = 'closed'
    this.#whenEmpty?.()
    const closed = new Cancelled('The pool was closed before the work was done. Give it to another node.')
    for (const work of this.#queue.clear()) work.reject(closed)
    this.#warmth.end(closed)
    await Promise.all(this.#slots.map((slot) => slot.close(within)))
  }

  #refusal(message: string, retryAfter?: number): Refused {
    this.#refused += 1
    return new Refused(message, retryAfter === undefined ? {} : { retryAfter })
  }

  #idle(): { slot: Slot; up: Up }[] {
    return this.#slots.flatMap((slot) => (slot.up && !this.#busy.has(slot.up) ? [{ slot, up: slot.up }] : []))
  }

  /** Gives idle executors what there is to do: models to be warmed first, then waiting runs by their urgency. */
  #dispatch(): void {
    if (this.#ending === 'closed') return
    if (this.#slots.every((slot) => slot.failed)) {
      this.#giveUp()
      return
    }
    for (const { slot, up } of this.#idle()) {
      const model = this.#warmth.next(up.residency)
      if (model !== undefined) void this.#occupy(up, () => this.#warm(model, slot, up))
    }
    this.#warmth.settle(this.#slots)
    const place = this.#options.place ?? residencyFirst
    for (let index = 0; index < this.#queue.length; ) {
      const idle = this.#idle()
      const work = this.#queue.at(index)
      if (work === undefined || idle.length === 0) break
      const candidates = idle.map(({ up }) => candidate(up))
      const chosen = place(work.model, candidates)
      const target = chosen && idle[candidates.indexOf(chosen)]
      if (target === undefined) {
        index += 1
        continue
      }
      this.#queue.remove(work)
      void this.#occupy(target.up, () => this.#perform(work, target.slot, target.up))
    }
    this.#checkEmpty()
  }

  /**
   * Keeps the executor busy with one thing, and only then does what follows from it: whoever hears of a result and
   * comes back with more finds the executor idle, and with the model loaded.
   */
  async #occupy(up: Up, doing: () => Promise<() => void>): Promise<void> {
    this.#busy.add(up)
    const started = this.#clock.now()
    const conclude = await doing()
    this.#service += (this.#clock.now() - started - this.#service) / 8
    this.#busy.delete(up)
    conclude()
    this.#dispatch()
  }

  /** @returns what to tell the caller; never rejects */
  async #perform(work: Work, slot: Slot, up: Up): Promise<() => void> {
    const { executor, residency } = up
    const { model, inputs, options } = work
    try {
      const taken = this.#clock.now()
      if (!residency.has(model.key)) await this.#load(model, slot, up)
      // The model stays for the next one, also when nobody waits for this run any more.
      if (work.settled) return () => {}
      const loaded = this.#clock.now()
      const { outputs, ms } = await this.#watched(work, slot, up, () =>
        executor.run(model.key, inputs, options.outputs === undefined ? {} : { outputs: options.outputs }),
      )
      this.#runs += 1
      const [queueMs, loadMs] = [taken - work.arrived, loaded - taken]
      return () => work.resolve({ outputs, queueMs, loadMs, runMs: ms, executor: executor.id })
    } catch (error) {
      if (!(error instanceof ExecutorLost)) return () => work.reject(error as Error)
      slot.lost(executor, error)
      return () => this.#retry(work, error)
    }
  }

  /** @returns nothing to tell: those who wait for warmth look for themselves */
  async #warm(model: ModelSource, slot: Slot, up: Up): Promise<() => void> {
    await this.#load(model, slot, up).catch(() => {})
    return () => {}
  }

  #retry(work: Work, error: ExecutorLost): void {
    work.losses += 1
    if (work.settled) return
    if (work.losses > 1 || this.#ending === 'closed') work.reject(error)
    else this.#queue.add(work)
  }

  async #load(model: ModelSource, slot: Slot, { executor, residency }: Up): Promise<void> {
    const { events, longestLoad = 120_000 } = this.#options
    const watchdog = this.#clock.after(longestLoad, () => this.#kill(slot, `loading "${model.name}" hangs`))
    try {
      const { ms, residentBytes } = await residency.load(model)
      this.#loads += 1
      events?.({ type: 'model-loaded', executor: executor.id, model: model.name, ms, residentBytes })
    } catch (error) {
      if (error instanceof ExecutorLost) slot.lost(executor, error)
      else {
        events?.({ type: 'model-load-failed', executor: executor.id, model: model.name, error: error as Error })
      }
      throw error
    } finally {
      watchdog.cancel()
    }
  }

  /** Runs it under a watchdog, which takes a run that goes on too long for hung. */
  async #watched<T>(work: Work, slot: Slot, { executor }: Up, run: () => Promise<T>): Promise<T> {
    const { events, factory, grace = 2_000, longestRun = 60_000 } = this.#options
    const left = work.expires === undefined ? Infinity : work.expires - this.#clock.now() + grace
    const allowed = Math.min(left, longestRun)
    const watchdog = this.#clock.after(allowed, () => {
      const killed = factory.kind !== 'thread'
      events?.({ type: 'run-overdue', executor: executor.id, model: work.model.name, killed })
      work.reject(
        new DeadlineExceeded(
          `A run of "${work.model.name}" went on for more than ${Math.round(allowed)} ms. Look at the model, or allow longer runs.`,
        ),
      )
      if (killed) this.#kill(slot, `a run of "${work.model.name}" hangs`)
    })
    try {
      return await run()
    } finally {
      watchdog.cancel()
    }
  }

  #kill(slot: Slot, reason: string): void {
    if (this.#options.factory.kind !== 'thread') slot.kill(reason)
  }

  /** No executor can be started any more. */
  #giveUp(): void {
    const lost = new ExecutorLost(
      'No executor of the pool can be started any more. Look at why they died, and make a new pool.',
    )
    for (const work of this.#queue.clear()) work.reject(lost)
    this.#warmth.end(lost)
    this.#checkEmpty()
  }

  #checkEmpty(): void {
    if (this.#queue.length === 0 && this.#busy.size === 0) this.#whenEmpty?.()
  }
}

function candidate({ executor, residency }: Up): Candidate {
  return { id: executor.id, holds: (key) => residency.has(key), models: residency.size }
}
