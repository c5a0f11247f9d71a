import { FittedLine } from '../../../pipeline/index.ts'
import type { ModelSource } from '../../manage/index.ts'
import type { LoadCost } from './contract.ts'

/** Weight of one model's newest measurement. */
const ownRate = 0.5
/** Weight that a load keeps with each later one in what is expected of models never loaded: the last fifty or so count. */
const keep = 0.98
/** Standard deviation of the files' sizes, as a share of their mean, from which on a base is told from a slope. */
const leastSpread = 0.2

/**
 * Predicts what a load will take: from the model's own loads, else by a + b · its file's bytes, learned from the loads of
 * the others. A ratio alone would take what each session needs for itself, which a small file has many times over, for
 * a property of all files.
 */
export class LoadEstimates {
  readonly #own = new Map<string, { bytes: number; ms: number }>()
  readonly #bytesPerFileByte: number
  readonly #bytes: FittedLine
  readonly #ms: FittedLine

  /** @param bytesPerFileByte used until files of unlike sizes were loaded */
  constructor(bytesPerFileByte: number) {
    const common = { keep, leastVariance: (mean: number) => (leastSpread * mean) ** 2 }
    this.#bytesPerFileByte = bytesPerFileByte
    this.#bytes = new FittedLine({ ...common, slope: bytesPerFileByte })
    this.#ms = new FittedLine(common)
  }

  /** Bytes that it will need. */
  bytes({ key, bytes }: ModelSource): number {
    return this.#own.get(key)?.bytes ?? this.#bytes.at(bytes) ?? bytes * this.#bytesPerFileByte
  }

  /** Milliseconds that it will take; undefined before any load was measured. */
  ms({ key, bytes }: ModelSource): number | undefined {
    return this.#own.get(key)?.ms ?? this.#ms.at(bytes)
  }

  loaded({ key, bytes }: ModelSource, { ms, residentBytes }: LoadCost): void {
    const own = this.#own.get(key)
    const towards = (old: number | undefined, measured: number) =>
      old === undefined ? measured : old + ownRate * (measured - old)
    this.#own.set(key, { bytes: towards(own?.bytes, residentBytes), ms: towards(own?.ms, ms) })
    // A model's further loads say nothing new about models never loaded.
    if (own !== undefined || bytes <= 0) return
    this.#bytes.add(bytes, residentBytes)
    this.#ms.add(bytes, ms)
  }
}
