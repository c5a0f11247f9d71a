import {
  Cancelled,
  type Clock,
  DeadlineExceeded,
  type ExecutorLost,
  ModelLoadFailed,
  Quarantined,
  systemClock,
  type Tensor,
} from '../../pipeline/index.ts'
import type { ModelSource } from '../manage/index.ts'
import type { ModelCache } from './cache/index.ts'
import type { ExecutorPool, ExecutorPoolOptions, PoolRunOptions, PoolStatistics } from './contract.ts'
import { Dispatcher, type Lost } from './dispatch.ts'
import { Gate } from './gate.ts'
import { cacheHost, Leases } from './leases.ts'
import { ModelStates } from './model-state.ts'
import { type PoolSettings, poolSettings } from './options.ts'
import { Performer } from './perform.ts'
import { residencyFirst } from './placement.ts'
import type { PoolReport } from './report.ts'
import { RunQueue } from './run-queue.ts'
import { Slot, type Up } from './slot.ts'
import { poolStatistics } from './statistics.ts'
import { partition } from './threads.ts'
import { Warmth } from './warmth.ts'
import { Work } from './work.ts'

/**
 * Starts `size` executors and places runs on them. The queue decides what goes next, the placement where, the cache (or
 * each executor's residency, where there is none) what has to be loaded first.
 *
 * A run whose executor dies is tried once more on another, and then no more; the dead one is replaced, with backoff, within a
 * budget, and once that is used up after a rest; one whose memory drifts is replaced by a fresh one without a gap. A run that
 * goes on for very much longer than others of its model, or than `longestRun`, hangs: its executor is killed and replaced
 * (threads cannot be killed in mid-run; there it is only reported). Whoever makes the pool closes it.
 *
 * @throws BadConfiguration an option is not what it should be
 */
export function executorPool(options: ExecutorPoolOptions): ExecutorPool {
  return new Pool(options)
}

class Pool implements ExecutorPool {
  readonly #settings: PoolSettings
  readonly #events: ExecutorPoolOptions['events']
  readonly #clock: Clock
  readonly #threads: number
  readonly #slots: readonly Slot[]
  readonly #queue: RunQueue<Work>
  readonly #states: ModelStates
  readonly #performer: Performer
  readonly #leases: Leases | undefined
  readonly #dispatcher: Dispatcher
  readonly #warmth = new Warmth()
  readonly #gate: Gate
  /** Refused for being cold: loaded all the same, for whoever comes back. */
  readonly #wanted = new Map<string, ModelSource>()
  /** How an executor was lost last. */
  #lost: ExecutorLost | undefined
  #ending: 'no' | 'draining' | 'closed' = 'no'
  #draining: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #whenEmpty: (() => void) | undefined

  constructor(options: ExecutorPoolOptions) {
    const { factory, events, place = residencyFirst, cache, clock = systemClock } = options
    const settings = poolSettings(options)
    this.#settings = settings
    this.#events = events
    this.#clock = clock
    this.#queue = new RunQueue(settings.size, () => clock.now())
    this.#threads = partition(settings.size, options.threads, factory.cores)
    this.#states = new ModelStates(settings.batch?.size ?? 1)
    const states = this.#states
    this.#performer = new Performer({ settings, clock, kind: factory.kind, states, events })
    const executorOptions = {
      ...(options.threads === undefined ? {} : { threads: this.#threads }),
      ...(options.optimisation === undefined ? {} : { optimisation: options.optimisation }),
      ...((settings.batch?.size ?? 1) > 1 ? { batching: true } : {}),
      ...(cache === undefined ? {} : { sizes: true }),
    }
    this.#slots = Array.from({ length: settings.size }, () => this.#slot(() => factory.start(executorOptions)))
    const unloaded = (executor: string, model: string) => events?.({ type: 'model-unloaded', executor, model })
    const host = cacheHost(this.#slots, this.#performer, unloaded)
    this.#leases =
      cache &&
      new Leases(cache(host, clock), {
        onReady: (model, loadMs) => this.#onReady(model, loadMs),
        onChanged: () => this.#dispatch(),
        onFailed: (model, expires, error) => this.#onFailed(model, expires, error),
      })
    const shared = { settings, clock, states, queue: this.#queue, slots: this.#slots, leases: this.#leases }
    this.#gate = new Gate({
      ...shared,
      onCold: (model) => {
        this.#wanted.set(model.key, model)
        this.#dispatch()
      },
    })
    this.#dispatcher = new Dispatcher({
      ...shared,
      performer: this.#performer,
      place,
      nextLoad: (up) => this.#nextLoad(up),
      again: (work) => this.#again(work),
      late: (work, takes, left) => this.#late(work, takes, left),
      lost: (work, outcome, executor) => this.#retry(work, outcome, executor),
      after: () => this.#dispatch(),
    })
  }

  get cache(): ModelCache | undefined {
    return this.#leases?.cache
  }

  run(model: ModelSource, inputs: readonly Tensor[], options: PoolRunOptions = {}): Promise<PoolReport> {
    if (this.#ending !== 'no') {
      return Promise.reject(this.#gate.ending('Give the work to another node.'))
    }
    const work = new Work(model, inputs, options, this.#clock, (ended) => this.#forget(ended))
    if (work.settled) return work.result
    const late = this.#gate.late(work)
    if (late !== undefined) {
      work.reject(late)
      return work.result
    }
    this.#enqueue(work)
    this.#dispatch()
    const full = work.settled || work.handed !== undefined ? undefined : this.#gate.full(work)
    if (full !== undefined && this.#leave(full.leaves)) full.leaves.reject(full.error)
    return work.result
  }

  async warm(models: readonly ModelSource[]): Promise<void> {
    if (this.#ending !== 'no') throw this.#gate.ending('Warm another one.')
    if (this.#leases !== undefined) {
      const { cache } = this.#leases
      await Promise.all(models.map((model) => cache.prefetch(model)))
      return
    }
    const warm = this.#warmth.add(models)
    this.#dispatch()
    await warm
  }

  statistics(): PoolStatistics {
    return poolStatistics({
      queue: this.#queue,
      slots: this.#slots,
      states: this.#states,
      performer: this.#performer,
      tied: this.#dispatcher.tied,
      refusedBy: this.#gate.refusedBy,
      threads: this.#threads,
      target: this.#settings.target,
      now: this.#clock.now(),
    })
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
    this.#dispatcher.end()
    const closed = new Cancelled('The pool was closed before the work was done. Give it to another node.')
    this.#rejectWaiting(() => closed)
    this.#leases?.cache.close()
    await Promise.all(this.#slots.map((slot) => slot.close(within)))
  }

  #slot(start: () => ReturnType<ExecutorPoolOptions['factory']['start']>): Slot {
    const { restart, rest } = this.#settings
    return new Slot({
      start,
      clock: this.#clock,
      restart,
      rest,
      onUp: ({ executor }) => {
        this.#events?.({ type: 'executor-started', executor: executor.id })
        this.#leases?.cache.up(executor.id)
        this.#dispatch()
      },
      onDown: (error, final, up) => {
        this.#events?.({ type: 'executor-lost', error, final })
        this.#lost = error
        if (up !== undefined) this.#leases?.down(up.executor.id)
        if (final && this.#givenUp) this.#events?.({ type: 'given-up', error })
        this.#dispatch()
      },
      onReplaced: (up) => this.#leases?.down(up.executor.id),
    })
  }

  /** Whether no executor is there, nor will be before one has rested. */
  get #givenUp(): boolean {
    return this.#slots.every((slot) => slot.failed)
  }

  #dispatch(): void {
    if (this.#ending === 'closed') return
    if (this.#givenUp) this.#rejectWaiting(() => this.#gate.givenUp(this.#lost))
    else {
      this.#dispatcher.dispatch()
      this.#warmth.settle(this.#slots)
    }
    this.#checkEmpty()
  }

  /** What an executor should load before it runs anything. */
  #nextLoad({ residency }: Up): ModelSource | undefined {
    const warm = this.#warmth.next(residency)
    if (warm !== undefined) return warm
    const [first] = this.#wanted.values()
    if (first !== undefined) this.#wanted.delete(first.key)
    return first && !residency.has(first.key) ? first : undefined
  }

  #enqueue(work: Work): void {
    work.turn = this.#states.enqueue(this.#states.of(work.model))
    this.#queue.add(work)
  }

  /** Nobody waits for it any more. */
  #forget(work: Work): void {
    if (!this.#leave(work) && work.handed?.works.every(({ settled }) => settled)) work.handed.takeBack()
    this.#checkEmpty()
  }

  /** @returns whether it was waiting */
  #leave(work: Work): boolean {
    if (!this.#queue.remove(work)) return false
    const state = this.#states.of(work.model)
    this.#states.dequeue(state, work.turn, false)
    if (state.waiting === 0) this.#leases?.drop(work.model.key)
    return true
  }

  #again(work: Work): void {
    if (this.#ending === 'closed') work.reject(new Cancelled('The pool was closed before the work was done.'))
    else this.#enqueue(work)
  }

  #late(work: Work, takes: number, left: number): void {
    this.#leave(work)
    const times = `takes ${Math.ceil(takes)} ms, and ${Math.floor(left)} ms were left when its turn came`
    work.reject(
      new DeadlineExceeded(`A run of "${work.model.name}" ${times}. Allow more, use a faster model, or add executors.`),
    )
  }

  #retry(work: Work, { error, running }: Lost, executor: string): void {
    work.lost += 1
    if (running) work.costs.push({ executor, code: error.code })
    if (work.costs.length > 1) work.reject(new Quarantined(work.costs, { cause: error }))
    else if (work.lost > 1) work.reject(running ? error : diesLoading(work.model, error))
    else if (this.#ending === 'closed') work.reject(error)
    else this.#enqueue(work)
  }

  #onReady(model: ModelSource, loadMs: number): void {
    const now = this.#clock.now()
    for (const work of this.#queue.of(model.key)) work.loading = Math.min(now - work.arrived, loadMs)
    this.#dispatch()
    if (this.#states.of(model).waiting === 0) this.#leases?.drop(model.key)
  }

  #onFailed(model: ModelSource, expires: number, error: Error): void {
    for (const work of [...this.#queue.of(model.key)]) {
      if ((work.expires ?? Infinity) > expires) continue
      this.#leave(work)
      work.reject(error)
    }
    this.#dispatch()
  }

  #rejectWaiting(error: () => Error): void {
    for (const work of [...this.#queue]) {
      this.#leave(work)
      work.reject(error())
    }
    this.#warmth.end(error)
  }

  #checkEmpty(): void {
    if (this.#queue.length === 0 && this.#slots.every(({ up }) => up === undefined || up.lane.empty))
      this.#whenEmpty?.()
  }
}

/** What executors die of before a run has begun is the model, and none of the messages for it. */
function diesLoading({ name }: ModelSource, cause: ExecutorLost): ModelLoadFailed {
  return new ModelLoadFailed(`Executors die while they load "${name}". Check the model, or give them more memory.`, {
    cause,
  })
}
