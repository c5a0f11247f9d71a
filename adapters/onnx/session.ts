import type { Tensor } from '../../pipeline/index.ts'
import type { ExecutorOptions, LoadReport, ModelSource, RunReport } from '../../stages/execute/index.ts'
import { Fault } from './fault.ts'
import { modelHash } from './hash.ts'
import { refusalOf } from './refusal.ts'
import { InferenceSession, Tensor as RuntimeTensor } from './runtime.ts'
import { fromResults, toFeeds } from './tensors.ts'
import { checkExpected, tryOut } from './trial.ts'

/** The models of one executor, in the thread that calls: the one place where sessions are made, run and released. */
export interface Sessions {
  /**
   * Verifies the files' hash, makes a session, and looks whether the model is what its catalogue entry says; a model
   * loaded already is reported again. @throws Fault
   */
  load(model: ModelSource): Promise<LoadReport>
  /** Releases the session, once; unknown keys are ignored. */
  unload(key: string): Promise<void>
  /** Runs to the end, blocking this thread. @throws Fault */
  run(key: string, inputs: readonly Tensor[], outputs?: readonly string[]): Promise<RunReport>
  /** Releases all. */
  close(): Promise<void>
}

interface Loaded {
  readonly session: InferenceSession
  readonly name: string
  readonly report: LoadReport
}

export interface SessionsOptions extends ExecutorOptions {
  /** The process is the executor's alone: its resident memory is told. */
  readonly ownsMemory?: boolean
}

/** Milliseconds between two looks at the resident memory, of which one costs as much as a tenth of a small run. */
const lookEvery = 500

/** How every executor sets the runtime up. */
export function sessionOptions(options: ExecutorOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: ['cpu'],
    intraOpNumThreads: options.threads ?? 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: options.optimisation ?? 'all',
    // Fatal ones only: errors are thrown, and would be told twice.
    logSeverityLevel: 4,
    extra: {
      session: {
        // A spinning pool eats the cores of its neighbours between two runs.
        intra_op: { allow_spinning: '0' },
        // x64 processors without VNNI add pairs of uint8 × int8 products up in 16 bits, which overflow: 8 points of top-1 are
        // lost, on that side of the wire alone. The runtime then takes uint8 weights, where the processor needs it.
        x64quantprecision: '1',
      },
    },
  }
}

/** Sessions of onnxruntime-node with the given options. Calls must not overlap: the owner answers one at a time. */
export function openSessions(options: SessionsOptions = {}): Sessions {
  const loaded = new Map<string, Loaded>()
  /** What was found out of models by trying them, which takes as long as a few runs: once an executor. */
  const tried = new Map<string, boolean>()
  let looked = 0
  const settings = sessionOptions(options)

  async function load(model: ModelSource): Promise<LoadReport> {
    const known = loaded.get(model.key)
    if (known !== undefined) return known.report
    const started = performance.now()
    await verify(model)
    const before = process.memoryUsage.rss()
    let session: InferenceSession
    try {
      session = await InferenceSession.create(model.path, settings)
    } catch (cause) {
      throw new Fault(
        'model-load-failed',
        `The runtime refuses model "${model.name}" (${model.path}): ${refusalOf(cause).why}.`,
        { cause },
      )
    }
    let batches: boolean
    try {
      checkExpected(model, session)
      const key = JSON.stringify([model.key, model.expects, model.batch])
      batches = tried.get(key) ?? (await tryOut(model, session, options.batching ?? false))
      tried.set(key, batches)
    } catch (error) {
      await session.release()
      throw error
    }
    const report: LoadReport = {
      ms: performance.now() - started,
      // Memory that an earlier model gave back is used again without growth, and the weights need a place anyway.
      residentBytes: Math.max(process.memoryUsage.rss() - before, model.bytes),
      inputs: session.inputNames,
      outputs: session.outputNames,
      batches,
      ...(options.ownsMemory ? { memory: process.memoryUsage.rss() } : {}),
    }
    loaded.set(model.key, { session, name: model.name, report })
    return report
  }

  async function unload(key: string): Promise<void> {
    const entry = loaded.get(key)
    if (entry === undefined) return
    // Forgotten first: a second release of one session throws.
    loaded.delete(key)
    await entry.session.release()
  }

  async function run(key: string, inputs: readonly Tensor[], outputs?: readonly string[]): Promise<RunReport> {
    const entry = loaded.get(key)
    if (entry === undefined) {
      throw new Fault('execution-failed', `Model ${key} is not loaded in this executor. Load it first.`)
    }
    const { session, name } = entry
    const feeds = toFeeds(name, inputs, session.inputMetadata)
    const wanted = outputs ?? session.outputNames
    const unknown = wanted.find((output) => !session.outputNames.includes(output))
    if (unknown !== undefined) {
      throw new Fault(
        'execution-failed',
        `Model "${name}" has no output "${unknown}". Ask for some of: ${session.outputNames.join(', ')}.`,
      )
    }
    const started = performance.now()
    try {
      const results = await session.run(feeds, wanted)
      const ended = performance.now()
      const report = { ms: ended - started, outputs: fromResults(name, results, wanted) }
      if (!options.ownsMemory || ended - looked < lookEvery) return report
      looked = ended
      return { ...report, memory: process.memoryUsage.rss() }
    } catch (cause) {
      if (cause instanceof Fault) throw cause
      throw new Fault(
        'execution-failed',
        `The runtime failed to run model "${name}": ${reason(cause)}. Its inputs have the right shapes; look at the model.`,
        { cause },
      )
    }
  }

  async function close(): Promise<void> {
    for (const key of [...loaded.keys()]) await unload(key)
  }

  return { load, unload, run, close }
}

/** `x` float32 [1] → Identity → `y`, as an ONNX file. */
const smallest = 'CAg6OgoQCgF4EgF5IghJZGVudGl0eRIEdGVzdFoPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEBE='

/**
 * Makes and releases a session of the smallest model, so that what the runtime needs for itself (20 ms, 25 MB) is not
 * taken for the time and size of the first model that is loaded.
 */
export async function warmUp(): Promise<void> {
  const session = await InferenceSession.create(Buffer.from(smallest, 'base64'), { intraOpNumThreads: 1 })
  await session.run({ x: new RuntimeTensor('float32', [0], [1]) })
  await session.release()
}

/** Compares the sha256 of the file, and of those of its weights, with the one that the model was described by. @throws Fault */
async function verify({ name, path, sha256 }: ModelSource): Promise<void> {
  let found: string
  try {
    found = await modelHash(path)
  } catch (cause) {
    throw new Fault('model-load-failed', `Cannot read model "${name}": ${reason(cause)}. Fetch it to ${path}.`, {
      cause,
    })
  }
  if (found !== sha256) {
    throw new Fault(
      'model-load-failed',
      `Model "${name}" is not the file it should be: ${path} (with the files of its weights) has sha256 ${found}, expected ${sha256}. Fetch it again.`,
    )
  }
}

function reason(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).trim().replace(/\.$/, '')
}
