import type { Clock, Timer } from '../clock.ts'
import { assertPattern, matchesPattern } from '../patterns.ts'
import type { Parts } from '../transport.ts'
import { totalBytes, written } from '../wire/frame.ts'

/** Where on its way a message meets a fault: leaving this transport, or arriving at it. */
export type FaultPoint = 'publish' | 'request' | 'reply' | 'delivery' | 'answer'

/** What happens to the messages of some subjects. The first fault of a list that fits a message is the one it meets. */
export interface Fault {
  /** Whose messages: a pattern on the subject that was published or asked. Default: `>`, all. */
  readonly subject?: string
  /**
   * `publish`, `request` and a handler's `reply` leave; a `delivery` to a handler and an `answer` to a request arrive.
   * Default: all that leave.
   */
  readonly at?: readonly FaultPoint[]
  /** Share of messages that vanish, 0…1. */
  readonly drop?: number
  /** Share of messages that come twice, 0…1. */
  readonly duplicate?: number
  /** Share of messages with one byte changed, 0…1; the sender's own bytes are never touched. */
  readonly corrupt?: number
  /** Milliseconds on the way: always as many, or anything between two. */
  readonly delay?: number | readonly [number, number]
  /** Whether a later message may overtake one that is delayed longer. Default: order is kept. */
  readonly reorder?: boolean
  /** Bytes per second that pass; what comes faster queues. */
  readonly bytesPerSecond?: number
}

/** What was done to messages so far. */
export interface FaultCounts {
  /** Left or arrived unharmed, at once or late. */
  passed: number
  dropped: number
  duplicated: number
  corrupted: number
  delayed: number
  /** Lost because the connection was cut while they were on their way. */
  cut: number
}

interface Lane {
  readonly fault: Fault
  /** When the last byte that was let in will be through. */
  free: number
  /** When the last message will arrive. */
  due: number
}

const leaving: readonly FaultPoint[] = ['publish', 'request', 'reply']

/** Lets messages pass, late, twice, changed or not at all. Each fault is a line of its own, with its own queue. */
export class FaultyLink {
  readonly counts: FaultCounts = { passed: 0, dropped: 0, duplicated: 0, corrupted: 0, delayed: 0, cut: 0 }
  readonly #clock: Clock
  readonly #random: () => number
  readonly #underway = new Set<Timer>()
  #lanes: Lane[] = []

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  /** Takes these faults from now on; what is on its way stays so. */
  use(faults: readonly Fault[]): void {
    for (const fault of faults) assertPattern(fault.subject ?? '>')
    this.#lanes = faults.map((fault) => ({ fault, free: 0, due: 0 }))
  }

  /** Calls `arrive` as often, as late and with what the faults leave of the data: at once and once without any. */
  pass(at: FaultPoint, subject: string, handed: Parts, arrive: (data: Parts) => void): void {
    // What faults are done to are bytes.
    const data = written(handed)
    const lane = this.#lanes.find(({ fault }) => applies(fault, at, subject))
    if (!lane) {
      this.#arrived(data, arrive)
      return
    }
    const { fault } = lane
    if (this.#happens(fault.drop)) {
      this.counts.dropped++
      return
    }
    const twice = this.#happens(fault.duplicate)
    if (twice) this.counts.duplicated++
    for (let copy = 0; copy < (twice ? 2 : 1); copy++) {
      const sent = this.#happens(fault.corrupt) ? this.#corrupted(data) : data
      this.#travel(lane, sent, arrive)
    }
  }

  /** Loses all that is on its way. */
  cut(): void {
    this.counts.cut += this.#underway.size
    for (const timer of this.#underway) timer.cancel()
    this.#underway.clear()
    for (const lane of this.#lanes) {
      lane.free = 0
      lane.due = 0
    }
  }

  #travel(lane: Lane, data: Parts, arrive: (data: Parts) => void): void {
    const now = this.#clock.now()
    const due = this.#due(lane, totalBytes(data), now)
    if (due <= now) {
      this.#arrived(data, arrive)
      return
    }
    this.counts.delayed++
    const timer = this.#clock.after(
      due - now,
      () => {
        this.#underway.delete(timer)
        this.#arrived(data, arrive)
      },
      { background: true },
    )
    this.#underway.add(timer)
  }

  #due(lane: Lane, bytes: number, now: number): number {
    const { bytesPerSecond, reorder } = lane.fault
    if (bytesPerSecond !== undefined) lane.free = Math.max(lane.free, now) + (bytes / bytesPerSecond) * 1000
    const sent = bytesPerSecond === undefined ? now : lane.free
    const due = sent + this.#delay(lane.fault.delay)
    if (reorder) return due
    lane.due = Math.max(lane.due, due)
    return lane.due
  }

  #delay(delay: Fault['delay']): number {
    if (delay === undefined || typeof delay === 'number') return delay ?? 0
    const [least, most] = delay
    return least + this.#random() * (most - least)
  }

  #arrived(data: Parts, arrive: (data: Parts) => void): void {
    this.counts.passed++
    arrive(data)
  }

  #corrupted(data: Parts): Parts {
    const bytes = totalBytes(data)
    if (bytes === 0) return data
    this.counts.corrupted++
    let at = Math.floor(this.#random() * bytes)
    return data.map((part) => {
      const inside = at >= 0 && at < part.byteLength
      const copy = inside ? Uint8Array.from(part) : part
      if (inside) copy[at] = (copy[at] as number) ^ (1 << Math.floor(this.#random() * 8))
      at -= part.byteLength
      return copy
    })
  }

  #happens(share: number | undefined): boolean {
    return share !== undefined && share > 0 && this.#random() < share
  }
}

function applies(fault: Fault, at: FaultPoint, subject: string): boolean {
  return (fault.at ?? leaving).includes(at) && (fault.subject === undefined || matchesPattern(fault.subject, subject))
}
