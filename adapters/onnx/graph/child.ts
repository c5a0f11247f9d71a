import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { processEntry } from '../entry.ts'
import type { Model } from './model.ts'
import type { CutPlan } from './parts.ts'

/** A model as a process of its own finds it: the file, what it must be, and what was settled when it was read. */
export interface Asked {
  readonly path: string
  readonly sha256: string
  readonly dimensions: Readonly<Record<string, number>>
  readonly states: Readonly<Record<string, string>>
}

/** What the process is asked: one line of JSON on its input. */
export type Question =
  /** The shapes that only a run tells, by name: one answer. */
  | { readonly ask: 'shapes'; readonly of: Asked }
  /** The graph that the runtime makes of the model: one answer. */
  | { readonly ask: 'optimised'; readonly of: Asked }
  /** What cuts do when they are tried: one answer each, in their order. */
  | { readonly ask: 'attempts'; readonly of: Asked; readonly cuts: readonly CutPlan[] }
  /** Whether the runtime loads these files: no answer but the end. */
  | { readonly ask: 'load'; readonly paths: readonly string[] }

/** What it says: lines of JSON on its output, the last one `end` where it came to its end. */
export type Said = { readonly answer: unknown } | { readonly error: string } | { readonly end: true }

/** What a process is told of a model. */
export function asked(model: Model): Asked {
  const { path, sha256 } = model.file
  const states = Object.fromEntries(model.states.map(({ input, output }) => [input.name, output.name]))
  return { path, sha256, dimensions: model.shapes.dimensions, states }
}

/**
 * Asks the runtime in a process of its own: its memory, its crashes and its time stay there.
 * @param within Longest that it may take, ms.
 * @param answers Where they are put as they come.
 * @returns the answers
 * @throws an Error that says why, as the end of a sentence: what the process says, or that it crashed or took longer
 */
export async function inChild(
  question: Question,
  within: number,
  answers: unknown[] = [],
): Promise<readonly unknown[]> {
  const { url, execArgv } = processEntry('graph-entry')
  const child = spawn(process.execPath, [...execArgv, fileURLToPath(url)], { stdio: ['pipe', 'pipe', 'ignore'] })
  // It may end before it has read the question; its end says so.
  child.stdin.on('error', () => {})
  child.stdin.write(`${JSON.stringify(question)}\n`)
  let slow = false
  const timer = setTimeout(() => {
    slow = true
    child.kill('SIGKILL')
  }, within)
  const closed = new Promise<string>((resolve) => {
    child.once('error', ({ message }) => resolve(`its process did not start (${message})`))
    child.once('close', (code, signal) => resolve(`its process ended with ${signal ?? `code ${code}`}`))
  })
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const said = JSON.parse(line) as Said
      if ('end' in said) return answers
      if ('error' in said) throw new Error(said.error)
      answers.push(said.answer)
    }
    const how = await closed
    throw new Error(slow ? `its process took more than ${Math.round(within)} ms` : how)
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
    await closed
  }
}
