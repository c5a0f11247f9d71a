import type { ModelSource } from '../manage/index.ts'
import type { RunSteps } from './times.ts'

/** How often and how long runs have waited for their models, since the start. Undefined before there is anything to divide. */
export interface ColdFigures {
  /** Runs, and of them those that waited for a load. */
  readonly all: number
  readonly runs: number
  /** Share of the runs whose model was loaded, and the same by the bytes of the models asked for. */
  readonly hitRatio: number | undefined
  readonly byteHitRatio: number | undefined
  /** Σ wait for loads ÷ Σ (that wait + queue + run). */
  readonly latencyShare: number | undefined
  /** Runs that waited, for each load that was made. */
  readonly coalescing: number | undefined
}

/** Counts what a pool's runs waited for their models. */
export class ColdStarts {
  #runs = 0
  #cold = 0
  #bytes = 0
  #coldBytes = 0
  #waitedMs = 0
  #allMs = 0

  add({ bytes }: ModelSource, { queueMs, loadMs, runMs }: RunSteps): void {
    this.#runs += 1
    this.#bytes += bytes
    this.#waitedMs += loadMs
    this.#allMs += queueMs + loadMs + runMs
    if (loadMs === 0) return
    this.#cold += 1
    this.#coldBytes += bytes
  }

  /** @param loads loads that were made */
  summary(loads: number): ColdFigures {
    const warm = (cold: number, all: number) => (all > 0 ? 1 - cold / all : undefined)
    return {
      all: this.#runs,
      runs: this.#cold,
      hitRatio: warm(this.#cold, this.#runs),
      byteHitRatio: warm(this.#coldBytes, this.#bytes),
      latencyShare: this.#allMs > 0 ? this.#waitedMs / this.#allMs : undefined,
      coalescing: loads > 0 ? this.#cold / loads : undefined,
    }
  }
}
