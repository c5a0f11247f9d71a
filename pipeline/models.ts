import type { Cut } from './payload.ts'

/** The models a pipeline may choose from, as far as the framework needs to know them. */
export interface ModelSet {
  readonly ids: readonly string[]
  /** The layers behind which a model can be cut, in the order of the chain; none where this is absent. */
  cuts?(id: string): readonly Cut[]
  /** The share of its answers that are right, 0…1; undefined where nobody knows. */
  accuracy?(id: string): number | undefined
  /** Encodings of prepared pictures that are worth considering for a model, besides the usual ones. */
  encodings?(id: string): readonly string[]
}
