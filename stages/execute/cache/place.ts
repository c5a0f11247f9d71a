import type { ModelSource } from '../../manage/index.ts'

/** An executor that could load a model now. */
export interface LoadCandidate {
  readonly id: string
  /** Leases of all its copies. */
  readonly leases: number
  /** Bytes of all its copies. */
  readonly bytes: number
}

/** Chooses where a model is loaded, among at least one. */
export type PlaceLoad = (model: ModelSource, candidates: readonly LoadCandidate[]) => LoadCandidate

/** The executor that least work would wait for the load on; of equal ones that with the fewest bytes. */
export const leastLeased: PlaceLoad = (_, candidates) =>
  candidates.reduce((best, each) =>
    each.leases < best.leases || (each.leases === best.leases && each.bytes < best.bytes) ? each : best,
  )
