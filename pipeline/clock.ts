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
  /**
   * Calls `then` once all else that is due has had its turn, in the order of the calls. Default: `setImmediate`; a clock
   * whose time passes by itself has to know of it, for until then no time has passed.
   */
  yield?(then: () => void): void
}

/** Calls `then` once all else that is due has had its turn, in the order of the calls. */
export const behindOthers: (then: () => void) => void =
  (globalThis as { setImmediate?: (then: () => void) => void }).setImmediate ?? overChannel()

/** Browsers have no `setImmediate`, and hold timers back: by 4 ms when one sets the next, by a second out of sight. */
function overChannel(): (then: () => void) => void {
  const { port1, port2 } = new MessageChannel()
  const waiting: (() => void)[] = []
  Object.assign(port1, { onmessage: () => waiting.shift()?.() })
  return (then) => {
    waiting.push(then)
    port2.postMessage(undefined)
  }
}

/** Calls `then` behind what else is to be done now: whoever does much in a row lets others go first, now and then. */
export function yieldTo(clock: Clock, then: () => void): void {
  if (clock.yield) clock.yield(then)
  else behindOthers(then)
}

/** The machine's monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, then, options) {
    const timer = setTimeout(then, ms)
    // Browsers give numbers: a page stays open whatever it waits for.
    if (options?.background) (timer as unknown as { unref?: () => void }).unref?.()
    return { cancel: () => clearTimeout(timer) }
  },
}

/** Resolves after `ms` on the given clock, or rejects with the signal's reason when aborted before. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (!signal) return new Promise((resolve) => clock.after(ms, resolve))
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const timer = clock.after(ms, () => {
      signal.removeEventListener('abort', abort)
      resolve()
    })
    const abort = () => {
      timer.cancel()
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
  })
}
