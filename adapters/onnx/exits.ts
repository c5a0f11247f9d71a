/** What the threads of a process and the thread that ends it share: calls into the runtime under way, and the end. */
const [busy, ending] = [0, 1]

/** Longest that the end of the process waits for runs under way, ms. */
const patience = 60_000

let shared: Int32Array | undefined

/**
 * Memory for `CallGate`s of threads of this process. Node ends threads in the middle of a call into the runtime, which then
 * aborts the process (exit code 134) as soon as the call is over. So the end of the process, by `process.exit()` or
 * by an error that nobody caught, begins no further call and waits for those under way, which keeps its exit code.
 */
export function exitsWaitForCalls(): Int32Array {
  if (shared === undefined) {
    const state = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
    shared = state
    process.once('exit', () => {
      Atomics.store(state, ending, 1)
      const until = performance.now() + patience
      while (true) {
        const calls = Atomics.load(state, busy)
        const left = until - performance.now()
        if (calls === 0 || left <= 0) return
        Atomics.wait(state, busy, calls, left)
      }
    })
  }
  return shared
}

/** A thread's door to the runtime. */
export class CallGate {
  readonly #state: Int32Array

  /** @param state what `exitsWaitForCalls()` gave */
  constructor(state: Int32Array) {
    this.#state = state
  }

  /** Makes a call that the end of the process waits for; once the process ends, none is begun, and none settles. */
  async call<T>(make: () => Promise<T>): Promise<T> {
    Atomics.add(this.#state, busy, 1)
    try {
      // Counted first: whoever ends the process sees the count, or this sees the end.
      if (Atomics.load(this.#state, ending) === 0) return await make()
    } finally {
      Atomics.sub(this.#state, busy, 1)
      Atomics.notify(this.#state, busy)
    }
    return new Promise(() => {})
  }
}
