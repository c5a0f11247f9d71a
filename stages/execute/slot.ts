import {
  type Actor,
  actor,
  type Behaviour,
  type Clock,
  ExecutorLost,
  type RestartPolicy,
  type RestPolicy,
  within,
} from '../../pipeline/index.ts'
import { Lane } from './lane.ts'
import type { Executor } from './ports.ts'
import { Residency } from './residency.ts'

/** A living executor, what it holds and what it does. */
export interface Up {
  readonly executor: Executor
  readonly residency: Residency
  readonly lane: Lane
  /** When it was ready. */
  readonly since: number
}

export interface SlotOptions {
  readonly start: () => Promise<Executor>
  readonly clock: Clock
  readonly restart: RestartPolicy
  readonly rest: RestPolicy
  /** An executor is ready. */
  readonly onUp: (up: Up) => void
  /** It is gone, or did not start; `final` when it is given up: its place stays empty until it has rested. */
  readonly onDown: (error: ExecutorLost, final: boolean, up: Up | undefined) => void
  /** It gets nothing new: another has taken its place, and it is closed as soon as it is done. */
  readonly onReplaced: (up: Up) => void
}

/** A fresh executor is to take the place of this one, which may finish what it has for so many ms. */
interface Replace {
  readonly old: Up
  readonly within: number
}

/**
 * A place for one executor: an actor whose behaviour is that executor. One that dies, or does not start, is a crash: the
 * actor's supervision starts the next one, or gives the place up and lets it rest. Who runs on it looks at `up`, and asks nobody.
 */
export class Slot {
  readonly #options: SlotOptions
  readonly #actor: Actor<Replace, void>
  #up: Up | undefined
  #closed = false
  #end: () => void = () => {}
  readonly #ending = new Promise<void>((resolve) => {
    this.#end = resolve
  })
  #starting: Promise<unknown> | undefined
  #replacing = false
  /** Executors that are ending: they were replaced and have work to finish, or the place is being closed. */
  readonly #retiring = new Set<Promise<void>>()
  /** Executors replaced while they lived. */
  replaced = 0

  constructor(options: SlotOptions) {
    this.#options = options
    const { clock, restart, rest } = options
    this.#actor = actor('executor', () => this.#begin(), {
      clock,
      restart,
      rest,
      onCrash: (error, final) => this.#down(asLost(error), final),
    })
    // Never within the caller: its owner may still be under construction.
    queueMicrotask(() => this.#actor.start())
  }

  /** The executor in it; undefined while it is being started or waits for its restart, and after its end. */
  get up(): Up | undefined {
    return this.#up
  }

  /** Whether a fresh executor is being started for one that lives. */
  get replacing(): boolean {
    return this.#replacing
  }

  /** Whether it was given up: it stays empty until it has rested. */
  get failed(): boolean {
    return this.#actor.givenUp
  }

  /** Executors started after the first, for one that died. */
  get restarts(): number {
    return this.#actor.restarts
  }

  /** Tells that this executor is lost; known already or long replaced is fine. */
  lost(executor: Executor, error: ExecutorLost): void {
    if (this.#up?.executor === executor) this.#actor.crash(error)
  }

  /** Ends the executor at once and replaces it, as if it had died. */
  kill(reason: string): void {
    const executor = this.#up?.executor
    if (executor === undefined) return
    executor.kill()
    this.#actor.crash(new ExecutorLost(`Executor ${executor.id} was killed: ${reason}. Its place gets a new one.`))
  }

  /** Ends the executor, letting its run finish for at most `within` ms, and fills the place no more. */
  async close(within: number): Promise<void> {
    this.#closed = true
    this.#end()
    await Promise.all([this.#actor.stop(within), this.#starting?.catch(() => {})])
    await Promise.all(this.#retiring)
  }

  /**
   * Puts a fresh executor into the place of a living one, without a gap: the old one is followed when the new one is
   * ready, finishes what it has, for at most `within` ms, and is closed. One that cannot be started changes nothing.
   */
  replace(old: Up, within: number): void {
    if (this.#replacing || this.#closed || this.#up !== old) return
    this.#replacing = true
    // Refused where the place has just been given up: then there is nothing to replace.
    this.#actor.tell({ old, within }).catch(() => {
      this.#replacing = false
    })
  }

  async #begin(): Promise<Behaviour<Replace, void>> {
    const starting = this.#options.start()
    this.#starting = starting
    const executor = await starting
    if (this.#closed) this.#retire(executor.close())
    else this.#fill(executor)
    return {
      receive: (replace) => this.#follow(replace),
      stop: (within) => {
        const up = this.#up
        this.#up = undefined
        // One that was lost has nothing left to close.
        if (up !== undefined) this.#retire(up.executor.close(within))
      },
    }
  }

  async #follow({ old, within }: Replace): Promise<void> {
    let executor: Executor
    try {
      const starting = this.#options.start()
      this.#starting = starting
      executor = await starting
    } catch {
      return
    } finally {
      this.#replacing = false
    }
    if (this.#closed || this.#up !== old) return this.#retire(executor.close())
    this.replaced += 1
    this.#options.onReplaced(old)
    this.#fill(executor)
    this.#retire(this.#finish(old, within))
  }

  async #finish({ lane, executor }: Up, ms: number): Promise<void> {
    await within(Promise.race([lane.idle(), executor.lost, this.#ending]), ms, this.#options.clock)
    await executor.close(this.#closed ? undefined : 0)
  }

  #retire(ending: Promise<void>): void {
    const retiring = ending.finally(() => this.#retiring.delete(retiring))
    this.#retiring.add(retiring)
  }

  #fill(executor: Executor): void {
    const { clock, onUp } = this.#options
    this.#up = { executor, residency: new Residency(executor), lane: new Lane(), since: clock.now() }
    executor.lost.then((error) => this.lost(executor, error))
    onUp(this.#up)
  }

  #down(error: ExecutorLost, final: boolean): void {
    const up = this.#up
    this.#up = undefined
    if (!this.#closed) this.#options.onDown(error, final, up)
  }
}

function asLost(error: unknown): ExecutorLost {
  if (error instanceof ExecutorLost) return error
  return new ExecutorLost(`An executor did not start: ${error}. Look at the cause.`, { cause: error })
}
