import { createHash } from 'node:crypto'
import { arch, cpus } from 'node:os'
import { z } from 'zod'
import { ModelLoadFailed } from '../../../pipeline/index.ts'
import { env } from '../runtime.ts'
import { type Attempt, attemptResult, attempts } from './attempt.ts'
import { cached } from './cache.ts'
import { asked, inChild, type Question } from './child.ts'
import type { Model } from './model.ts'
import { load, optimised } from './optimised.ts'
import type { CutPlan } from './parts.ts'
import { type OptimisedGraph, optimisedGraph, outline } from './separate.ts'
import { splitFolder } from './split-folder.ts'

/** Who is asked how the runtime computes a model. */
export interface Runtime {
  /** The graph that it makes of the model. @throws where it cannot load the model, or not in time */
  optimise(model: Model): Promise<OptimisedGraph>
  /** What cuts do when they are tried, in their order; shorter where time was over. */
  attempt(model: Model, cuts: readonly CutPlan[]): Promise<readonly Attempt[]>
  /** Loads files and lets them go. @throws an Error that says why it could not, as the end of a sentence */
  load(paths: readonly string[]): Promise<void>
}

/** Asks in the thread that calls, for as long as it takes: for processes that do nothing else. */
export const here: Runtime = {
  optimise: (model) => optimised(model.file.path, async ({ graph }) => outline(graph)),
  async attempt(model, cuts) {
    const results: Attempt[] = []
    for await (const result of attempts(model, cuts)) results.push(result)
    return results
  },
  load,
}

/** Where and how long. */
export interface ApartOptions {
  /** Folder of what was learnt; beside the splits by default. */
  readonly folder?: string
  /** Longest that one question may take, ms: loading the model once, or all trials of one round. Default 120,000. */
  readonly within?: number
}

// Raised whenever the same question is answered otherwise.
const version = 1

// Large enough that loading the model for each is little beside the trials, and small enough that little is lost at the end.
const batch = 32

/**
 * Asks in a process of its own: whatever the runtime does with a model, a crash included, stays there, and so does the
 * memory. What was found out is kept on disk, by the model's content, the runtime's version and the processor.
 */
export function apart({ folder = splitFolder(), within = 120_000 }: ApartOptions = {}): Runtime {
  return {
    optimise: async (model) =>
      kept(folder, ['optimised', model.file.sha256], optimisedGraph, async () => {
        const [graph] = await ask(model, { ask: 'optimised', of: asked(model) }, within)
        return optimisedGraph.parse(graph)
      }),
    attempt: async (model, cuts) => {
      const about = ['attempts', model.file.sha256, sizesAndStates(model)]
      const until = performance.now() + within
      const results: Attempt[] = []
      for (let from = 0; from < cuts.length; from += batch) {
        const plans = cuts
          .slice(from, from + batch)
          .map(({ head, crossing, headStates }) => ({ head, crossing, headStates }))
        const ended: Attempt[] = []
        try {
          results.push(...(await kept(folder, [...about, plans], tried, () => tryIn(model, plans, until, ended))))
        } catch (error) {
          if (!(error instanceof Unfinished)) throw error
          results.push(...ended)
          if (ended.length < plans.length) break
        }
      }
      return results
    },
    load: async (paths) => {
      await inChild({ ask: 'load', paths }, within)
    },
  }
}

const tried = z.array(attemptResult)

/** Not every cut was tried to its end. What a busy machine or a crash left open is asked again another time. */
class Unfinished extends Error {}

/** Tries cuts in one process after another: one that makes the runtime crash costs its own trial alone. */
async function tryIn(model: Model, cuts: readonly CutPlan[], until: number, ended: Attempt[]): Promise<Attempt[]> {
  let lost = false
  while (ended.length < cuts.length && performance.now() < until) {
    const lines: unknown[] = []
    const question = { ask: 'attempts', of: asked(model), cuts: cuts.slice(ended.length) } as const
    const error = await ask(model, question, until - performance.now(), lines).then(
      () => undefined,
      (cause: Error) => cause,
    )
    ended.push(...tried.parse(lines))
    if (!error) break
    lost = true
    if (ended.length < cuts.length && performance.now() < until) ended.push({ failed: error.message })
  }
  if (lost || ended.length < cuts.length) throw new Unfinished()
  return ended
}

function ask(model: Model, question: Question, within: number, answers?: unknown[]): Promise<readonly unknown[]> {
  return inChild(question, within, answers).catch((cause: Error) => {
    throw new ModelLoadFailed(`The runtime could not say how it computes "${model.file.path}": ${cause.message}.`, {
      cause,
    })
  })
}

function sizesAndStates(model: Model): unknown {
  const states = model.states.map(({ input, output }) => [input.name, output.name])
  return [Object.entries(model.shapes.dimensions).sort(), states]
}

/** An answer from disk, or a fresh one that is put there. Nothing is lost but time where the folder cannot be written. */
async function kept<T>(
  folder: string,
  question: readonly unknown[],
  schema: z.ZodType<T>,
  make: () => Promise<T>,
): Promise<T> {
  const where = [version, env.versions.node, arch(), cpus()[0]?.model]
  const key = createHash('sha256')
    .update(JSON.stringify([where, question]))
    .digest('hex')
  let made: T | undefined
  try {
    const { about } = await cached(folder, key, async () => {
      made = await make()
      return { files: {}, about: made }
    })
    const read = schema.safeParse(about)
    return read.success ? read.data : (made ?? (await make()))
  } catch (error) {
    if (made !== undefined) return made
    throw error
  }
}
