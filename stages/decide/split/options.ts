import { z } from 'zod'
import { type ActivationEncoding, activationEncodings } from '../../transfer/index.ts'
import type { EnergyOptions } from '../estimate/energy.ts'

const often = z.number().min(1).or(z.literal(Number.POSITIVE_INFINITY))

const plainSettings = z.strictObject({
  /** What is least: milliseconds to the answer (default), or millijoules of the device. */
  goal: z.enum(['latency', 'energy']).default('latency'),
  /**
   * `light` (default): each message alone, the sum of its times. `heavy`: a stream faster than one message at a time,
   * the longest of device, transfer and cloud, which bounds how many pass in a second (DADS). Of latency alone.
   */
  load: z.enum(['light', 'heavy']).default('light'),
  /** Power of the device; see `EnergyModel`. */
  energy: z.custom<EnergyOptions>().default({}),
  /**
   * How activations may be written where the menu names no such encoding. Default `float32` alone: exact. The others
   * carry less and change answers a little.
   */
  encodings: z
    .array(z.enum(activationEncodings as [ActivationEncoding, ...ActivationEncoding[]]))
    .min(1)
    .default(['float32']),
  /** How many times slower than the catalogue's `latencyMs` the device is taken to be until it has run something. Default 4. */
  slower: z.number().positive().default(4),
  /**
   * A side, or a node on the menu, that no message used is tried again after so many, times what it seems to cost more
   * than the best. Default 100; Infinity never.
   */
  tryEvery: often.default(100),
  /** … if it costs at most so many times as much as the best. Default 10. */
  tryWithin: z.number().min(1).default(10),
  /** Bytes of an answer on its way down. Default 500. */
  answerBytes: z.number().min(0).default(500),
  link: z
    .strictObject({
      /** Milliseconds after which crossings say less of an edge than the world's newest link facts. Default 5000. */
      staleAfter: z.number().positive().optional(),
      /** Edges remembered. Default 32. */
      remember: z.number().int().min(1).optional(),
    })
    .default({}),
  /** See `LoadEstimate`. */
  cloud: z
    .strictObject({
      relax: z.number().positive().optional(),
      horizon: z.number().positive().optional(),
    })
    .default({}),
})

export const settings = plainSettings.refine(({ goal, load }) => goal === 'latency' || load === 'light', {
  path: ['load'],
  message: 'heavy is of latency alone; leave it out, or the goal',
})

export type Settings = z.output<typeof settings>
