import { z } from 'zod'
import { type Decider, made, readOptions } from '../../pipeline/index.ts'
import type { Executors } from './executors.ts'
import type { Frame } from './frame.ts'
import type { SimulatedLink } from './link.ts'
import type { Scenario } from './scenario.ts'

/** Who decides: on the device before the wire, in the cloud behind it. */
export interface Policy {
  readonly name: string
  readonly device?: readonly Decider[]
  readonly cloud?: readonly Decider[]
}

export interface ReplayOptions {
  /** Given as a function it sees what is hidden from deciders. */
  readonly policy: Policy | ((insight: Insight) => Policy)
  readonly seed: number
  /** Frames to be captured. */
  readonly frames: number
  /** Hears of every frame when it is settled; the frame is reused afterwards. */
  readonly onSettled?: (frame: Frame) => void
}

const replayOptions = z.strictObject({
  policy: made<ReplayOptions['policy']>('a policy, or a function that gives one'),
  seed: z.number(),
  frames: z.number().int().min(0),
  onSettled: made<(frame: Frame) => void>('a function').optional(),
} satisfies Record<keyof ReplayOptions, z.ZodType>)

/** @throws BadConfiguration naming the option that is wrong */
export function assertReplayOptions(options: ReplayOptions): void {
  readOptions(replayOptions, options, 'replay()')
}

/** What became of all frames. */
export interface ReplayReport {
  readonly frames: number
  /** No place was free for them. */
  readonly dropped: number
  readonly onTime: number
  /** Answers that were right and on time; 0 where nobody tells accuracies. */
  readonly right: number
  /** Means per frame that was not dropped. */
  readonly latency: number
  readonly sentBytes: number
  /** Virtual ms from the first capture to the last settlement. */
  readonly ms: number
}

/** What the simulation knows and no real decider can: for oracles, which policies are held against. */
export interface Insight {
  readonly scenario: Scenario
  /** The frame that is decided about, its fate included. */
  readonly frame: Frame
  /** ms until the device, and the first of the cloud's executors, is done with what it was given. */
  readonly device: number
  readonly cloud: number
  /** Bytes that were sent and have not left the bottleneck, and ms until they have. */
  readonly queued: number
  readonly uplink: number
}

/** A view of a running replay. */
export function insightInto(replay: {
  readonly scenario: Scenario
  readonly phone: Executors
  readonly executors: Executors
  readonly link: SimulatedLink
  now(): number
  decided(): Frame
}): Insight {
  const { scenario, phone, executors, link, now, decided } = replay
  return {
    scenario,
    get frame() {
      return decided()
    },
    get device() {
      return phone.wait(now())
    },
    get cloud() {
      return executors.wait(now())
    },
    get queued() {
      return link.queued(now())
    },
    get uplink() {
      return link.wait(now())
    },
  }
}
