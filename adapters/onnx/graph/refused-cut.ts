import type { LayerCut } from './cuts.ts'

/** Why a cut is not offered. */
export type Refusal =
  /** The runtime computes what lies around it as one, and a cut beside it carries no more. */
  | { readonly why: 'beside'; readonly instead: string }
  /**
   * The runtime computes its parts otherwise than the whole. In runs on seeded inputs their answers were this far from the
   * whole's, as a share of the largest answer (of 1 where that is less); 0 where no difference was seen, which proves nothing.
   */
  | { readonly why: 'inexact'; readonly deviation: number }
  /** It could not be tried, or more cuts wait for a trial than are tried. */
  | { readonly why: 'untried'; readonly reason: string }

/** A cut that is not offered. */
export interface RefusedCut {
  readonly name: string
  readonly label: string
  readonly bytes: number
  readonly refusal: Refusal
}

/** Cuts, nearest to the input first. */
export interface Cuts extends ReadonlyArray<LayerCut> {
  /** False where the search gave up at its limit, or not all that it found were tried, so that there may be more. */
  readonly complete: boolean
}

/** The end of a sentence that says why a cut is not offered. */
export function because(refusal: Refusal): string {
  switch (refusal.why) {
    case 'beside':
      return `the runtime computes what lies around as one; "${refusal.instead}" carries no more`
    case 'inexact':
      return refusal.deviation > 0
        ? `the model cannot be cut without changing its answer (by ${refusal.deviation.toExponential(1)} of the largest number in it, in a trial)`
        : 'the runtime computes the parts by other operators than the whole, so that answers can differ'
    default:
      return `nobody can say whether a cut changes the answer: ${refusal.reason}`
  }
}
