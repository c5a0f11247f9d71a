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
  gone: boolean
  timer: Timer | undefined
}

/** One direction of an emulated link: what is sent queues at a bottleneck, then travels. Nothing is lost. */
export class Direction {
  readonly #clock: Clock
  /** When the shape in use was opened: a trace begins there. */
  #opened: number
  #shape: DirectionShape
  #bottleneck: Bottleneck
  /** What has not left the bottleneck, in order; what travels is with its timer alone. */
  readonly #queue: Piece[] = []
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
    const piece: Piece = { bytes, arrived, left, leaves: 0, gone: false, timer: undefined }
    this.#queue.push(piece)
    this.#queued += bytes
    this.#schedule(piece)
  }

  /** The link is like this from now on: what has not left yet queues anew, what travels arrives as it would have. */
  use(shape: DirectionShape): void {
    this.#shape = shape
    this.#opened = this.#clock.now()
    this.#bottleneck = shape.rate.open()
    for (const piece of this.#queue) {
      this.#forget(piece.timer)
      this.#schedule(piece)
    }
  }

  /** Forgets all that is on its way. */
  close(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#queue.length = 0
    this.#queued = 0
  }

  #schedule(piece: Piece): void {
    const now = this.#clock.now()
    const begin = this.#opened - (this.#shape.from ?? 0)
    piece.leaves = begin + this.#bottleneck.send(now - begin, piece.bytes)
    piece.timer = undefined
    // A dead link holds what it has until it is like something else.
    if (piece.leaves === Number.POSITIVE_INFINITY) return
    if (piece.leaves <= now && this.#queue[0] === piece) this.#leave(piece)
    else piece.timer = this.#after(piece.leaves - now, () => this.#leave(piece))
  }

  #leave(piece: Piece): void {
    // Pieces leave in order, and timers of one moment fire in order: it is the first.
    this.#queue.shift()
    this.#queued -= piece.bytes
    this.#passed += piece.bytes
    piece.left?.()
    const { delay = 0, overtake = false } = this.#shape
    const now = this.#clock.now()
    let due = now + (typeof delay === 'number' ? delay : delay(piece.bytes))
    if (!overtake) {
      due = Math.max(due, this.#latest)
      this.#latest = due
    }
    if (due <= now) piece.arrived()
    else this.#after(due - now, piece.arrived)
  }

  #after(ms: number, then: () => void): Timer {
    const timer = this.#clock.after(
      ms,
      () => {
        this.#timers.delete(timer)
        then()
      },
      { background: true },
    )
    this.#timers.add(timer)
    return timer
  }

  #forget(timer: Timer | undefined): void {
    if (!timer) return
    timer.cancel()
    this.#timers.delete(timer)
  }
}
