import { type Clock, sleep } from './clock.ts'

/** Writes one line about a fault nobody else listens for. */
export function warnOfFault(error: Error): void {
  console.warn(`${error.name}: ${error.message}`)
}

/** A listener for faults that may itself throw: what it throws becomes a warning, for a transport must read on. */
export function guardedFault(listener: (error: Error) => void = warnOfFault): (error: Error) => void {
  return (error) => {
    try {
      listener(error)
    } catch (cause) {
      warnOfFault(error)
      warnOfFault(cause instanceof Error ? cause : new Error(String(cause)))
    }
  }
}

/** Runs the handlers of one subscription and knows how many have not settled: what drain and bounds are built on. */
export class Settlement {
  #running = 0
  #idle: (() => void)[] = []

  /** Handlers started and not settled. */
  get running(): number {
    return this.#running
  }

  /**
   * Calls a handler; `settled` hears once how it ended: without a value when it returned or fulfilled, else with what
   * it threw or rejected with. A handler that returns at once costs no promise.
   */
  run<T>(handler: (value: T) => unknown, value: T, settled: (error?: unknown) => void): void {
    let outcome: unknown
    try {
      outcome = handler(value)
    } catch (error) {
      settled(error ?? new Error('thrown without a value'))
      return
    }
    if (!isThenable(outcome)) {
      settled()
      return
    }
    this.#running++
    outcome.then(
      () => this.#end(settled, undefined),
      (error: unknown) => this.#end(settled, error ?? new Error('rejected without a value')),
    )
  }

  /** Resolves when nothing runs. */
  idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  #end(settled: (error?: unknown) => void, error: unknown): void {
    this.#running--
    try {
      settled(error)
    } finally {
      if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve()
    }
  }
}

/** Whether the work ended within `ms`; a rejection of the work passes through, the timer never outlives the answer. */
export async function within(work: Promise<unknown>, ms: number, clock: Clock): Promise<boolean> {
  const over = new AbortController()
  const late = sleep(clock, ms, over.signal).then(
    () => false,
    () => false,
  )
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    over.abort()
  }
}

/** Whether a value is there later. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
