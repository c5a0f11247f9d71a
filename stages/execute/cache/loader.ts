import {
  type Actor,
  actor,
  type Behaviour,
  ExecutorLost,
  ModelLoadFailed,
  type Timer,
} from '../../../pipeline/index.ts'
import type { CacheHost, LoadCost } from './contract.ts'
import type { EvictionReason } from './events.ts'
import type { PlaceLoad } from './place.ts'
import { type Copy, Copy as NewCopy } from './residents.ts'
import { Room } from './room.ts'
import type { CacheState } from './state.ts'
import { byUrgency, type Want } from './wants.ts'

/** What a loader works with beside the cache's state, and whom it tells. */
export interface LoaderOptions {
  readonly host: CacheHost
  readonly place: PlaceLoad
  /** All loads that are wanted now and neither done nor under way. */
  wants(now: number): Want[]
  /** A copy can be used. @returns how many waited for it */
  ready(copy: Copy): number
  /** A copy's memory is free. */
  left(copy: Copy): void
  /** Nothing is loaded for now: it failed too often. */
  givenUp(error: unknown): void
  /** It goes on after that. */
  rested(): void
}

/**
 * Carries wants out: finds an executor, makes room, loads; one turn after each thing that happens, so that a decision
 * always sees all of the state, and never half of another decision. Turns are the messages of an actor: a policy or a
 * placement that throws in one is a crash, after which the loader puts its books right and goes on. What the executors hold
 * is the cache's own, and outlives it; a hit needs no turn.
 */
export class Loader {
  readonly #state: CacheState
  readonly #options: LoaderOptions
  readonly #room: Room
  readonly #overdue = new Map<Copy, Timer>()
  readonly #actor: Actor<void, void>
  /** Copies whose load or unload the host has been asked for, and has not answered. */
  readonly #atHost = new Set<Copy>()
  /** A turn is to come. */
  #due = false
  #wake: Timer | undefined
  #wakeAt = Number.POSITIVE_INFINITY
  #closed = false
  #resting = false

  constructor(state: CacheState, options: LoaderOptions) {
    this.#state = state
    this.#options = options
    this.#room = new Room(state)
    const { clock, settings } = state
    this.#actor = actor('model cache', () => this.#begin(), {
      clock,
      restart: settings.restart,
      rest: settings.rest,
      onCrash: (error, final) => {
        this.#due = false
        state.emit({ type: 'crashed', error, final })
        this.#resting = final
        if (final) options.givenUp(error)
      },
    })
  }

  /** Does what there is to do now. Called again from within, it goes on afterwards. */
  turn(): void {
    if (this.#due || this.#closed || this.#actor.givenUp) return
    this.#due = true
    void this.#actor.tell()
  }

  /** What the cache was given has failed outside of a turn. */
  crash(error: unknown): void {
    this.#actor.crash(error)
  }

  /** At its start, and again after each crash. */
  #begin(): Behaviour<void, void> {
    if (this.#resting) this.#options.rested()
    this.#resting = false
    for (const copy of [...this.#state.residents.all()]) {
      if (this.#atHost.has(copy)) continue
      if (copy.state === 'unloading') void this.#unload(copy)
      if (copy.state === 'loading') this.#gone(copy)
    }
    this.turn()
    return {
      receive: () => {
        this.#due = false
        this.#pass()
      },
    }
  }

  /** Its memory is free. */
  #gone(copy: Copy): void {
    this.#state.residents.remove(copy)
    this.#options.left(copy)
  }

  /** Lets a copy go as soon as nobody uses it. */
  evict(copy: Copy, reason: EvictionReason): void {
    if (copy.state !== 'ready') return
    const { clock, residents, policy, figures } = this.#state
    const { model, executor, use } = copy
    const now = clock.now()
    const age = copy.age(now)
    copy.state = copy.leases > 0 ? 'draining' : 'unloading'
    figures.evictions += 1
    if (!residents.of(model.key).some(({ state }) => state === 'ready' || state === 'loading')) {
      try {
        policy.evicted?.(use, now)
      } catch (error) {
        this.crash(error)
      }
      use.evicted()
      figures.evicted(model.key, age, now)
    }
    this.#state.emit({ type: 'evicted', executor, model: model.name, key: model.key, reason, age })
    if (copy.state === 'unloading') void this.#unload(copy)
  }

  /** A lease of the copy has ended. */
  released(copy: Copy): void {
    if (copy.gone) return
    if (copy.leases === 0 && copy.state === 'draining') {
      copy.state = 'unloading'
      void this.#unload(copy)
    }
    if (!this.#idle()) this.turn()
  }

  /** The executor is gone, with all it held. */
  down(executor: string): void {
    const { residents, failures, clock } = this.#state
    const { left } = this.#options
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
    void this.#actor.stop(0)
    this.#wake?.cancel()
    for (const timer of this.#overdue.values()) timer.cancel()
    this.#overdue.clear()
  }

  /** Whether nothing is wanted, as far as can be told at once. */
  #idle(): boolean {
    const { waiters, pins, background, residents, settings } = this.#state
    const holds = residents.used + residents.overhead <= settings.budget
    return waiters.size === 0 && pins.size === 0 && background.idle && holds
  }

  #pass(): void {
    const { estimates, clock } = this.#state
    const { wants } = this.#options
    const now = clock.now()
    this.#wake?.cancel()
    this.#wakeAt = Number.POSITIVE_INFINITY
    for (const copy of this.#room.repay(now)) this.evict(copy, 'debt')
    // What is free or will be, less what those before in the line are about to take.
    let room = this.#room.free
    for (const want of wants(now).sort(byUrgency)) {
      const executor = this.#place(want, now)
      if (executor === undefined) continue
      const bytes = estimates.bytes(want.model)
      const impossible = this.#room.impossible(want, bytes)
      if (impossible !== undefined) {
        want.declined(impossible)
        continue
      }
      const whole = bytes + this.#room.passing(want, bytes)
      if (whole > room) room += this.#makeRoom(want, bytes - room, whole - room, now)
      if (bytes > room && want.gain !== undefined) continue
      room -= whole > room ? bytes : whole
      if (room >= 0 && this.#room.fits(want, bytes)) this.#load(want, executor, bytes, now)
    }
    this.#state.wishes.look()
    this.#setWake(now)
  }

  /** @param least without which it cannot be loaded @returns bytes that will become free */
  #makeRoom(want: Want, least: number, wished: number, now: number): number {
    let found = this.#room.victims(want, wished, now)
    if (found.victims.length === 0 && least < wished) {
      if (least <= 0) return 0
      found = this.#room.victims(want, least, now)
    }
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
    const { residents, failures } = this.#state
    const { place } = this.#options
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
    const { residents, settings } = this.#state
    const { host } = this.#options
    const copy = new NewCopy(model, executor, this.#state.useOf(model), bytes, now)
    residents.reserve(copy)
    this.#watch(copy, 'load', settings.longestLoad)
    // In an async function, so that a host that throws at once is as one that rejects.
    const load = async () => host.load(executor, model)
    this.#atHost.add(copy)
    const answered = () => this.#atHost.delete(copy)
    load()
      .finally(answered)
      .then(
        (cost) => this.#loaded(copy, cost),
        (error: unknown) => this.#failed(copy, error),
      )
  }

  #loaded(copy: Copy, cost: LoadCost): void {
    if (copy.gone) return
    const { residents, estimates, failures, figures, settings, clock } = this.#state
    const { ready } = this.#options
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
    this.#state.emit({
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
    if (debt > 0) this.#state.emit({ type: 'debt', bytes: debt })
    this.turn()
  }

  #failed(copy: Copy, error: unknown): void {
    if (copy.gone) return
    const { model, executor } = copy
    // It is down before its owner says so.
    if (error instanceof ExecutorLost) return this.down(executor)
    const { failures, figures, clock } = this.#state
    this.#notOverdue(copy)
    figures.loadFailures += 1
    const retryAfter = failures.failed(model.key, executor, error, clock.now())
    this.#state.emit({ type: 'load-failed', executor, model: model.name, key: model.key, error, retryAfter })
    this.#gone(copy)
    this.turn()
  }

  async #unload(copy: Copy): Promise<void> {
    const { settings } = this.#state
    const { host } = this.#options
    const { model, executor } = copy
    this.#watch(copy, 'unload', settings.longestUnload)
    this.#atHost.add(copy)
    try {
      await host.unload(executor, model.key)
    } catch (error) {
      if (copy.gone) return
      if (error instanceof ExecutorLost) return this.down(executor)
      this.#notOverdue(copy)
      copy.state = 'stuck'
      this.#state.emit({ type: 'unload-failed', executor, model: model.name, key: model.key, error })
      return this.turn()
    } finally {
      this.#atHost.delete(copy)
    }
    if (copy.gone) return
    this.#notOverdue(copy)
    this.#gone(copy)
    this.turn()
  }

  #watch(copy: Copy, what: 'load' | 'unload', longest: number): void {
    const { clock } = this.#state
    const timer = clock.after(longest, () => {
      this.#overdue.delete(copy)
      this.#state.emit({ type: 'overdue', executor: copy.executor, model: copy.model.name, what })
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
    this.#wake = this.#state.clock.after(Math.max(0, this.#wakeAt - now), () => this.turn())
  }
}

function failedText(name: string): string {
  return `Model "${name}" could not be loaded on any executor. Look at the cause.`
}
