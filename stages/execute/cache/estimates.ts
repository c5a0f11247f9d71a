import type { ModelSource } from '../../manage/index.ts'
import type { LoadCost } from './contract.ts'

/** Weight of one model's newest measurement, and of one load in what is expected of models never loaded. */
const ownRate = 0.5
const commonRate = 0.1

/** Predicts what a load will take: from the model's own loads, else from its file's size and the loads of the others. */
export class LoadEstimates {
  readonly #own = new Map<string, { bytes: number; ms: number }>()
  #bytesPerFileByte: number
  #msPerFileByte: number | undefined

  /** @param bytesPerFileByte used until a load was measured */
  constructor(bytesPerFileByte: number) {
    this.#bytesPerFileByte = bytesPerFileByte
  }

  /** Bytes that it will need. */
  bytes(model: ModelSource): number {
    return this.#own.get(model.key)?.bytes ?? model.bytes * this.#bytesPerFileByte
  }

  /** Milliseconds that it will take; undefined before any load was measured. */
  ms(model: ModelSource): number | undefined {
    const own = this.#own.get(model.key)
    if (own !== undefined) return own.ms
    return this.#msPerFileByte === undefined ? undefined : model.bytes * this.#msPerFileByte
  }

  loaded(model: ModelSource, { ms, residentBytes }: LoadCost): void {
    const own = this.#own.get(model.key)
    const towards = (old: number | undefined, measured: number, rate: number) =>
      old === undefined ? measured : old + rate * (measured - old)
    this.#own.set(model.key, {
      bytes: towards(own?.bytes, residentBytes, ownRate),
      ms: towards(own?.ms, ms, ownRate),
    })
    // A model's further loads say nothing new about models never loaded.
    if (own !== undefined || model.bytes <= 0) return
    this.#bytesPerFileByte = towards(this.#bytesPerFileByte, residentBytes / model.bytes, commonRate)
    this.#msPerFileByte = towards(this.#msPerFileByte, ms / model.bytes, commonRate)
  }
}
