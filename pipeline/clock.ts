/** A timer that was set. */
export interface Timer {
  cancel(): void
}

/** Where time and waiting come from; injected, so that tests and simulations own it. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary origin. Only differences mean anything. */
  now(): number
  /** Calls `then` once after `ms`. A pending timer does not keep the process alive when `background`. */
  after(ms: number, then: () => void, options?: { background?: boolean }): Timer
}

/** The machine's monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, then, options) {
    const timer = setTimeout(then, ms)
    if (options?.background) timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}

/** Resolves after `ms` on the given clock, or rejects with the signal's reason when aborted before. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    const abort = () => {
      timer.cancel()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
  })
}
