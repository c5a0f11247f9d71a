import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { versioned } from '../../../pipeline/index.ts'

const positive = z.number().positive()

/** One picture, sent both ways; times are ms. */
const picture = z.strictObject({
  /** As captured, and as prepared on the device. */
  bytes: positive,
  width: positive,
  height: positive,
  preparedBytes: positive,
  /** Preparing what was captured on the device, before its slowdown. */
  device: positive,
  /** There and back, for either. */
  sent: positive,
  sentPrepared: positive,
  /** Making a tensor in the cloud, of either. */
  cloud: positive,
  cloudPrepared: positive,
})

export const measurements = versioned({
  what: 'a measurement of pictures',
  version: 1,
  remedy: 'Measure anew, with "npm run papers:measure".',
  schema: z.strictObject({
    /** What it was measured on, in words. */
    machine: z.string(),
    link: z.strictObject({ bitsPerSecond: positive, delay: positive }),
    /** The device is taken to be so many times as slow as the machine. */
    slowdown: positive,
    pictures: z.array(picture).min(50),
  }),
})

export type MeasuredPicture = z.infer<typeof picture>
export type Measurements = z.infer<typeof measurements.schema>

/** Where `npm run papers:measure` writes. */
export const measuredFile = new URL('./measured.json', import.meta.url)

/** The measurements that stand beside this file. @throws VersionMismatch · BadConfiguration somebody has damaged them */
export function measured(): Measurements {
  return measurements.read(JSON.parse(readFileSync(measuredFile, 'utf8')), 'measured.json')
}

/** ms until a picture is a tensor in the cloud: prepared on the device first, or sent as it is. */
export function ways(
  { device, sent, sentPrepared, cloud, cloudPrepared }: MeasuredPicture,
  slowdown: number,
): { readonly local: number; readonly remote: number } {
  return { local: slowdown * device + sentPrepared + cloudPrepared, remote: sent + cloud }
}
