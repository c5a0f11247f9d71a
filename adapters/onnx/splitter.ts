import { type ExecFileException, execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { BadConfiguration, Cancelled, ModelLoadFailed, readOptions, TooLarge } from '../../pipeline/index.ts'
import type { ModelSource, ModelSplit, ModelSplitter } from '../../stages/execute/index.ts'
import { processEntry } from './entry.ts'
import { splitFolder } from './graph/split-folder.ts'

export interface ModelSplitterOptions {
  /** Where heads and tails are kept, by content. Default: the user's cache. */
  readonly folder?: string
  /** How long one split may take, ms. Default 120,000. */
  readonly within?: number
}

const splitterOptions = z.strictObject({
  folder: z.string().min(1).optional(),
  within: z.number().positive().default(120_000),
} satisfies Record<keyof ModelSplitterOptions, z.ZodType>)

/** What the splitting process prints: one line of JSON. */
export type SplitReport = ModelSplit | { readonly error: { readonly code: string; readonly message: string } }

/**
 * Cuts models in a process of its own: reading and writing a large model takes long and is synchronous. What was cut
 * once is found again on disk.
 */
export function modelSplitter(options: ModelSplitterOptions = {}): ModelSplitter {
  const { folder, within } = readOptions(splitterOptions, options, 'modelSplitter()')
  const { url, execArgv } = processEntry('split-entry')
  return {
    split(model: ModelSource, layer: string, signal?: AbortSignal) {
      return new Promise<ModelSplit>((resolve, reject) => {
        // Chosen here, where what it has to say is heard.
        const where = folder ?? splitFolder()
        const request = JSON.stringify({
          path: model.path,
          sha256: model.sha256,
          axes: model.axes,
          layer,
          folder: where,
        })
        const args = [...execArgv, fileURLToPath(url), request]
        execFile(process.execPath, args, { timeout: within, maxBuffer: 2 ** 20, signal }, (error, output) => {
          if (signal?.aborted) return reject(new Cancelled(undefined, { cause: signal.reason }))
          const report = parse(output)
          if (report && 'head' in report) return resolve(report)
          reject(report ? revive(report.error) : lost(model, layer, why(error, within), error))
        })
      })
    },
  }
}

function parse(output: string): SplitReport | undefined {
  try {
    return JSON.parse(output) as SplitReport
  } catch {
    return undefined
  }
}

function revive({ code, message }: { readonly code: string; readonly message: string }): Error {
  if (code === 'bad-configuration') return new BadConfiguration(message)
  return code === 'too-large' ? new TooLarge(message) : new ModelLoadFailed(message)
}

/** Why the process ended without a report. */
function why(error: ExecFileException | null, within: number): string {
  if (error?.killed) return `it took more than ${within} ms`
  // A large model may need more memory than there is.
  if (error?.signal) return `its process was ended by ${error.signal}`
  return `its process ended with code ${error?.code ?? 0}`
}

function lost(model: ModelSource, layer: string, reason: string, cause: unknown): ModelLoadFailed {
  return new ModelLoadFailed(
    `"${model.name}" could not be cut behind "${layer}": ${reason}. Try it with the command line: quintet split.`,
    { cause },
  )
}
