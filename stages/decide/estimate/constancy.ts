import { z } from 'zod'
import { restored } from './restore.ts'

const saved = z.record(z.string(), z.strictObject({ changes: z.number().min(0), time: z.number().min(0) }))

/** What is assumed counts as one change in so many milliseconds. */
const prior = { changes: 1, time: 2000 }
/** What is older than so many milliseconds of watching counts by half. */
const horizon = 60_000
/** Sources remembered. */
const most = 256

interface Stream {
  changes: number
  /** Milliseconds watched. */
  time: number
  last: { readonly label: string; readonly at: number; readonly accuracy: number } | undefined
}

/**
 * How long an answer stays right, per source: labels change as a Poisson process whose rate is changes ÷ time watched, so
 * that an answer of accuracy A is right after Δ ms with chance A · e^(−rate · Δ). Learned from whether consecutive answers
 * agree; what two answers disagree about by mistake counts as change, which errs on the safe side.
 */
export class Constancy {
  readonly #streams = new Map<string, Stream>()

  /** The accuracy of giving the last answer of a source again, about what was captured at a local time; 0 where there is none. */
  accuracy(source: string, captured: number): number {
    const stream = this.#streams.get(source)
    if (!stream?.last) return 0
    return stream.last.accuracy * Math.exp(-this.rate(source) * Math.max(0, captured - stream.last.at))
  }

  /** Changes per millisecond. */
  rate(source: string): number {
    const { changes = 0, time = 0 } = this.#streams.get(source) ?? {}
    return (changes + prior.changes) / (time + prior.time)
  }

  /**
   * Learns an answer that a model gave: not one given again.
   * @param accuracy of that model, 0…1
   * @param captured what it is about, on the local clock, ms: scenes change between captures, not between answers
   */
  observe(source: string, label: string, accuracy: number, captured: number): void {
    const stream = this.#of(source)
    const { last } = stream
    const passed = last ? captured - last.at : 0
    if (last && passed > 0) {
      const kept = 0.5 ** (passed / horizon)
      const changed = last.label !== label
      stream.changes = stream.changes * kept + (changed ? 1 : 0)
      // It changed somewhere in between.
      stream.time = stream.time * kept + (changed ? passed / 2 : passed)
    }
    if (!last || passed >= 0) stream.last = { label, at: captured, accuracy }
  }

  /** What was learned, as plain JSON; the last answers themselves are not kept. */
  save(): z.infer<typeof saved> {
    return Object.fromEntries([...this.#streams].map(([source, { changes, time }]) => [source, { changes, time }]))
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const streams = restored(saved, from, 'how long answers stay right')
    this.#streams.clear()
    for (const [source, rates] of Object.entries(streams)) Object.assign(this.#of(source), rates)
  }

  /** Moved to the end: the first is the one unheard of for longest. */
  #of(source: string): Stream {
    const stream = this.#streams.get(source) ?? { changes: 0, time: 0, last: undefined }
    this.#streams.delete(source)
    this.#streams.set(source, stream)
    const [oldest] = this.#streams.keys()
    if (this.#streams.size > most && oldest !== undefined) this.#streams.delete(oldest)
    return stream
  }
}
