import { type Clock, DeadlineExceeded, type Timer } from '../../../pipeline/index.ts'

interface Wish {
  readonly key: string
  reached(): boolean
  resolve(): void
  reject(error: Error): void
  readonly timer: Timer
}

/** Those who wait until something about a model is so: that it is loaded often enough, or has ended. */
export class Wishes {
  readonly #clock: Clock
  #wishes: Wish[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * @param reached looked at after each turn
   * @throws DeadlineExceeded with this sentence after `within` ms · what `fail` or `end` was told
   */
  until(key: string, within: number, late: string, reached: () => boolean): Promise<void> {
    if (reached()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(within, () => {
        this.#wishes = this.#wishes.filter((other) => other !== wish)
        reject(new DeadlineExceeded(late))
      })
      const wish = { key, reached, resolve, reject, timer }
      this.#wishes.push(wish)
    })
  }

  /** Tells those whose wish has come true. */
  look(): void {
    if (this.#wishes.length === 0) return
    this.#end(
      ({ reached }) => reached(),
      ({ resolve }) => resolve(),
    )
  }

  /** It cannot come true for this model, as things stand. */
  fail(key: string, error: Error): void {
    this.#end(
      (wish) => wish.key === key,
      ({ reject }) => reject(error),
    )
  }

  /** None can come true any more. */
  end(error: Error): void {
    this.#end(
      () => true,
      ({ reject }) => reject(error),
    )
  }

  #end(which: (wish: Wish) => boolean, how: (wish: Wish) => void): void {
    const ended = this.#wishes.filter(which)
    this.#wishes = this.#wishes.filter((wish) => !ended.includes(wish))
    for (const wish of ended) {
      wish.timer.cancel()
      how(wish)
    }
  }
}
