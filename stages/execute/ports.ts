import type { Cancellation, ExecutorLost, Tensor } from '../../pipeline/index.ts'
import type { ModelSource } from '../manage/index.ts'

export interface LoadReport {
  /** Milliseconds from request to ready, verification included. */
  readonly ms: number
  /** Bytes the executor grew by, measured. */
  readonly residentBytes: number
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /**
   * Whether several runs can be made as one: the first axis of all inputs and outputs counts pictures, and rows that were
   * run together had the answers that they have alone. False, too, where it was not looked at (`batching`).
   */
  readonly batches: boolean
  /** Resident memory of the executor afterwards, in bytes, where it has a memory of its own. */
  readonly memory?: number | undefined
}

export interface RunReport {
  readonly outputs: readonly Tensor[]
  /** Milliseconds the runtime computed. */
  readonly ms: number
  /** Resident memory of the executor afterwards, in bytes; told now and then. */
  readonly memory?: number | undefined
}

/** Something that holds models and runs them, one run at a time, off the thread that moves messages. */
export interface Executor {
  readonly id: string
  /**
   * Runs that are best handed over at a time, default 1. With 2 the second waits in the executor while the first is
   * made, and begins without waiting for a round trip.
   */
  readonly depth?: number
  /** Resident memory when it was ready, before any model, in bytes. */
  readonly baseline?: number | undefined
  /** @throws ModelLoadFailed · ExecutorLost */
  load(model: ModelSource): Promise<LoadReport>
  /** Frees a model; unknown keys are ignored. @throws ExecutorLost */
  unload(key: string): Promise<void>
  /**
   * Runs a loaded model. `outputs` limits which outputs are returned; all without. The inputs' bytes are not
   * transferred away from the caller: a retry elsewhere can use them again.
   * @throws WrongShape · ExecutionFailed · ExecutorLost · Cancelled (only while it has not started)
   */
  run(
    key: string,
    inputs: readonly Tensor[],
    options?: { outputs?: readonly string[]; cancellation?: Cancellation | undefined },
  ): Promise<RunReport>
  /** Settles when the executor died without being asked to; never rejects. */
  readonly lost: Promise<ExecutorLost>
  /** Lets the run in progress finish (at most `within` ms), then ends the executor. Idempotent. */
  close(within?: number): Promise<void>
  /** Ends it now where the kind allows that in mid-run (a process); otherwise as soon as the run is over. */
  kill(): void
}

/** A model cut in two behind a layer; each side is a model like any other to an executor. */
export interface ModelSplit {
  readonly head: ModelSource
  readonly tail: ModelSource
  /** Names of the tensors that the head gives and the tail takes. */
  readonly crossing: readonly string[]
}

/** Cuts models; the same model and layer give the same two files. */
export interface ModelSplitter {
  /**
   * @throws BadConfiguration no such cut · ModelLoadFailed not the model that its hash says, or not one that can be cut ·
   *   Cancelled
   */
  split(model: ModelSource, layer: string, signal?: AbortSignal): Promise<ModelSplit>
}

export interface ExecutorOptions {
  /** Intra-op threads of each session. */
  readonly threads?: number
  /** Optimisation level of the runtime. */
  readonly optimisation?: 'disabled' | 'basic' | 'extended' | 'all'
  /** Whether runs are to be made as one: then it is tried out at load whether that changes answers. Default false. */
  readonly batching?: boolean
  /** Loads have to say exactly what a model takes, for a budget, at the price of measuring each model once. */
  readonly sizes?: boolean
}

/** Starts executors. `process`: can be killed in mid-run; `thread`: cheaper, for a device half and trusted short runs. */
export interface ExecutorFactory {
  readonly kind: 'process' | 'thread' | 'fake'
  /** Cores of the machine that they run on, where known. */
  readonly cores?: number
  start(options?: ExecutorOptions): Promise<Executor>
}
