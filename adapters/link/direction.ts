import type { Clock, Timer } from '../../pipeline/index.ts'
import type { Bottleneck, Rate } from './rate.ts'

/** How one direction of a link behaves. */
export interface DirectionShape {
  readonly rate: Rate
  /** ms on the way besides, one way; or what so many bytes take. Default 0. */
  readonly delay?: number | ((bytes: number) => number)
  /** Where in the rate's trace it begins, ms. Default 0. */
  readonly from?: number
  /** Whether what was sent later may arrive sooner. Default false, as on TCP. */
  readonly overtake?: boolean
}

interface Piece {
  readonly bytes: number
  readonly arrived: () => void
  readonly left: (() => void) | undefined
  /** When its last byte leaves the bottleneck; Infinity while the link is dead. */
  leaves: number
}

/** What has left the bottleneck and is not there yet. */
interface Travelling {
  readonly due: number
  readonly arrived: () => void
}

/** What is due within this is due, ms: sums of times round. */
const exact = 1e-6

/** One direction of an emulated link: what is sent queues at a bottleneck, then travels. Nothing is lost. */
export class Direction {
  readonly #clock: Clock
  /** When the shape in use was opened: a trace begins there. */
  #opened: number
  #shape: DirectionShape
  #bottleneck: Bottleneck
  /** What has not left the bottleneck, and what travels in order. Timers of a real clock fire in no sure order: one waits for each head. */
  readonly #queue: Piece[] = []
  readonly #way: Travelling[] = []
  #leaving: Timer | undefined
  #arriving: Timer | undefined
  /** Of what may overtake. */
  readonly #timers = new Set<Timer>()
  #latest = 0
  #queued = 0
  #passed = 0

  constructor(clock: Clock, shape: DirectionShape) {
    this.#clock = clock
    this.#shape = shape
    this.#opened = clock.now()
    this.#bottleneck = shape.rate.open()
  }

  /** Bytes that have not left the bottleneck. */
  get queued(): number {
    return this.#queued
  }

  /** Bytes that have left the bottleneck so far. */
  get passed(): number {
    return this.#passed
  }

  /** Queues bytes. `left` is called when they have passed the bottleneck, `arrived` when they are at the other end. */
  send(bytes: number, arrived: () => void, left?: () => void): void {
    const piece: Piece = { bytes, arrived, left, leaves: 0 }
    this.#queue.push(piece)
    this.#queued += bytes
    this.#schedule(piece)
    if (this.#queue[0] === piece) this.#leave()
  }

  /** The link is like this from now on: what has not left yet queues anew, what travels arrives as it would have. */
  use(shape: DirectionShape): void {
    this.#shape = shape
    this.#opened = this.#clock.now()
    this.#bottleneck = shape.rate.open()
    for (const piece of this.#queue) this.#schedule(piece)
    this.#leave()
  }

  /** Forgets all that is on its way. */
  close(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#leaving?.cancel()
    this.#arriving?.cancel()
    this.#queue.length = 0
    this.#way.length = 0
    this.#queued = 0
  }

  #schedule(piece: Piece): void {
    const begin = this.#opened - (this.#shape.from ?? 0)
    piece.leaves = begin + this.#bottleneck.send(this.#clock.now() - begin, piece.bytes)
  }

  /** Lets leave what is due, in order, and waits for the next. */
  #leave(): void {
    this.#leaving?.cancel()
    for (let piece = this.#queue[0]; piece; piece = this.#queue[0]) {
      const wait = piece.leaves - this.#clock.now()
      // A dead link holds what it has until it is like something else.
      if (wait === Number.POSITIVE_INFINITY) return
      if (wait > exact) {
        // Whoever was called may have sent, and set one already.
        this.#leaving?.cancel()
        this.#leaving = this.#after(wait, () => this.#leave())
        return
      }
      this.#queue.shift()
      this.#queued -= piece.bytes
      this.#passed += piece.bytes
      piece.left?.()
      this.#travel(piece)
    }
  }

  #travel({ bytes, arrived }: Piece): void {
    const { delay = 0, overtake = false } = this.#shape
    const now = this.#clock.now()
    const due = now + (typeof delay === 'number' ? delay : delay(bytes))
    if (overtake) {
      if (due - now <= exact) return arrived()
      const timer = this.#after(due - now, () => {
        this.#timers.delete(timer)
        arrived()
      })
      this.#timers.add(timer)
      return
    }
    this.#latest = Math.max(this.#latest, due)
    this.#way.push({ due: this.#latest, arrived })
    if (this.#way.length === 1) this.#arrive()
  }

  /** Lets arrive what is due, in order, and waits for the next. */
  #arrive(): void {
    for (let next = this.#way[0]; next; next = this.#way[0]) {
      const wait = next.due - this.#clock.now()
      if (wait > exact) {
        this.#arriving?.cancel()
        this.#arriving = this.#after(wait, () => this.#arrive())
        return
      }
      this.#way.shift()
      next.arrived()
    }
  }

  #after(ms: number, then: () => void): Timer {
    return this.#clock.after(ms, then, { background: true })
  }
}
