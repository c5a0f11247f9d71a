import type { CatalogueEntry } from '../../manage/index.ts'

/** Multiply-accumulates per millisecond, and bytes of file per millisecond, of a model that nobody has measured. */
const guessed = { macs: 5e6, bytes: 2e6 }

/** Milliseconds a model may take by its catalogue entry alone. */
export function guessedMs({ latencyMs, macs, bytes }: CatalogueEntry): number {
  return latencyMs ?? (macs === undefined ? bytes / guessed.bytes : macs / guessed.macs)
}
