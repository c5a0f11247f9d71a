import type { Clock } from '../clock.ts'
import type { Message } from '../message.ts'

/** So many pass one at a time first: as many as a device has in flight by default. */
const alone = 8

/** A suspect's turn. */
export interface SuspectTurn {
  /** No other suspect was under way at any time: what it cost is its own fault. */
  readonly alone: boolean
  /** @param cost whether it cost another node or executor */
  end(cost: boolean): void
}

/**
 * Messages that have cost a node or an executor: with the one that did it, all died that were there. They are tried again one
 * at a time; when several have passed two at once, four, … as long as none costs another: so the innocent are soon through, and
 * the other one is found.
 */
export class SuspectLane {
  readonly #clock: Clock
  /** Suspects that have passed since one cost something. */
  #passed = 0
  readonly #under = new Set<{ alone: boolean }>()
  readonly #waiting: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves when it is this one's turn; undefined when its time is over, or nobody waits for it any longer. */
  async enter(message: Message): Promise<SuspectTurn | undefined> {
    const over = () => message.cancellation?.cancelled === true || this.#clock.now() >= message.expires
    while (this.#under.size >= this.#width()) {
      await this.#room(message)
      if (over()) {
        this.#next()
        return undefined
      }
    }
    const turn = { alone: this.#under.size === 0 }
    if (!turn.alone) for (const other of this.#under) other.alone = false
    this.#under.add(turn)
    return {
      get alone() {
        return turn.alone
      },
      end: (cost) => {
        if (!this.#under.delete(turn)) return
        this.#passed = cost || (this.#under.size === 0 && this.#waiting.length === 0) ? 0 : this.#passed + 1
        this.#next()
      },
    }
  }

  #room({ cancellation, expires }: Message): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        timer.cancel()
        cancellation?.unlisten(go)
        const at = this.#waiting.indexOf(go)
        if (at >= 0) this.#waiting.splice(at, 1)
        resolve()
      }
      const timer = this.#clock.after(Math.max(0, expires - this.#clock.now()), go)
      this.#waiting.push(go)
      cancellation?.listen(go)
    })
  }

  #width(): number {
    return 2 ** Math.min(10, Math.max(0, this.#passed - alone + 1))
  }

  #next(): void {
    for (const go of this.#waiting.slice(0, Math.max(0, this.#width() - this.#under.size))) go()
  }
}
