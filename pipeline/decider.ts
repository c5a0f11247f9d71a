import { z } from 'zod'
import type { Crossing, Item, Side, Timings, Tried, Way } from './message.ts'
import type { ModelSet } from './models.ts'
import { readOptions } from './options.ts'
import type { Cut } from './payload.ts'
import type { Menu, Plan } from './plan.ts'
import type { Platform } from './platform.ts'
import type { World } from './world.ts'

/** The features of the message that is decided about. */
export interface DecisionRequest {
  readonly id: string
  readonly source: string
  readonly seq: number
  readonly side: Side
  /** Where on the chain the payload stands. */
  readonly at: Cut
  /** Payload size. */
  readonly bytes: number
  /** Pixels, where known. */
  readonly width: number | undefined
  readonly height: number | undefined
  /** Milliseconds since capture, and left until an answer is late; 0 where it is late already. */
  readonly elapsed: number
  readonly remaining: number
  /** Milliseconds from capture within which its answer is on time; Infinity outside a pipeline. */
  readonly deadline: number
  /** The accuracy that its answer should have, 0…1, where it says so; the menu is narrowed by it already. */
  readonly accuracy?: number | undefined
  /** Below the wire: what its way took, as far as that can be told without a common clock. */
  readonly way: Way | undefined
  /** Local clock, ms. */
  readonly now: number
  readonly plan: Plan
  /** Which attempt is decided about, from 1. */
  readonly attempt: number
  /** The attempts of this message that have ended without an acceptable answer, oldest first. */
  readonly tried: readonly Tried[]
}

/** What became of a message, for those who decided about it. */
export interface Outcome {
  readonly id: string
  /** The half that observes: below the wire only what happened there is known. */
  readonly side: Side
  /** Local clock, ms. */
  readonly now: number
  readonly kind: Item['kind']
  /** The plan of this attempt. */
  readonly plan: Plan
  /** Which attempt it was, from 1. Every attempt that ends is observed, late ones too. */
  readonly attempt: number
  /** Whether this attempt's end was the message's. A late answer, or one that a backup beat, did not settle it. */
  readonly settled: boolean
  /** This attempt stood in for another: it ran on the device whatever the menu said. */
  readonly backup?: true
  /** Milliseconds from capture to the start of this attempt; absent on the first. */
  readonly began?: number
  /** The score of its answer, where there is one, 0…1. */
  readonly score: number | undefined
  /** The label of its answer, where there is one. */
  readonly label?: string | undefined
  readonly timings: Timings
  readonly crossing: Crossing | undefined
  /** Below the wire: what its way there took, and its way back is expected to take. */
  readonly way: Way | undefined
  /** Bytes and pixels as captured; below the wire, as they arrived. */
  readonly bytes: number
  readonly width: number | undefined
  readonly height: number | undefined
  /** Milliseconds from capture to settlement, on this half. */
  readonly latency: number
  readonly onTime: boolean
  /** The code of the error, where it failed. */
  readonly error: string | undefined
  /** Where it was refused: milliseconds from `now` after which another try may succeed. */
  readonly retryAfter?: number | undefined
}

/** One choice that a decider weighed, and what it expected of it. Fields it does not know are absent. */
export interface Weighed {
  readonly choice: Plan
  /** Milliseconds from now to the answer. */
  readonly ms?: number
  /** Chance that the answer is on time, 0…1. */
  readonly onTime?: number
  /** Chance that the answer is right, 0…1. */
  readonly accuracy?: number
  /** Bytes over the uplink. */
  readonly bytes?: number
  /** Millijoules of the device. */
  readonly energy?: number
  /** Money per 1,000 requests. */
  readonly money?: number
  /** What the decider maximises. */
  readonly utility?: number
  /** The chance with which it was to be chosen, 0…1; over all that were weighed they sum to 1. */
  readonly propensity: number
}

/** How a decider came to its last decision. */
export interface Explanation {
  readonly decider: string
  readonly weighed: readonly Weighed[]
  /** Which of them was chosen. */
  readonly chosen: number
  /** In a few words for people: `probe`, `warm-up`, `small picture`, … */
  readonly why?: string
}

/** What a probe has told. */
export interface Probe {
  /** The node that answered, or was asked; undefined where any was and none answered. */
  readonly node: string | undefined
  /** Bytes that were sent. */
  readonly bytes: number
  /** Milliseconds from sending to the answer; to giving up, where none came. */
  readonly ms: number
  readonly answered: boolean
  /** Local clock, ms. */
  readonly now: number
}

/** The half of a pipeline that a decider decides for. */
export interface DeciderHalf {
  readonly side: Side
  readonly models: ModelSet | undefined
  /** The machine it runs on, where it runs at all: what it cannot pack need not be weighed. */
  readonly platform?: Platform
}

/**
 * Narrows the menu for one message. Called on the message thread for every message: synchronous, no I/O, sparing with
 * allocation. It may return the menu as it is. An empty list is an error of the decider, and fails the message.
 */
export interface Decider {
  readonly name: string
  /** Called when a half that it decides for opens, before any message. @throws BadConfiguration it cannot work there */
  open?(half: DeciderHalf): void
  decide(request: DecisionRequest, world: World, menu: Menu): Menu
  /** Learns from what really happened, to any message of this half. */
  observe?(outcome: Outcome, world: World): void
  /** Learns from a probe of the way to the cloud, which is sent when nothing crosses it for long; device half alone. */
  probed?(probe: Probe, world: World): void
  /** How the last call of `decide` was decided. Asked right after it, and only where decisions are explained. */
  explain?(): Explanation | undefined
  /** What was learned, as plain JSON, behind its version (`versioned`). */
  save?(): unknown
  /** @throws BadConfiguration when this is not what `save` gave · VersionMismatch when another release gave it */
  restore?(saved: unknown): void
}

/** The menu with one choice left in each field that is fixed, whether or not it was on the menu before. */
export interface Fixed {
  readonly model?: string
  readonly cut?: Cut
  readonly encoding?: string
}

const fixable = z.strictObject({
  model: z.string().optional(),
  cut: z.string().optional(),
  encoding: z.string().optional(),
} satisfies Record<keyof Fixed, z.ZodType>)

/** Always the same choice, for the fields given. @throws BadConfiguration a field that is none */
export function fixed(choice: Fixed, name = 'fixed'): Decider {
  readOptions(fixable, choice, `${name}()`)
  return {
    name,
    decide: (_request, _world, menu) => ({
      ...menu,
      ...(choice.model === undefined ? {} : { models: [choice.model] }),
      ...(choice.cut === undefined ? {} : { cuts: [choice.cut] }),
      ...(choice.encoding === undefined ? {} : { encodings: [choice.encoding] }),
    }),
    explain: () => ({ decider: name, weighed: [{ choice, propensity: 1 }], chosen: 0 }),
  }
}

/** Always in-cloud: the captured picture crosses the wire as it is. */
export const inCloud = (): Decider => fixed({ cut: 'captured' }, 'in-cloud')

/** Always on-device preprocessing: the prepared picture crosses the wire. */
export const onDevice = (encoding?: string): Decider =>
  fixed(encoding === undefined ? { cut: 'prepared' } : { cut: 'prepared', encoding }, 'on-device')

/** All on the device: nothing crosses the wire. */
export const allOnDevice = (model?: string): Decider =>
  fixed(model === undefined ? { cut: 'answered' } : { cut: 'answered', model }, 'all-on-device')
