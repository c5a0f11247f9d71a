import { z } from 'zod'
import { BadConfiguration } from '../../pipeline/index.ts'
import type { Rate } from '../link/index.ts'
import { duration } from './duration.ts'

const positive = z.number().min(0)
const count = z.number().int().min(1)

const captures = z.strictObject({
  /**
   * When frames are captured: the next one when the one before is settled, `every` so many ms, or at random with a mean
   * of so many ms between (Poisson).
   */
  arrive: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('when-settled'), pause: positive.default(0) }),
    z.strictObject({ kind: z.literal('every'), ms: positive }),
    z.strictObject({ kind: z.literal('poisson'), ms: positive }),
  ]),
  /** Bytes of a captured picture. */
  bytes: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('constant'), bytes: count }),
    z.strictObject({ kind: z.literal('uniform'), from: positive, to: positive }),
    z.strictObject({ kind: z.literal('lognormal'), median: positive, sigma: positive, most: positive }),
  ]),
  /** Bytes of a prepared picture; at most those of the captured one. Default 54,000. */
  preparedBytes: count.default(54_000),
})

/** What one side takes for its work. */
const side = z.strictObject({
  /** Preparing a captured picture on the device, or whatever has arrived in the cloud, by its bytes. */
  prepare: duration.prefault({}),
  /** What each model that can run there takes. */
  models: z.record(z.string(), duration).default({}),
  /** Loading a model that is not there yet; default: all are loaded. */
  load: duration.optional(),
  /** Models held at once by each executor, the least recently used one leaves. Default: all. */
  holds: count.or(z.literal(Number.POSITIVE_INFINITY)).default(Number.POSITIVE_INFINITY),
})

/** A place behind a layer where the wire may part a model. */
const layerCut = z.strictObject({
  layer: z.string().min(1),
  /** Bytes that cross behind it. */
  bytes: count,
  /** Shares of its whole run: on the device before it, and in the cloud behind it. */
  before: z.number().min(0).max(1),
  behind: z.number().min(0).max(1),
})

const rate = z.custom<Rate>((value) => typeof (value as Rate | undefined)?.open === 'function', 'must be a rate')

const link = z.discriminatedUnion('kind', [
  /**
   * Each way a time of its own. `down` is what the answer takes; `legs: 'one'` takes the way down as long as the way up
   * took, as MDInference has it.
   */
  z.strictObject({
    kind: z.literal('times'),
    up: duration,
    down: duration.prefault({}),
    legs: z.enum(['one', 'independent']).default('independent'),
  }),
  /** A bottleneck each way, and so many ms on the way besides (one way). Answers have `answerBytes`. */
  z.strictObject({
    kind: z.literal('rates'),
    up: rate,
    down: rate,
    delay: positive.default(0),
    answerBytes: positive.default(300),
    /** Where in the trace it begins, ms. */
    from: positive.default(0),
  }),
])

/** The conditions under which policies are compared. */
export const scenario = z.strictObject({
  name: z.string().min(1),
  /** ms from capture within which an answer is on time. */
  deadline: positive.or(z.literal(Number.POSITIVE_INFINITY)),
  captures,
  device: side
    .extend({
      /** Models of the device that may stand in for an answer that does not come in time. */
      backups: z.array(z.string()).default([]),
    })
    .prefault({}),
  /** Frames between capture and planned answer at most; one that is captured meanwhile is dropped. Default: all. */
  window: count.or(z.literal(Number.POSITIVE_INFINITY)).default(Number.POSITIVE_INFINITY),
  link,
  cloud: side
    .extend({
      executors: count.default(1),
      /**
       * How many times longer than usual models run there, from a moment of the virtual clock on (ms, rising); the device
       * hears of it with every answer and every probe. Default: never.
       */
      slowdown: z.array(z.strictObject({ at: positive, factor: z.number().min(1) })).default([]),
    })
    .prefault({}),
  /** Where models may be parted, by id; only those that both sides can run. Default: nowhere. */
  cuts: z.record(z.string(), z.array(layerCut)).default({}),
  /** Chance that a model's answer is right, 0…1; a model's absence means nobody keeps count. */
  accuracy: z.record(z.string(), z.number().min(0).max(1)).default({}),
})

export type LayerCut = z.output<typeof layerCut>
export type ScenarioInput = z.input<typeof scenario>
export type Scenario = z.output<typeof scenario>

/** A scenario, its defaults filled in. @throws BadConfiguration naming what is wrong */
export function checked(given: ScenarioInput): Scenario {
  const made = scenario.safeParse(given)
  if (made.success) return made.data
  const issue = made.error.issues[0]
  throw new BadConfiguration(`Scenario "${given.name}": ${issue?.path.join('.')}: ${issue?.message}.`, {
    cause: made.error,
  })
}
