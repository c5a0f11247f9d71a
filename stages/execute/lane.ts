import type { Turn } from './turn.ts'

/** Of the memory of past work, ms. */
const halfLife = 30_000

/** What one executor has to do now: the run it makes, one that waits in it, loads asked of it. */
export class Lane {
  readonly #turns: Turn[] = []
  #loads = 0
  #whenEmpty: (() => void)[] = []
  #work = 0
  #worked = 0

  /** Whether it has nothing to do. */
  get empty(): boolean {
    return this.#turns.length === 0 && this.#loads === 0
  }

  /** What it works on, and what waits behind that. */
  get turns(): readonly Turn[] {
    return this.#turns
  }

  /** Whether models are being loaded or are about to. */
  get loading(): boolean {
    return this.#loads > 0
  }

  /** Milliseconds from `now` until it is expected to have nothing to do; runs that were never measured count nothing. */
  left(now: number): number {
    let sum = 0
    for (const { began, usual = 0 } of this.#turns) sum += Math.max(0, usual - (began === undefined ? 0 : now - began))
    return sum
  }

  /** Milliseconds it has worked, of which half are forgotten in each half-minute. */
  work(now: number): number {
    return this.#work * 0.5 ** ((now - this.#worked) / halfLife)
  }

  /** It has worked for `ms`. */
  count(ms: number, now: number): void {
    this.#work = this.work(now) + ms
    this.#worked = now
  }

  add(turn: Turn): void {
    this.#turns.push(turn)
  }

  /** @returns what it can begin with now */
  remove(turn: Turn): Turn | undefined {
    const place = this.#turns.indexOf(turn)
    if (place >= 0) this.#turns.splice(place, 1)
    this.#tell()
    return this.#turns[0]
  }

  /** Keeps it from runs while it loads. */
  async load<T>(loading: () => Promise<T>): Promise<T> {
    this.#loads += 1
    try {
      return await loading()
    } finally {
      this.#loads -= 1
      this.#tell()
    }
  }

  /** Resolves when it has nothing to do. */
  idle(): Promise<void> {
    if (this.empty) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve)
    })
  }

  #tell(): void {
    if (this.empty) for (const tell of this.#whenEmpty.splice(0)) tell()
  }
}
