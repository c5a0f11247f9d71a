import { ExecutorLost, ModelLoadFailed, type Timer } from '../../../pipeline/index.ts'
import type { LoaderContext } from './context.ts'
import type { LoadCost } from './contract.ts'
import type { EvictionReason } from './events.ts'
import { type Copy, Copy as NewCopy } from './residents.ts'
import { Room } from './room.ts'
import { byUrgency, type Want } from './wants.ts'

/**
 * Carries wants out: finds an executor, makes room, loads; one turn after each thing that happens, so that a decision
 * always sees all of the state, and never half of another decision. Not an `Actor`: a restart would forget what the
 * executors hold, and a hit would pay for a mailbox; between two turns nothing can interleave on one thread anyway.
 */
export class Loader {
  readonly #context: LoaderContext
  readonly #room: Room
  readonly #overdue = new Map<Copy, Timer>()
  #inTurn = false
  #again = false
  #wake: Timer | undefined
  #wakeAt = Number.POSITIVE_INFINITY
  #closed = false

  constructor(context: LoaderContext) {
    this.#context = context
    this.#room = new Room(context)
  }

  /** Does what there is to do now. Called again from within, it goes on afterwards. */
  turn(): void {
    this.#again = true
    if (this.#inTurn || this.#closed) return
    this.#inTurn = true
    try {
      while (this.#again) {
        this.#again = false
        this.#pass()
      }
    } finally {
      this.#inTurn = false
    }
  }

  /** Lets a copy go as soon as nobody uses it. */
  evict(copy: Copy, reason: EvictionReason): void {
    if (copy.state !== 'ready') return
    const { clock, residents, policy, figures, emit } = this.#context
    const { model, executor, use } = copy
    const now = clock.now()
    const age = copy.age(now)
    copy.state = copy.leases > 0 ? 'draining' : 'unloading'
    figures.evictions += 1
    if (!residents.of(model.key).some(({ state }) => state === 'ready' || state === 'loading')) {
      policy.evicted?.(use, now)
      use.evicted()
      figures.evicted(model.key, age, now)
    }
    emit({ type: 'evicted', executor, model: model.name, key: model.key, reason, age })
    if (copy.state === 'unloading') void this.#unload(copy)
  }

  /** A lease of the copy has ended. */
  released(copy: Copy): void {
    if (copy.gone) return
    if (copy.leases === 0 && copy.state === 'draining') {
      copy.state = 'unloading'
      void this.#unload(copy)
    }
    if (!this.#context.idle()) this.turn()
  }

  /** The executor is gone, with all it held. */
  down(executor: string): void {
    const { residents, failures, clock, left } = this.#context
    const copies = residents.down(executor)
    failures.forget(executor)
    for (const copy of copies) {
      this.#notOverdue(copy)
      if (copy.state === 'loading') {
        const { key, name } = copy.model
        failures.lost(
          key,
          new ModelLoadFailed(`Executors die while they load "${name}". Check the model, or give them more memory.`),
          clock.now(),
        )
      }
      left(copy)
    }
    this.turn()
  }

  close(): void {
    this.#closed = true
    this.#wake?.cancel()
    for (const timer of this.#overdue.values()) timer.cancel()
    this.#overdue.clear()
  }

  #pass(): void {
    const { residents, estimates, clock, wants, turned } = this.#context
    const now = clock.now()
    this.#wake?.cancel()
    this.#wakeAt = Number.POSITIVE_INFINITY
    for (const copy of this.#room.repay(now)) this.evict(copy, 'debt')
    // What is free or will be, less what those before in the line are about to take.
    const limit = this.#room.limit
    let room = limit - residents.used + residents.leaving
    for (const want of wants(now).sort(byUrgency)) {
      const executor = this.#place(want, now)
      if (executor === undefined) continue
      const bytes = estimates.bytes(want.model)
      const impossible = this.#room.impossible(want, bytes)
      if (impossible !== undefined) {
        want.declined(impossible)
        continue
      }
      if (bytes > room) room += this.#makeRoom(want, bytes - room, now)
      if (bytes > room && want.gain !== undefined) continue
      room -= bytes
      if (room >= 0 && residents.used + bytes <= limit) this.#load(want, executor, bytes, now)
    }
    turned()
    this.#setWake(now)
  }

  /** @returns bytes that will become free */
  #makeRoom(want: Want, needed: number, now: number): number {
    const found = this.#room.victims(want, needed, now)
    if (found.retryAt !== undefined) this.#wakeAt = Math.min(this.#wakeAt, found.retryAt)
    if (found.refused !== undefined) want.declined(found.refused)
    let freed = 0
    for (const copy of found.victims) {
      this.evict(copy, 'room')
      freed += copy.bytes
    }
    return freed
  }

  /** Where it is to be loaded; undefined when it has to wait, or was declined. */
  #place(want: Want, now: number): string | undefined {
    const { residents, failures, place } = this.#context
    const { key, name } = want.model
    const possible = [...residents.holders.values()].filter(({ id }) => want.executors?.has(id) ?? true)
    if (possible.length === 0) return undefined
    const waits = possible.map(({ id }) => failures.wait(key, id, now))
    const soonest = Math.min(...waits)
    if (soonest > 0) {
      const cause = failures.error(key)
      if (want.lasting) this.#wakeAt = Math.min(this.#wakeAt, now + soonest)
      want.declined(cause instanceof ModelLoadFailed ? cause : new ModelLoadFailed(failedText(name), { cause }))
      return undefined
    }
    const free = possible.filter(
      (holder, index) => waits[index] === 0 && !holder.copies.has(key) && holder.loading === undefined,
    )
    return free.length === 0 ? undefined : place(want.model, free).id
  }

  #load({ model }: Want, executor: string, bytes: number, now: number): void {
    const { residents, host, useOf, settings } = this.#context
    const copy = new NewCopy(model, executor, useOf(model), bytes, now)
    residents.reserve(copy)
    this.#watch(copy, 'load', settings.longestLoad)
    // In an async function, so that a host that throws at once is as one that rejects.
    const load = async () => host.load(executor, model)
    load().then(
      (cost) => this.#loaded(copy, cost),
      (error: unknown) => this.#failed(copy, error),
    )
  }

  #loaded(copy: Copy, cost: LoadCost): void {
    if (copy.gone) return
    const { residents, estimates, failures, figures, settings, clock, ready, emit } = this.#context
    const { model, executor, use, bytes: predictedBytes } = copy
    const now = clock.now()
    this.#notOverdue(copy)
    copy.state = 'ready'
    copy.since = now
    copy.guardedUntil = now + settings.guard * cost.ms
    estimates.loaded(model, cost)
    failures.succeeded(model.key)
    residents.resize(copy, cost.residentBytes)
    if (cost.executorBytes !== undefined) residents.holders.get(executor)?.measured(cost.executorBytes)
    use.bytes = cost.residentBytes
    use.loadMs = estimates.ms(model) ?? cost.ms
    const waiters = ready(copy)
    figures.loaded(model.key, predictedBytes, cost, waiters > 0, now)
    emit({
      type: 'loaded',
      executor,
      model: model.name,
      key: model.key,
      ms: cost.ms,
      predictedBytes,
      residentBytes: cost.residentBytes,
      waiters,
    })
    const debt = residents.used - this.#room.limit
    if (debt > 0) emit({ type: 'debt', bytes: debt })
    this.turn()
  }

  #failed(copy: Copy, error: unknown): void {
    if (copy.gone) return
    const { model, executor } = copy
    // It is down before its owner says so.
    if (error instanceof ExecutorLost) return this.down(executor)
    const { residents, failures, figures, clock, left, emit } = this.#context
    this.#notOverdue(copy)
    residents.remove(copy)
    figures.loadFailures += 1
    const retryAfter = failures.failed(model.key, executor, error, clock.now())
    emit({ type: 'load-failed', executor, model: model.name, key: model.key, error, retryAfter })
    left(copy)
    this.turn()
  }

  async #unload(copy: Copy): Promise<void> {
    const { host, residents, settings, left, emit } = this.#context
    const { model, executor } = copy
    this.#watch(copy, 'unload', settings.longestUnload)
    try {
      await host.unload(executor, model.key)
    } catch (error) {
      if (copy.gone) return
      if (error instanceof ExecutorLost) return this.down(executor)
      this.#notOverdue(copy)
      copy.state = 'stuck'
      emit({ type: 'unload-failed', executor, model: model.name, key: model.key, error })
      return this.turn()
    }
    if (copy.gone) return
    this.#notOverdue(copy)
    residents.remove(copy)
    left(copy)
    this.turn()
  }

  #watch(copy: Copy, what: 'load' | 'unload', longest: number): void {
    const { clock, emit } = this.#context
    const timer = clock.after(longest, () => {
      this.#overdue.delete(copy)
      emit({ type: 'overdue', executor: copy.executor, model: copy.model.name, what })
      if (what === 'load') return
      // Nobody may count on its memory any more; should it become free after all, it is counted then.
      copy.state = 'stuck'
      this.turn()
    })
    this.#overdue.set(copy, timer)
  }

  #notOverdue(copy: Copy): void {
    this.#overdue.get(copy)?.cancel()
    this.#overdue.delete(copy)
  }

  #setWake(now: number): void {
    if (this.#wakeAt === Number.POSITIVE_INFINITY) return
    this.#wake = this.#context.clock.after(Math.max(0, this.#wakeAt - now), () => this.turn())
  }
}

function failedText(name: string): string {
  return `Model "${name}" could not be loaded on any executor. Look at the cause.`
}
