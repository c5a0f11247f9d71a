import { constants } from 'node:os'
import type { Running } from '../../pipeline/index.ts'

const signals = ['SIGINT', 'SIGTERM'] as const

/**
 * Drains what runs when the process is asked to stop (SIGINT, SIGTERM), in the order given; a second signal ends the
 * process at once, with the signal's exit code. A drain that fails is told on standard error, makes the exit code 1, and
 * does not keep the next one from its drain. Returns a function that takes the handlers off again.
 * @param within milliseconds each may take
 */
export function drainOnSignals(running: readonly Pick<Running, 'drain'>[], within = 10_000): () => void {
  let asked = false
  const drainAll = async () => {
    for (const one of running) {
      try {
        await one.drain(within)
      } catch (error) {
        process.exitCode = 1
        console.error(`The drain failed: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
  const stop = (signal: NodeJS.Signals) => {
    if (asked) process.exit(128 + constants.signals[signal])
    asked = true
    void drainAll()
  }
  for (const signal of signals) process.on(signal, stop)
  return () => {
    for (const signal of signals) process.off(signal, stop)
  }
}
