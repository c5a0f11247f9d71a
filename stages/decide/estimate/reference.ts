import type { CatalogueEntry } from '../../manage/index.ts'

/** Multiply-accumulates per millisecond, and bytes of file per millisecond, of a model that nobody has measured. */
const guessed = { macs: 5e6, bytes: 2e6 }
/** Bytes of file that are loaded in a millisecond. */
const loading = 1e5

/** Milliseconds a model may take by its catalogue entry alone: a first guess, to be scaled by what is observed. */
export function referenceMs({ latencyMs, macs, bytes }: CatalogueEntry): number {
  return latencyMs ?? (macs === undefined ? bytes / guessed.bytes : macs / guessed.macs)
}

/** Milliseconds loading a model may take by its catalogue entry alone: a first guess, to be scaled by what is observed. */
export function referenceLoadMs({ bytes }: CatalogueEntry): number {
  return bytes / loading
}
