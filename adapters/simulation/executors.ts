/** An executor: one thing at a time, holding so many models. */
interface Slot {
  free: number
  /** The models it holds, least recently used first. */
  readonly held: string[]
}

/** What became of a piece of work: when it began and how long it loaded, ms. */
export interface Turn {
  began: number
  load: number
  ended: number
}

/** One or more executors with a common queue, first come first served. */
export class Executors {
  readonly #slots: Slot[]
  readonly #holds: number
  readonly #turn: Turn = { began: 0, load: 0, ended: 0 }

  constructor(count: number, holds: number) {
    this.#slots = Array.from({ length: count }, () => ({ free: 0, held: [] }))
    this.#holds = holds
  }

  /**
   * Runs a model from `at` on, on the executor that is free first; of several, on one that holds the model.
   * @param load ms to load it where it is not held; undefined: it is held everywhere
   * @returns reused by the next call
   */
  run(model: string, at: number, load: number | undefined, run: number): Turn {
    const slot = this.#choose(model, at)
    const turn = this.#turn
    turn.began = Math.max(at, slot.free)
    turn.load = load === undefined || this.#hold(slot, model) ? 0 : load
    turn.ended = turn.began + turn.load + run
    slot.free = turn.ended
    return turn
  }

  /** Occupies the executor that is free first, with something that is no model. */
  occupy(at: number, ms: number): Turn {
    return this.run('', at, undefined, ms)
  }

  /** ms until everything that was taken on is done. */
  backlog(at: number): number {
    return this.#slots.reduce((sum, { free }) => sum + Math.max(0, free - at), 0)
  }

  /** ms until the first is done with what it was given. */
  wait(at: number): number {
    return Math.max(0, Math.min(...this.#slots.map(({ free }) => free)) - at)
  }

  #choose(model: string, at: number): Slot {
    let best = this.#slots[0] as Slot
    for (const slot of this.#slots) {
      const sooner = Math.max(at, slot.free) - Math.max(at, best.free)
      if (sooner < 0 || (sooner === 0 && slot.held.includes(model) && !best.held.includes(model))) best = slot
    }
    return best
  }

  /** Whether the model was held; it is from now on. */
  #hold({ held }: Slot, model: string): boolean {
    const at = held.indexOf(model)
    if (at >= 0) held.splice(at, 1)
    held.push(model)
    if (held.length > this.#holds) held.shift()
    return at >= 0
  }
}
