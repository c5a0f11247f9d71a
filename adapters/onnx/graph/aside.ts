import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { processEntry } from '../entry.ts'

/** What is asked of a process of its own: one line of JSON. */
export type AsideQuestion =
  /** The shapes that only a run of the model tells. */
  | {
      readonly run: string
      readonly sha256: string
      readonly dimensions: Readonly<Record<string, number>>
    }
  /** Whether the runtime loads these files. */
  | { readonly load: readonly string[] }

const report = z.union([
  z.object({ shapes: z.record(z.string(), z.array(z.number().int().min(0))) }),
  z.object({ error: z.string() }),
])

/** What it answers. */
export type AsideAnswer = z.infer<typeof report>

/**
 * Asks the runtime in a process of its own: its memory, its crashes and its time stay there.
 * @param within Longest that it may take, ms.
 * @returns never throws: what went wrong is the answer's error
 */
export function askAside(question: AsideQuestion, within: number): Promise<AsideAnswer> {
  const { url, execArgv } = processEntry('shapes-entry')
  const args = [...execArgv, fileURLToPath(url), JSON.stringify(question)]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: within, maxBuffer: 2 ** 26 }, (error, output) => {
      try {
        resolve(report.parse(JSON.parse(output)))
      } catch {
        const end = error?.signal ? `was ended by ${error.signal}` : `ended with code ${error?.code ?? 0}`
        resolve({ error: `its process ${error?.killed ? `took more than ${within} ms` : end}` })
      }
    })
  })
}
