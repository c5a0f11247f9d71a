/** What a full mailbox does with one more: make the sender wait, let the oldest go, or refuse the new one. */
export type Overflow = 'block' | 'drop-oldest' | 'reject'

export interface MailboxCounts {
  readonly received: number
  readonly dropped: number
  readonly rejected: number
  /** Senders that had to wait. */
  readonly blocked: number
}

/** A bounded first-in-first-out queue; every overflow is counted. */
export class Mailbox<T> {
  readonly capacity: number
  readonly overflow: Overflow
  readonly #queue: T[] = []
  readonly #senders: { readonly item: T; readonly enter: () => void }[] = []
  readonly #onDrop: (item: T) => void
  #received = 0
  #dropped = 0
  #rejected = 0
  #blocked = 0

  /** @param onDrop told of each item that `drop-oldest` lets go */
  constructor(capacity: number, overflow: Overflow, onDrop: (item: T) => void = () => {}) {
    if (!(capacity >= 1)) throw new RangeError(`A mailbox needs room for 1 or more messages, not ${capacity}.`)
    this.capacity = capacity
    this.overflow = overflow
    this.#onDrop = onDrop
  }

  /** `true`: it is in · a promise: it will be in when there is room · `false`: refused. */
  push(item: T): true | false | Promise<void> {
    if (this.#queue.length < this.capacity) {
      this.#enter(item)
      return true
    }
    switch (this.overflow) {
      case 'reject':
        this.#rejected++
        return false
      case 'drop-oldest':
        this.#dropped++
        this.#onDrop(this.#queue.shift() as T)
        this.#enter(item)
        return true
      case 'block':
        this.#blocked++
        return new Promise((resolve) => this.#senders.push({ item, enter: resolve }))
    }
  }

  shift(): T | undefined {
    const item = this.#queue.shift()
    const sender = this.#senders.shift()
    if (sender) {
      this.#enter(sender.item)
      sender.enter()
    }
    return item
  }

  /** Everything in it and everything that waits to get in, oldest first; it is empty afterwards. */
  clear(): T[] {
    const all = [...this.#queue.splice(0), ...this.#senders.map((sender) => sender.item)]
    for (const sender of this.#senders.splice(0)) sender.enter()
    return all
  }

  get length(): number {
    return this.#queue.length
  }

  get counts(): MailboxCounts {
    return { received: this.#received, dropped: this.#dropped, rejected: this.#rejected, blocked: this.#blocked }
  }

  #enter(item: T): void {
    this.#received++
    this.#queue.push(item)
  }
}
