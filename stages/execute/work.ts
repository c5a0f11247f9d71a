import {
  Cancelled,
  type Clock,
  DeadlineExceeded,
  type Evidence,
  type Tensor,
  type Timer,
} from '../../pipeline/index.ts'
import type { ModelSource } from '../manage/index.ts'
import type { PoolRunOptions } from './contract.ts'
import type { PoolReport } from './report.ts'
import type { Owned } from './run-queue.ts'
import { rowsOf } from './stack.ts'

/** What a piece of work was handed to an executor in. */
export interface Handed {
  readonly works: readonly Work[]
  /** Takes it back if it waits in the executor still. */
  takeBack(): void
}

/** One run that was asked of a pool, from the call to its settlement, which comes at its deadline at the latest. */
export class Work implements Owned {
  readonly model: ModelSource
  readonly inputs: readonly Tensor[]
  readonly options: PoolRunOptions
  /** When it was asked for, on the pool's clock. */
  readonly arrived: number
  readonly result: Promise<PoolReport>
  /** Executors that died under it. */
  lost = 0
  /** Those of them that had begun to run it. */
  readonly costs: Evidence[] = []
  /** It is made by itself: company has failed or died with it. */
  alone = false
  /** Its place among equal deadlines. */
  turn = 0
  arrival: number | undefined
  /** The last turn it is part of. */
  handed: Handed | undefined
  /** Executors that it is with now: two, when it is tied. */
  copies = 0
  /** Of its wait, the milliseconds that its model was being loaded, in a memory shared by many. */
  loading = 0
  /** Since when it waited for company, though an executor was free. */
  held: number | undefined
  /** Pictures in its inputs; undefined where they cannot be stacked. */
  readonly rows: number | undefined
  /** It was let in although it was thought to be too late, to see whether that is so. */
  trial = false
  #settle: { resolve(report: PoolReport): void; reject(error: Error): void } | undefined
  #timer: Timer | undefined
  readonly #cancel: () => void

  /** @param onEarlyEnd called when its caller or its deadline has ended it */
  constructor(
    model: ModelSource,
    inputs: readonly Tensor[],
    options: PoolRunOptions,
    clock: Clock,
    onEarlyEnd: (work: Work) => void,
  ) {
    this.model = model
    this.inputs = inputs
    this.options = options
    this.rows = rowsOf(inputs)
    this.arrived = clock.now()
    this.result = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    const { cancellation, expires } = options
    const endEarly = (error: Error) => {
      this.reject(error)
      onEarlyEnd(this)
    }
    this.#cancel = () => endEarly(cancellation?.reason ?? new Cancelled())
    if (expires !== undefined) {
      this.#timer = clock.after(Math.max(0, expires - this.arrived), () => endEarly(tooLate(model)))
    }
    if (cancellation?.cancelled) this.#cancel()
    else if (expires !== undefined && expires <= this.arrived) endEarly(tooLate(model))
    else cancellation?.listen(this.#cancel)
  }

  get owner(): string {
    return this.options.owner ?? ''
  }

  get expires(): number | undefined {
    return this.options.expires
  }

  /** Whether the caller has been told already. */
  get settled(): boolean {
    return this.#settle === undefined
  }

  resolve(report: PoolReport): void {
    this.#release()?.resolve(report)
  }

  reject(error: Error): void {
    this.#release()?.reject(error)
  }

  #release(): { resolve(report: PoolReport): void; reject(error: Error): void } | undefined {
    const settle = this.#settle
    this.#settle = undefined
    this.#timer?.cancel()
    this.options.cancellation?.unlisten(this.#cancel)
    return settle
  }
}

function tooLate(model: ModelSource): DeadlineExceeded {
  return new DeadlineExceeded(
    `The time for a run of "${model.name}" is over. Allow more, use a faster model, or add executors.`,
  )
}
