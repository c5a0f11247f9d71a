import { type Clock, ExecutorLost, type Timer, within } from '../../pipeline/index.ts'
import { Lane } from './lane.ts'
import type { Executor } from './ports.ts'
import { Residency } from './residency.ts'

/** How often and how fast an executor that died is replaced. */
export interface RestartOptions {
  /** Deaths within `within` milliseconds that are made good; one more and the place stays empty. */
  readonly times: number
  readonly within: number
  /** Wait before the first restart in milliseconds; doubles with each further death in the window, up to 50 times. */
  readonly backoff: number
}

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
  readonly restarts: RestartOptions
  /** An executor is ready. */
  readonly onUp: (up: Up) => void
  /** It is gone, or did not start; `final` when the restart budget is spent. */
  readonly onDown: (error: ExecutorLost, final: boolean, up: Up | undefined) => void
  /** It gets nothing new: another has taken its place, and it is closed as soon as it is done. */
  readonly onReplaced: (up: Up) => void
}

/** A place for one executor: fills itself, and fills itself again when its executor dies. */
export class Slot {
  readonly #options: SlotOptions
  #up: Up | undefined
  #failed = false
  #closed = false
  #end: () => void = () => {}
  readonly #ending = new Promise<void>((resolve) => {
    this.#end = resolve
  })
  #deaths: number[] = []
  #timer: Timer | undefined
  #starting: Promise<void> | undefined
  #replacing: Promise<void> | undefined
  /** Executors that were replaced and have work to finish. */
  readonly #retiring = new Set<Promise<void>>()
  /** Executors started after the first, for one that died. */
  restarts = 0
  /** Executors replaced while they lived. */
  replaced = 0

  constructor(options: SlotOptions) {
    this.#options = options
    this.#begin()
  }

  /** The executor in it; undefined while it is being started or waits for its restart, and after its end. */
  get up(): Up | undefined {
    return this.#up
  }

  /** Whether a fresh executor is being started for one that lives. */
  get replacing(): boolean {
    return this.#replacing !== undefined
  }

  /** Whether it stays empty: the restart budget is spent. */
  get failed(): boolean {
    return this.#failed
  }

  /** Tells that this executor is lost; known already or long replaced is fine. */
  lost(executor: Executor, error: ExecutorLost): void {
    if (this.#up?.executor === executor) this.#down(error)
  }

  /** Ends the executor at once and replaces it, as if it had died. */
  kill(reason: string): void {
    const executor = this.#up?.executor
    if (executor === undefined) return
    executor.kill()
    this.#down(new ExecutorLost(`Executor ${executor.id} was killed: ${reason}. Its place gets a new one.`))
  }

  /** Ends the executor, letting its run finish for at most `within` ms, and fills the place no more. */
  async close(within: number): Promise<void> {
    this.#closed = true
    this.#end()
    this.#timer?.cancel()
    await Promise.all([this.#starting, this.#replacing])
    const up = this.#up
    this.#up = undefined
    await Promise.all([up?.executor.close(within), ...this.#retiring])
  }

  /**
   * Puts a fresh executor into the place of a living one, without a gap: the old one is followed when the new one is
   * ready, finishes what it has, for at most `within` ms, and is closed. One that cannot be started changes nothing.
   */
  replace(old: Up, within: number): void {
    if (this.#replacing !== undefined || this.#closed || this.#up !== old) return
    this.#replacing = this.#follow(old, within).finally(() => {
      this.#replacing = undefined
    })
  }

  async #follow(old: Up, within: number): Promise<void> {
    let executor: Executor
    try {
      executor = await this.#options.start()
    } catch {
      return
    }
    if (this.#closed || this.#up !== old) return executor.close()
    this.replaced += 1
    this.#options.onReplaced(old)
    this.#fill(executor)
    const retiring = this.#retire(old, within).finally(() => this.#retiring.delete(retiring))
    this.#retiring.add(retiring)
  }

  async #retire({ lane, executor }: Up, ms: number): Promise<void> {
    await within(Promise.race([lane.idle(), executor.lost, this.#ending]), ms, this.#options.clock)
    await executor.close(this.#closed ? undefined : 0)
  }

  #begin(): void {
    // Never within the caller: its owner may still be under construction.
    this.#starting = Promise.resolve()
      .then(() => this.#start())
      .finally(() => {
        this.#starting = undefined
      })
  }

  async #start(): Promise<void> {
    let executor: Executor
    try {
      executor = await this.#options.start()
    } catch (error) {
      this.#down(asLost(error))
      return
    }
    if (this.#closed) return executor.close()
    this.#fill(executor)
  }

  #fill(executor: Executor): void {
    const { clock, onUp } = this.#options
    this.#up = { executor, residency: new Residency(executor), lane: new Lane(), since: clock.now() }
    executor.lost.then((error) => this.lost(executor, error))
    onUp(this.#up)
  }

  #down(error: ExecutorLost): void {
    const up = this.#up
    this.#up = undefined
    if (this.#closed) return
    const { clock, restarts, onDown } = this.#options
    const now = clock.now()
    this.#deaths = [...this.#deaths.filter((death) => now - death < restarts.within), now]
    this.#failed = this.#deaths.length > restarts.times
    if (!this.#failed) {
      const wait = restarts.backoff * Math.min(2 ** (this.#deaths.length - 1), 50)
      this.#timer = clock.after(wait, () => {
        this.restarts += 1
        this.#begin()
      })
    }
    onDown(error, this.#failed, up)
  }
}

function asLost(error: unknown): ExecutorLost {
  if (error instanceof ExecutorLost) return error
  return new ExecutorLost(`An executor did not start: ${error}. Look at the cause.`, { cause: error })
}
