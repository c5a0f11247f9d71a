import { type Clock, sleep, systemClock } from '../../pipeline/index.ts'
import type { Executor, ExecutorFactory, ImageEngine, ModelSource } from '../../stages/index.ts'

/** How long a phone takes for what this machine does for it; to be reported as emulated. */
export interface PhoneTimes {
  /** A whole run of a model, ms. */
  run(model: string): number
  /** Preparing a picture of so many bytes, ms. */
  prepare(bytes: number): number
}

/**
 * A phone's processor, emulated on a faster machine: pictures are really prepared and models really run, and their end is
 * held back until as much time has passed as the phone would take. It does one thing of each kind at a time, and knows
 * how long it was busy.
 */
export class Phone {
  readonly images: ImageEngine
  readonly executors: ExecutorFactory
  readonly #clock: Clock
  #busy = 0

  constructor(images: ImageEngine, executors: ExecutorFactory, times: PhoneTimes, clock: Clock = systemClock) {
    this.#clock = clock
    const prepareInTurn = inTurn()
    this.images = {
      measure: (bytes) => images.measure(bytes),
      prepare: (picture, input, options) =>
        prepareInTurn(() => {
          const bytes = picture.form === 'image' ? picture.bytes.byteLength : 0
          return this.#held(bytes > 0 ? times.prepare(bytes) : 0, () => images.prepare(picture, input, options))
        }),
    }
    this.executors = {
      ...executors,
      start: async (options) => this.#executor(await executors.start(options), times),
    }
  }

  /** Milliseconds of its time that were used so far. */
  get busy(): number {
    return this.#busy
  }

  #executor(executor: Executor, times: PhoneTimes): Executor {
    const names = new Map<string, string>()
    const runInTurn = inTurn()
    return {
      id: executor.id,
      lost: executor.lost,
      load: (model: ModelSource) => {
        names.set(model.key, model.name)
        return executor.load(model)
      },
      unload: (key) => executor.unload(key),
      run: (key, inputs, options) =>
        runInTurn(async () => {
          const ms = times.run(names.get(key) ?? key)
          const report = await this.#held(ms, () => executor.run(key, inputs, options))
          return { ...report, ms: Math.max(ms, report.ms) }
        }),
      close: (within) => executor.close(within),
      kill: () => executor.kill(),
    }
  }

  /** Does it, and lets it end when so many ms have passed, or it has ended if that is later. */
  async #held<R>(ms: number, work: () => Promise<R>): Promise<R> {
    const began = this.#clock.now()
    try {
      const result = await work()
      const left = ms - (this.#clock.now() - began)
      if (left > 0) await sleep(this.#clock, left)
      return result
    } finally {
      this.#busy += this.#clock.now() - began
    }
  }
}

/** One thing at a time, in order. */
function inTurn(): <R>(work: () => Promise<R>) => Promise<R> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }
}
