import { BadConfiguration } from '../../pipeline/index.ts'
import { firstAbove } from './search.ts'

/** How fast one direction of a link carries bytes, over time. Times are ms from when the link was opened. */
export interface Rate {
  /** For people: `12 Mbit/s`, `trace LTE`. */
  readonly name: string
  /** Over a whole period, bit/s. */
  readonly mean: number
  /** ms after which it begins anew; Infinity: it is always the same. */
  readonly period: number
  /** A bottleneck of this rate with its own queue, empty. */
  open(): Bottleneck
}

/** A queue with one server: what is sent leaves in order, as fast as the rate allows. */
export interface Bottleneck {
  /**
   * Queues bytes at a time, which must not go back.
   * @returns when the last of them has left, ms; Infinity when the rate stays at 0 for good
   */
  send(at: number, bytes: number): number
  /** When what was queued so far has left, ms. */
  readonly free: number
}

/** Bytes of one delivery opportunity in a mahimahi trace: an MTU with its Ethernet overhead. */
export const opportunityBytes = 1504

/** Always the same; Infinity: no bottleneck at all. @throws BadConfiguration it is not above 0 */
export function constantRate(bitsPerSecond: number): Rate {
  if (!(bitsPerSecond > 0)) throw new BadConfiguration(`A rate must be above 0 bit/s, not ${bitsPerSecond}.`)
  const perByte = 8000 / bitsPerSecond
  return {
    name: Number.isFinite(bitsPerSecond) ? `${Number((bitsPerSecond / 1e6).toPrecision(3))} Mbit/s` : 'no bottleneck',
    mean: bitsPerSecond,
    period: Number.POSITIVE_INFINITY,
    open() {
      let free = 0
      return {
        get free() {
          return free
        },
        send(at, bytes) {
          free = Math.max(free, at) + bytes * perByte
          return free
        },
      }
    },
  }
}

/** Nothing passes. */
export const deadRate: Rate = {
  name: 'dead',
  mean: 0,
  period: Number.POSITIVE_INFINITY,
  open: () => ({
    free: Number.POSITIVE_INFINITY,
    send: () => Number.POSITIVE_INFINITY,
  }),
}

/**
 * Delivery opportunities, as mahimahi records and replays them (Netravali et al., ATC'15): at each of the times up to
 * 1,504 bytes leave, from as many messages as are queued; an opportunity that finds nothing queued is lost. Behind the
 * last one the trace begins anew.
 * @param times ms, not falling; several of one time are several opportunities
 * @throws BadConfiguration none, or times that fall or that all are 0
 */
export function opportunities(times: ArrayLike<number>, name = 'opportunities'): Rate {
  const count = times.length
  const period = count === 0 ? 0 : (times[count - 1] as number)
  if (!(period > 0)) throw new BadConfiguration(`Trace "${name}" has no delivery opportunity after 0 ms.`)
  const own = Float64Array.from(times)
  for (let i = 0; i < count; i++) {
    const time = own[i] as number
    if (!(time >= (i === 0 ? 0 : (own[i - 1] as number)))) {
      throw new BadConfiguration(`Trace "${name}" goes back in time at its opportunity ${i + 1}.`)
    }
  }
  /** When opportunity n of the endless repetition comes. */
  const timeOf = (n: number) => Math.floor(n / count) * period + (own[n % count] as number)
  /** The first opportunity behind a time. */
  const firstAfter = (at: number) => {
    const round = Math.floor(at / period)
    return round * count + firstAbove(own, at - round * period)
  }
  return {
    name,
    mean: (count * opportunityBytes * 8000) / period,
    period,
    open() {
      let next = 0
      /** Bytes that still fit into the opportunity before `next`. */
      let left = 0
      let free = 0
      return {
        get free() {
          return free
        },
        send(at, bytes) {
          if (at >= free) {
            // Nobody was there to use what has gone by.
            next = Math.max(next, firstAfter(at))
            left = 0
          }
          const further = bytes - left
          if (further <= 0) {
            left -= bytes
            return free
          }
          const whole = Math.ceil(further / opportunityBytes)
          next += whole
          left = whole * opportunityBytes - further
          free = timeOf(next - 1)
          return free
        },
      }
    },
  }
}

/** A rate from a moment on. */
export interface RateStep {
  /** ms from the trace's begin. */
  readonly at: number
  /** bit/s, 0: nothing passes. */
  readonly bitsPerSecond: number
}

/**
 * A rate that changes in steps, each of which holds until the next; the last holds as long as the one before it, then
 * the trace begins anew.
 * @throws BadConfiguration fewer than two steps, times that do not rise, or nothing ever passes
 */
export function steps(given: readonly RateStep[], name = 'steps'): Rate {
  const count = given.length
  if (count < 2) throw new BadConfiguration(`Trace "${name}" needs two lines or more.`)
  const origin = (given[0] as RateStep).at
  const starts = Float64Array.from(given, ({ at }) => at - origin)
  const period = 2 * (starts[count - 1] as number) - (starts[count - 2] as number)
  /** Bytes that have passed by the begin of each step, and by the end of the period. */
  const passed = new Float64Array(count + 1)
  for (let i = 0; i < count; i++) {
    const from = starts[i] as number
    const end = i + 1 < count ? (starts[i + 1] as number) : period
    const { bitsPerSecond } = given[i] as RateStep
    if (!(end > from) || !(bitsPerSecond >= 0) || !Number.isFinite(bitsPerSecond)) {
      throw new BadConfiguration(`Trace "${name}", line ${i + 1}: times must rise, rates be 0 or more.`)
    }
    passed[i + 1] = (passed[i] as number) + ((end - from) * bitsPerSecond) / 8000
  }
  const total = passed[count] as number
  if (!(total > 0)) throw new BadConfiguration(`In trace "${name}" nothing ever passes.`)
  const passedBy = (at: number) => {
    const round = Math.floor(at / period)
    const within = at - round * period
    const step = Math.max(0, firstAbove(starts, within) - 1)
    const rate = (given[step] as RateStep).bitsPerSecond / 8000
    return round * total + (passed[step] as number) + (within - (starts[step] as number)) * rate
  }
  /** The first moment by which so many bytes have passed. */
  const when = (bytes: number) => {
    // The very last byte of a period belongs to its end, not to the next one's begin.
    const round = Math.max(0, Math.ceil(bytes / total) - 1)
    const within = bytes - round * total
    // The step during which it passes: the first whose end has reached as much.
    let step = firstAbove(passed, within) - 1
    while (step > 0 && (passed[step] as number) >= within) step--
    const rate = (given[step] as RateStep).bitsPerSecond / 8000
    const rest = within - (passed[step] as number)
    return round * period + (starts[step] as number) + (rate > 0 ? rest / rate : 0)
  }
  return {
    name,
    mean: (total * 8000) / period,
    period,
    open() {
      let free = 0
      return {
        get free() {
          return free
        },
        send(at, bytes) {
          const from = Math.max(free, at)
          free = bytes > 0 ? Math.max(from, when(passedBy(from) + bytes)) : from
          return free
        },
      }
    },
  }
}
