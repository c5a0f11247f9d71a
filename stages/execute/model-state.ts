import type { ModelSource } from '../manage/index.ts'
import { RunTimes } from './run-times.ts'

/** What a pool knows of one model. */
export interface ModelState {
  readonly model: ModelSource
  readonly times: RunTimes
  /** Runs that wait. */
  waiting: number
  runs: number
  /** Milliseconds of its last load; undefined before the first. */
  loadMs: number | undefined
  /** Whether several runs of it can be made as one; undefined before its first load. */
  batches: boolean | undefined
  /** The turn of its last run in the queue, in milliseconds of executor time. */
  turn: number
  /** When a run was last let in that by the figures could not be in time. */
  tried: number
}

/** Models are forgotten, the longest unused first, beyond so many; those that wait are not. */
const remembered = 1_024

/** A guess of a run's duration before any was measured, ms. */
const guess = 50

/**
 * What is known of each model, and whose turn is next among runs with equal deadlines or none: each model advances by
 * the executor time that its runs take, so that one which floods the queue delays itself and not the others (start-time
 * fair queueing: Goyal, Vin and Cheng, SIGCOMM 1996, §2).
 */
export class ModelStates {
  readonly #states = new Map<string, ModelState>()
  readonly #batch: number
  #virtual = 0

  /** @param batch the largest that is made; 1 where none are */
  constructor(batch: number) {
    this.#batch = batch
  }

  get(key: string): ModelState | undefined {
    return this.#states.get(key)
  }

  of(model: ModelSource): ModelState {
    const known = this.#states.get(model.key)
    if (known !== undefined) return known
    if (this.#states.size >= remembered) this.#forget()
    const state: ModelState = {
      model,
      times: new RunTimes(),
      waiting: 0,
      runs: 0,
      loadMs: undefined,
      batches: undefined,
      turn: 0,
      tried: Number.NEGATIVE_INFINITY,
    }
    this.#states.set(model.key, state)
    return state
  }

  /** The place of a new run among its equals. */
  enqueue(state: ModelState): number {
    state.waiting += 1
    const turn = Math.max(this.#virtual, state.turn)
    state.turn = turn + this.expected(state)
    return turn
  }

  /** A run left the queue; `begun`: to be made. */
  dequeue(state: ModelState, turn: number, begun: boolean): void {
    state.waiting -= 1
    if (begun) this.#virtual = Math.max(this.#virtual, turn)
  }

  /** Milliseconds that a run is expected to take. */
  expected(state: ModelState | undefined): number {
    return state?.times.mean() ?? guess
  }

  /** Milliseconds of executor time that a run is expected to need, as one of a batch where it can be. */
  share(state: ModelState | undefined): number {
    if (state === undefined || this.#batch <= 1 || state.batches !== true) return this.expected(state)
    const n = state.times.worthwhile(this.#batch)
    return (state.times.mean(n) ?? guess) / n
  }

  all(): IterableIterator<ModelState> {
    return this.#states.values()
  }

  #forget(): void {
    for (const [key, { waiting }] of this.#states) {
      if (waiting > 0) continue
      this.#states.delete(key)
      return
    }
  }
}
