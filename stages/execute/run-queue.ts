import { type Place, Shares } from '../../pipeline/index.ts'
import { DeadlineQueue, type Line, type Waiting } from './queue.ts'

/** Something that waits for a run, and is somebody's. */
export interface Owned extends Waiting {
  /** Whose share of the executors it takes. */
  readonly owner: string
}

/**
 * What waits for executors, of which each owner gets its share of the time (`Shares`). Whose run is next is decided by the
 * shares, which of its runs by deadlines.
 */
export class RunQueue<T extends Owned> {
  readonly #shares: Shares
  /** Of each owner for whom something waits. */
  readonly #queues = new Map<string, DeadlineQueue<T>>()
  #length = 0

  /** @param executors how many there are · @param now the pool's clock, ms */
  constructor(executors: number, now: () => number) {
    this.#shares = new Shares(executors, now)
  }

  get length(): number {
    return this.#length
  }

  /** Everything, owner by owner. */
  *[Symbol.iterator](): Generator<T> {
    for (const queue of this.#queues.values()) yield* queue
  }

  add(item: T): void {
    const { owner } = item
    let queue = this.#queues.get(owner)
    if (queue === undefined) {
      queue = new DeadlineQueue()
      this.#queues.set(owner, queue)
    }
    queue.add(item)
    this.#shares.wait(owner, item.expires ?? Infinity)
    this.#length++
  }

  /** @returns whether it was waiting */
  remove(item: T): boolean {
    const { owner } = item
    const queue = this.#queues.get(owner)
    if (!queue?.remove(item)) return false
    if (queue.length === 0) this.#queues.delete(owner)
    this.#shares.leave(owner)
    this.#length--
    return true
  }

  /** The owner who is served next, but for some. @returns what waits for it, the model of its most urgent item first */
  next(but: ReadonlySet<string>): { readonly owner: string; readonly lines: readonly Line<T>[] } | undefined {
    return this.#shares.next(this.#owners(but))
  }

  /** What waits for one model. */
  *of(key: string): Generator<T> {
    for (const queue of this.#queues.values()) yield* queue.of(key)
  }

  /** What waits for the model of an item and could go with it: its owner's, then one of each other owner in turn, the most urgent first. */
  *company({ owner, model }: T): Generator<T> {
    yield* this.#queues.get(owner)?.of(model.key) ?? []
    const others = [...this.#queues].flatMap(([each, queue]) => (each === owner ? [] : [queue.of(model.key)]))
    const longest = Math.max(0, ...others.map(({ length }) => length))
    for (let at = 0; at < longest; at++) {
      for (const items of others) if (at < items.length) yield items[at] as T
    }
  }

  /** Items of each owner and model that are due at `expires` or before. */
  *due(expires: number): Generator<{ readonly owner: string; readonly key: string; readonly count: number }> {
    for (const [owner, queue] of this.#queues) {
      for (const { key, count } of queue.due(expires)) yield { owner, key, count }
    }
  }

  /**
   * Who leaves when one that has just come is too many: the last of the owner for whom most waits, itself where that is its
   * own owner, or nobody has more.
   * @param model only what waits for that one counts
   */
  tooMany(item: T, model?: string): T {
    const waiting = (queue: DeadlineQueue<T> | undefined) =>
      (model === undefined ? queue?.length : queue?.of(model).length) ?? 0
    let most = waiting(this.#queues.get(item.owner))
    let leaves = item
    for (const queue of this.#queues.values()) {
      if (waiting(queue) <= most) continue
      most = waiting(queue)
      leaves = (model === undefined ? queue.lines.at(-1)?.items : queue.of(model))?.at(-1) as T
    }
    return leaves
  }

  /** Items are being run together; each owner's share of that is taken until it has ended. */
  hold(items: readonly T[]): readonly Place[] {
    const counts = new Map<string, number>()
    for (const { owner } of items) counts.set(owner, (counts.get(owner) ?? 0) + 1)
    return [...counts].map(([owner, count]) => this.#shares.hold(owner, count / items.length))
  }

  /** The run has ended. */
  end(places: readonly Place[]): void {
    for (const place of places) this.#shares.end(place)
  }

  *#owners(but: ReadonlySet<string>) {
    for (const [owner, { lines }] of this.#queues) {
      if (!but.has(owner)) yield { owner, lines, expires: lines[0]?.items[0]?.expires ?? Infinity }
    }
  }
}
