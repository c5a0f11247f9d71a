import { type Clock, ExecutorLost, type Timer } from '../../pipeline/index.ts'
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

/** A living executor and what it holds. */
export interface Up {
  readonly executor: Executor
  readonly residency: Residency
}

export interface SlotOptions {
  readonly start: () => Promise<Executor>
  readonly clock: Clock
  readonly restarts: RestartOptions
  /** An executor is ready. */
  readonly onUp: (up: Up) => void
  /** It is gone, or did not start; `final` when the restart budget is spent. */
  readonly onDown: (error: ExecutorLost, final: boolean) => void
}

/** A place for one executor: fills itself, and fills itself again when its executor dies. */
export class Slot {
  readonly #options: SlotOptions
  #up: Up | undefined
  #failed = false
  #closed = false
  #deaths: number[] = []
  #timer: Timer | undefined
  #starting: Promise<void> | undefined
  /** Executors started after the first. */
  restarts = 0

  constructor(options: SlotOptions) {
    this.#options = options
    this.#begin()
  }

  /** The executor in it; undefined while it is being started or waits for its restart, and after its end. */
  get up(): Up | undefined {
    return this.#up
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
    this.#timer?.cancel()
    await this.#starting
    const up = this.#up
    this.#up = undefined
    await up?.executor.close(within)
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
    this.#up = { executor, residency: new Residency(executor) }
    executor.lost.then((error) => this.lost(executor, error))
    this.#options.onUp(this.#up)
  }

  #down(error: ExecutorLost): void {
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
    onDown(error, this.#failed)
  }
}

function asLost(error: unknown): ExecutorLost {
  if (error instanceof ExecutorLost) return error
  return new ExecutorLost(`An executor did not start: ${error}. Look at the cause.`, { cause: error })
}
