import { quantileSorted } from 'simple-statistics'
import type { PoolReport } from '../report.ts'

/** Runs whose times are remembered. */
const remembered = 512

/** Mean and 95th percentile of the last runs, ms. */
export interface TimeFigures {
  readonly mean: number
  readonly p95: number
}

/** What the messages of a node have met, since its start. */
export interface RouteCounts {
  /** Came in over the node's own boundary, or from other nodes. */
  entered: number
  served: number
  /** Of those that came in: run here at once · answered by another node that held the model · nobody held it. */
  here: number
  elsewhere: number
  missed: number
  /** Of those that nobody held: loaded here · sent to another node to load it. */
  loadedHere: number
  sent: number
  /** Refused by whoever was asked last. */
  refused: number
}

/** Counts of a node, and the times of the runs it made. */
export class NodeFigures {
  readonly counts: RouteCounts = {
    entered: 0,
    served: 0,
    here: 0,
    elsewhere: 0,
    missed: 0,
    loadedHere: 0,
    sent: 0,
    refused: 0,
  }
  readonly #times = { queue: [] as number[], load: [] as number[], batch: [] as number[], run: [] as number[] }
  #next = 0

  ran({ queueMs, loadMs, batchMs, runMs }: PoolReport): void {
    const at = this.#next
    this.#next = (at + 1) % remembered
    this.#times.queue[at] = queueMs
    this.#times.load[at] = loadMs
    this.#times.batch[at] = batchMs
    this.#times.run[at] = runMs
  }

  /** Undefined before the first run. */
  get times(): { readonly [step in 'queue' | 'load' | 'batch' | 'run']: TimeFigures } | undefined {
    if (this.#times.run.length === 0) return undefined
    const { queue, load, batch, run } = this.#times
    return { queue: summary(queue), load: summary(load), batch: summary(batch), run: summary(run) }
  }
}

function summary(values: readonly number[]): TimeFigures {
  const sorted = [...values].sort((a, b) => a - b)
  return { mean: values.reduce((sum, value) => sum + value, 0) / values.length, p95: quantileSorted(sorted, 0.95) }
}
