import type { CatalogueEntry } from '../../manage/index.ts'

/** Multiply-accumulates per millisecond, and bytes of file per millisecond, of a model that nobody has measured. */
const running = { macs: 5e6, bytes: 2e6 }
/** Bytes of file that are loaded in a millisecond. */
const loading = 1e5

/** Milliseconds one run of a model may take, by its catalogue entry alone. */
export function guessedRun({ latencyMs, macs, bytes }: CatalogueEntry): number {
  return latencyMs ?? (macs === undefined ? bytes / running.bytes : macs / running.macs)
}

/** Milliseconds loading a model may take, by its catalogue entry alone. */
export function guessedLoad({ bytes }: CatalogueEntry): number {
  return bytes / loading
}
