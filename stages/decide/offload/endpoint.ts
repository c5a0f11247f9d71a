import { z } from 'zod'
import { restored } from '../estimate/restore.ts'
import { Samples } from '../estimate/samples.ts'

const saved = z.strictObject({
  runs: z.unknown(),
  loads: z.unknown(),
  coldAfter: z.number().min(0).optional(),
})

/** Runs and loads kept of one endpoint. */
const keep = { runs: 64, loads: 16 }

/**
 * A model in one place: what its runs and loads took there, and whether it is ready. Whether it must be loaded first is
 * told by the time since its last answer: the shortest pause after which it had to be.
 */
export class Endpoint {
  readonly model: string
  /** Its id alone, as a menu wants it. */
  readonly only: readonly string[]
  /** 0…1 */
  readonly accuracy: number
  readonly runs = new Samples(keep.runs)
  readonly loads = new Samples(keep.loads)
  /** Milliseconds by the catalogue alone. */
  readonly guess: { readonly run: number; readonly load: number }
  /** Local clock, ms: it refused, or failed, and is not asked before. */
  coldUntil = Number.NEGATIVE_INFINITY
  /** The number of the decision that chose it last. */
  last = 0
  /** Local clock, ms, of its last answer. */
  #answered: number | undefined
  /** Milliseconds of pause after which it has to be loaded anew. */
  #coldAfter = Number.POSITIVE_INFINITY

  constructor(model: string, accuracy: number, guess: { readonly run: number; readonly load: number }) {
    this.model = model
    this.only = [model]
    this.accuracy = accuracy
    this.guess = guess
  }

  /** Whether it ever answered, before a restore or since. */
  get known(): boolean {
    return this.runs.count > 0
  }

  /** Whether, after this pause, it will have to be loaded; an endpoint that never had to is taken to be loaded. */
  unloaded(now: number): boolean {
    return this.#answered !== undefined && now - this.#answered >= this.#coldAfter
  }

  /** Learns that it answered: what the run took, and the load before it (0: it was loaded), in milliseconds. */
  answered(run: number, load: number, now: number): void {
    this.runs.add(run)
    const pause = this.#answered === undefined ? undefined : Math.max(0, now - run - load - this.#answered)
    if (load > 0) {
      this.loads.add(load)
      if (pause !== undefined) this.#coldAfter = Math.min(this.#coldAfter, pause)
    } else if (pause !== undefined && pause >= this.#coldAfter) {
      // It lasted longer this time.
      this.#coldAfter = pause * 1.5
    }
    this.coldUntil = Number.NEGATIVE_INFINITY
    this.#answered = now
  }

  /** What was learned, as plain JSON; what is loaded where is not kept. */
  save(): z.infer<typeof saved> {
    return {
      runs: this.runs.save(),
      loads: this.loads.save(),
      ...(this.#coldAfter === Number.POSITIVE_INFINITY ? {} : { coldAfter: this.#coldAfter }),
    }
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const { runs, loads, coldAfter } = restored(saved, from, 'an endpoint')
    this.runs.restore(runs)
    this.loads.restore(loads)
    this.#coldAfter = coldAfter ?? Number.POSITIVE_INFINITY
    this.#answered = undefined
  }
}
