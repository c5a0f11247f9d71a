import { z } from 'zod'
import { Deviation } from '../estimate/deviation.ts'
import { restored } from '../estimate/restore.ts'

const steps = ['prepare', 'run', 'cloud', 'down'] as const
export type Step = (typeof steps)[number]

const saved = z.record(z.enum(steps), z.unknown())

/**
 * How far off what is predicted of each step is: what the device does before a crossing, what it does where nothing crosses,
 * what the cloud does, and the way down as the cloud expects it. Relative. The way up has its own, which depends on what it
 * was like before.
 */
export class Off {
  readonly #steps: Readonly<Record<Step, Deviation>> = {
    prepare: new Deviation(),
    run: new Deviation(),
    cloud: new Deviation(),
    down: new Deviation(),
  }
  /** As they are now. */
  readonly values: Record<Step, number> = { prepare: 0, run: 0, cloud: 0, down: 0 }

  constructor() {
    this.#write()
  }

  /** Learns what a step took that was predicted to take so long. */
  observe(step: Step, predicted: number, observed: number): void {
    this.#steps[step].observe(predicted, observed)
    this.#write()
  }

  /** What was learned, as plain JSON. */
  save(): z.infer<typeof saved> {
    return Object.fromEntries(steps.map((step) => [step, this.#steps[step].save()])) as z.infer<typeof saved>
  }

  /** @throws BadConfiguration when this is not what `save` gave */
  restore(from: unknown): void {
    const values = restored(saved, from, 'how far off steps are')
    for (const step of steps) this.#steps[step].restore(values[step])
    this.#write()
  }

  #write(): void {
    for (const step of steps) this.values[step] = this.#steps[step].value
  }
}
