import type { Link } from '../../pipeline/index.ts'
import { expected, factors, meanFactor } from './duration.ts'
import type { Frame } from './frame.ts'
import { random } from './random.ts'
import type { Scenario } from './scenario.ts'

/** The way up and down as a scenario has it; times are given in the order in which things are sent. */
export interface SimulatedLink {
  /** When what the frame sends at `at` has arrived, ms. */
  up(frame: Frame, at: number): number
  /** The same of a probe of so many bytes; no other chance depends on there being one. */
  probe(bytes: number, at: number): { readonly up: number; readonly down: number }
  /** When its answer, sent at `at`, has arrived, ms. */
  down(frame: Frame, at: number): number
  /** ms that the way down is expected to take by one who knows how the link varies. */
  expectedDown(frame: Frame): number
  /** Bytes that were sent and have not left the bottleneck, and ms until they have. */
  queued(at: number): number
  wait(at: number): number
}

const noQueue = { queued: () => 0, wait: () => 0 }

export function simulatedLink(link: Scenario['link'], seed: number): SimulatedLink {
  if (link.kind === 'times') {
    const { up, down, legs } = link
    const way = (frame: Frame) => expected(up, frame.sent) * frame.fate.up
    const chance = factors(up.variation, random(seed, 'probes up'))
    const chanceDown = factors(down.variation, random(seed, 'probes down'))
    if (legs === 'one') {
      return {
        probe: (bytes) => {
          const took = expected(up, bytes) * chance()
          return { up: took, down: took }
        },
        up: (frame, at) => at + way(frame),
        down: (frame, at) => at + frame.up,
        expectedDown: (frame) => frame.up,
        ...noQueue,
      }
    }
    const usual = expected(down, 0) * meanFactor(down.variation)
    return {
      probe: (bytes) => ({ up: expected(up, bytes) * chance(), down: expected(down, 0) * chanceDown() }),
      up: (frame, at) => at + way(frame),
      down: (frame, at) => at + expected(down, 0) * frame.fate.down,
      expectedDown: () => usual,
      ...noQueue,
    }
  }
  const { delay, answerBytes, from } = link
  const up = link.up.open()
  const down = link.down.open()
  /** What has not left, in order: when it will, and its bytes. */
  const waiting: { readonly leaves: number; readonly bytes: number }[] = []
  const answer = delay + (answerBytes * 8000) / link.down.mean
  const send = (bytes: number, at: number) => {
    const leaves = up.send(from + at, bytes) - from
    waiting.push({ leaves, bytes })
    for (let first = waiting[0]; first && first.leaves <= at; first = waiting[0]) waiting.shift()
    return leaves + delay
  }
  return {
    up: (frame, at) => send(frame.sent, at),
    // Its answer is as small as any: that it does not hold up others on the way down is left out.
    probe: (bytes, at) => ({ up: send(bytes, at) - at, down: answer }),
    down: (_frame, at) => down.send(from + at, answerBytes) - from + delay,
    expectedDown: () => answer,
    queued: (at) => waiting.reduce((sum, { leaves, bytes }) => (leaves > at ? sum + bytes : sum), 0),
    wait: (at) => Math.max(0, (waiting.at(-1)?.leaves ?? 0) - at),
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

  get msPerByte(): number | undefined {
    return this.#msPerByte
  }

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
