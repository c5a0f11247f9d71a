import type { Link } from '../../pipeline/index.ts'
import { expected } from './duration.ts'
import type { Frame } from './frame.ts'
import type { Scenario } from './scenario.ts'

/** The way up and down as a scenario has it; times are given in the order in which things are sent. */
export interface SimulatedLink {
  /** When what the frame sends at `at` has arrived, ms. */
  up(frame: Frame, at: number): number
  /** When its answer, sent at `at`, has arrived, ms. */
  down(frame: Frame, at: number): number
  /** ms that the way down is expected to take by one who knows how the link varies. */
  expectedDown(frame: Frame): number
}

export function simulatedLink(link: Scenario['link']): SimulatedLink {
  if (link.kind === 'times') {
    const { up, down, legs } = link
    const way = (frame: Frame) => expected(up, frame.sent) * frame.fate.up
    if (legs === 'one') {
      return {
        up: (frame, at) => at + way(frame),
        down: (frame, at) => at + frame.up,
        expectedDown: (frame) => frame.up,
      }
    }
    return {
      up: (frame, at) => at + way(frame),
      down: (frame, at) => at + expected(down, 0) * frame.fate.down,
      expectedDown: () => expected(down, 0),
    }
  }
  const { delay, answerBytes, from } = link
  const up = link.up.open()
  const down = link.down.open()
  const answer = delay + (answerBytes * 8000) / link.down.mean
  return {
    up: (frame, at) => up.send(from + at, frame.sent) - from + delay,
    down: (_frame, at) => down.send(from + at, answerBytes) - from + delay,
    expectedDown: () => answer,
  }
}

/** Below so many bytes a crossing is a round trip and nothing else. */
const small = 4096
/** How quickly the uplink follows. */
const rate = 0.2

/** What the device half learns of the link from its own crossings, for `World.link`. */
export class Watched {
  #rtt: number | undefined
  #msPerByte: number | undefined

  /** A crossing of so many bytes took `up` ms there and `down` ms back. */
  observe(bytes: number, up: number, down: number): Link {
    const trip = up + down
    const rtt = this.#rtt === undefined ? trip : Math.min(this.#rtt * 1.01, trip)
    this.#rtt = rtt
    if (bytes >= small) {
      const own = Math.max(up - rtt / 2, 0.01) / bytes
      this.#msPerByte = this.#msPerByte === undefined ? own : this.#msPerByte + rate * (own - this.#msPerByte)
    }
    return this.#msPerByte === undefined ? { rtt } : { rtt, uplink: 8000 / this.#msPerByte }
  }
}
