import { z } from 'zod'
import type { Random } from './random.ts'

const positive = z.number().min(0)

/** How a time varies about its expectation: as a factor, drawn once per message. */
export const variation = z.discriminatedUnion('kind', [
  /** Lognormal with mean 1 and this coefficient of variation. */
  z.strictObject({ kind: z.literal('lognormal'), cv: positive }),
  /** Normal with mean 1 before what is not above 0 is drawn anew. */
  z.strictObject({ kind: z.literal('normal'), cv: positive }),
  /** By its distribution function: `[value, share below]` with rising values, straight between; the last share is 1. */
  z.strictObject({
    kind: z.literal('empirical'),
    below: z.array(z.tuple([positive, z.number().min(0).max(1)])).min(2),
  }),
])

/** A time as it depends on the data: ms + perMegabyte · MB, times its variation. */
export const duration = z.strictObject({
  ms: positive.default(0),
  perMegabyte: positive.default(0),
  variation: variation.optional(),
})

export type Variation = z.input<typeof variation>
export type Duration = z.input<typeof duration>

/** What is expected, without variation (a truncated normal's own mean is a little above it), ms. */
export function expected({ ms = 0, perMegabyte = 0 }: Duration, bytes: number): number {
  return ms + (perMegabyte * bytes) / 1e6
}

/** The mean of the factors by which a thing varies. */
export function meanFactor(of: Variation | undefined): number {
  if (of === undefined || of.kind === 'lognormal') return 1
  if (of.kind === 'normal') {
    // A normal that is drawn anew below 0: 1 + cv · φ(1/cv) ÷ Φ(1/cv), Φ by the logistic approximation.
    const z = 1 / Math.max(of.cv, 1e-9)
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)
    return 1 + of.cv * density * (1 + Math.exp(-1.702 * z))
  }
  let sum = 0
  let [before, from] = of.below[0] as readonly [number, number]
  sum += before * from
  for (const [value, upTo] of of.below) {
    sum += ((before + value) / 2) * (upTo - from)
    before = value
    from = upTo
  }
  return sum
}

/** The factors of one varying thing, one per call; always 1 where nothing varies. */
export function factors(of: Variation | undefined, random: Random): () => number {
  if (of === undefined) return () => 1
  switch (of.kind) {
    case 'lognormal': {
      const variance = Math.log(1 + of.cv * of.cv)
      const sigma = Math.sqrt(variance)
      return () => Math.exp(sigma * random.normal() - variance / 2)
    }
    case 'normal': {
      const { cv } = of
      return () => {
        for (;;) {
          const factor = 1 + cv * random.normal()
          if (factor > 0) return factor
        }
      }
    }
    case 'empirical':
      return () => inverse(of.below, random.uniform())
  }
}

/** The value below which the share lies. */
function inverse(below: readonly (readonly [number, number])[], share: number): number {
  let [before, from] = below[0] as readonly [number, number]
  for (const [value, upTo] of below) {
    if (share <= upTo) return upTo > from ? before + ((value - before) * (share - from)) / (upTo - from) : value
    before = value
    from = upTo
  }
  return before
}
