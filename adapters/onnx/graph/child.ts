import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ModelLoadFailed } from '../../../pipeline/index.ts'
import { processEntry } from '../entry.ts'
import type { Model } from './model.ts'
import type { CutPlan } from './parts.ts'

/** What the process is asked: one line of JSON on its input. Without cuts, for the optimised graph. */
export interface Question {
  readonly path: string
  readonly sha256: string
  readonly dimensions: Readonly<Record<string, number>>
  readonly states: Readonly<Record<string, string>>
  readonly cuts?: readonly CutPlan[]
}

/** What it answers: lines of JSON on its output, the last one empty where it came to its end. */
export type Answer = { readonly answer: unknown } | { readonly error: string } | { readonly end: true }

/**
 * Asks a process of its own; resolves with its answers.
 * @param answers Where they are put as they come.
 * @throws ModelLoadFailed where it fails, crashes, or takes longer
 */
export async function inChild(
  model: Model,
  cuts: readonly CutPlan[] | undefined,
  within: number,
  answers: unknown[] = [],
): Promise<readonly unknown[]> {
  const { url, execArgv } = processEntry('exact-entry')
  const child = spawn(process.execPath, [...execArgv, fileURLToPath(url)], { stdio: ['pipe', 'pipe', 'ignore'] })
  const states = Object.fromEntries(model.states.map(({ input, output }) => [input.name, output.name]))
  const { path, sha256 } = model.file
  const question: Question = { path, sha256, dimensions: model.shapes.dimensions, states, ...(cuts ? { cuts } : {}) }
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
      const said = JSON.parse(line) as Answer
      if ('end' in said) return answers
      if ('error' in said) throw failure(model, said.error)
      answers.push(said.answer)
    }
    const how = await closed
    throw failure(model, slow ? `it took more than ${Math.round(within)} ms` : how)
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
    await closed
  }
}

function failure(model: Model, reason: string): ModelLoadFailed {
  return new ModelLoadFailed(`The runtime could not say how it computes "${model.file.path}": ${reason}.`)
}
