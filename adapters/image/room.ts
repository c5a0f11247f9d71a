import { Cancelled, DeadlineExceeded } from '../../pipeline/index.ts'

interface Waiting {
  readonly bytes: number
  enter(): void
}

/**
 * Memory that several pictures share while they are decoded. The library cannot be called off a picture, so that what is
 * not begun waits here, in line, and leaves at once where nobody wants it any more.
 */
export class Room {
  readonly #bytes: number
  readonly #line: Waiting[] = []
  #used = 0

  /** @param bytes how much there is; a picture that takes more has all of it */
  constructor(bytes: number) {
    this.#bytes = bytes
  }

  /**
   * Does work that takes so many bytes, once there is room; the room is taken until the work has really ended.
   * @param patience how long it may wait, ms
   * @throws Cancelled · DeadlineExceeded while it waits
   */
  async use<T>(bytes: number, patience: number, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    if (signal?.aborted) throw new Cancelled(undefined, { cause: signal.reason })
    const taken = Math.min(bytes, this.#bytes)
    if (this.#line.length > 0 || this.#used + taken > this.#bytes) await this.#turn(taken, patience, signal)
    else this.#used += taken
    try {
      return await work()
    } finally {
      this.#used -= taken
      this.#admit()
    }
  }

  #turn(bytes: number, patience: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const over = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
      }
      const leave = (error: Error) => {
        over()
        this.#line.splice(this.#line.indexOf(waiting), 1)
        reject(error)
        this.#admit()
      }
      const abort = () => leave(new Cancelled(undefined, { cause: signal?.reason }))
      const timer = setTimeout(() => {
        const reason = `The picture waited for ${patience} ms while others were decoded. Send it again later, or raise maxDecoding of imageEngine().`
        leave(new DeadlineExceeded(reason))
      }, patience)
      const waiting: Waiting = {
        bytes,
        enter: () => {
          over()
          resolve()
        },
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#line.push(waiting)
    })
  }

  #admit(): void {
    for (let [first] = this.#line; first && this.#used + first.bytes <= this.#bytes; [first] = this.#line) {
      this.#line.shift()
      this.#used += first.bytes
      first.enter()
    }
  }
}
