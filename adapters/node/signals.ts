import type { Running } from '../../pipeline/index.ts'

/**
 * Drains what runs when the process is asked to stop (SIGINT, SIGTERM), in the order given; a second signal ends the
 * process at once. Returns a function that takes the handlers off again.
 * @param within milliseconds each may take
 */
export function drainOnSignals(running: readonly Pick<Running, 'drain'>[], within = 10_000): () => void {
  const signals = ['SIGINT', 'SIGTERM'] as const
  let asked = false
  const stop = () => {
    if (asked) process.exit(130)
    asked = true
    void (async () => {
      for (const one of running) await one.drain(within)
    })()
  }
  for (const signal of signals) process.on(signal, stop)
  return () => {
    for (const signal of signals) process.off(signal, stop)
  }
}
