import { createRequire } from 'node:module'

/** Bytes of free memory at the end of a heap that glibc keeps, as executor processes have it. */
const kept = 65_536
/** `M_TRIM_THRESHOLD` of mallopt(3). */
const trimThreshold = -1

let done = false

/**
 * Has this process give freed memory back to the system, from now on. glibc raises its thresholds with what is freed, so
 * that models come and go and their memory stays: with 60 loads in a budget of 120 MB a process of threads held 494 MB;
 * with a fixed threshold, 117. For a child that is said in its environment; a process that runs already has to be told by
 * mallopt(3), which JavaScript reaches by `koffi` alone (an optional dependency).
 */
export function giveFreedMemoryBack(): void {
  if (done || process.platform !== 'linux' || process.env.MALLOC_TRIM_THRESHOLD_ !== undefined) return
  done = true
  // musl and others give back by themselves.
  if (!usesGlibc()) return
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    koffi.load(null).func('int mallopt(int, int)')(trimThreshold, kept)
  } catch {
    process.emitWarning(
      `Models that leave executor threads leave their memory to this process, beyond the budget. Install koffi, start Node with MALLOC_TRIM_THRESHOLD_=${kept}, or use processExecutors().`,
      { code: 'QUINTET_MEMORY' },
    )
  }
}

function usesGlibc(): boolean {
  const report = process.report?.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } }
  return report?.header?.glibcVersionRuntime !== undefined
}
