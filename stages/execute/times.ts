import { quantileSorted } from 'simple-statistics'

/** Runs whose times are remembered. */
const remembered = 512

/** Mean and 95th percentile of the last 512 runs, ms. */
export interface TimeFigures {
  readonly mean: number
  readonly p95: number
}

/** By what a run waited for, and what it took. */
export interface StepTimes {
  /** From the call until an executor took it up, without the load. */
  readonly queue: TimeFigures
  /** For its model; 0 when that was loaded. */
  readonly load: TimeFigures
  /** For company, while an executor was free; part of `queue`. */
  readonly batch: TimeFigures
  /** The runtime, for all that were run as one. */
  readonly run: TimeFigures
}

/** What one run waited for and took, ms; the names are those of `PoolReport`. */
export interface RunSteps {
  readonly queueMs: number
  readonly loadMs: number
  readonly batchMs: number
  readonly runMs: number
}

/** Keeps what the last runs of a pool took, step by step. */
export class RecentTimes {
  readonly #queue: number[] = []
  readonly #load: number[] = []
  readonly #batch: number[] = []
  readonly #run: number[] = []
  #next = 0

  add({ queueMs, loadMs, batchMs, runMs }: RunSteps): void {
    const at = this.#next
    this.#next = (at + 1) % remembered
    this.#queue[at] = queueMs
    this.#load[at] = loadMs
    this.#batch[at] = batchMs
    this.#run[at] = runMs
  }

  /** Undefined before the first run. */
  summary(): StepTimes | undefined {
    if (this.#run.length === 0) return undefined
    return {
      queue: figures(this.#queue),
      load: figures(this.#load),
      batch: figures(this.#batch),
      run: figures(this.#run),
    }
  }
}

function figures(values: readonly number[]): TimeFigures {
  const sorted = [...values].sort((a, b) => a - b)
  return { mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length, p95: quantileSorted(sorted, 0.95) }
}
