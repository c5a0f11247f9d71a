import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** A program of this folder that is started beside the caller, and what Node needs to run it. */
export interface Entry {
  readonly url: URL
  readonly execArgv: readonly string[]
}

const fromSource = import.meta.url.endsWith('.ts')
const runsTypeScript = Boolean((process.features as { typescript?: unknown }).typescript)

/**
 * From the built package a program is JavaScript. From source it is TypeScript, which this Node either runs itself or
 * needs tsx for, whatever runs the caller (tsx, vitest or Node).
 */
export function processEntry(
  name: 'process-entry' | 'split-entry' | 'graph-entry' | 'footprint-entry' = 'process-entry',
): Entry {
  if (!fromSource || runsTypeScript) return { url: program(name), execArgv: [] }
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx'))
  return { url: program(name), execArgv: ['--import', tsx.href] }
}

/** The same for a worker thread, where tsx cannot be named on the command line. */
export function threadEntry(): Entry {
  const url =
    fromSource && !runsTypeScript ? new URL('./thread-from-source.mjs', import.meta.url) : program('thread-entry')
  return { url, execArgv: [] }
}

function program(name: string): URL {
  return new URL(`./${name}${fromSource ? '.ts' : '.js'}`, import.meta.url)
}
