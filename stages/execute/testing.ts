import { Cancelled, type Clock, ExecutionFailed, ExecutorLost, sleep, type Tensor } from '../../pipeline/index.ts'
import type { ModelSource } from '../manage/index.ts'
import type { Executor, ExecutorFactory, LoadReport, RunReport } from './ports.ts'

export interface FakeExecutorsOptions {
  /** Owns the time that loads and runs take. */
  readonly clock: Clock
  /** Milliseconds of a start, a load, a run. Default 0: done as soon as asked. */
  readonly startMs?: number
  readonly loadMs?: number
  readonly runMs?: number | ((model: ModelSource, inputs: readonly Tensor[]) => number)
  /** Runs that each takes at a time. Default 1. */
  readonly depth?: number
  /** Whether several inputs can be run as one. Default false. */
  readonly batches?: boolean
  /** Resident bytes that a run tells; `baseline` before any model is 100. Default: none are told. */
  readonly memory?: () => number
  /** What a run answers. Default: its inputs. An error thrown here is the run's. */
  readonly answer?: (model: ModelSource, inputs: readonly Tensor[]) => readonly Tensor[]
  /** An error thrown here is the load's, e.g. ModelLoadFailed. */
  readonly onLoad?: (model: ModelSource) => void
}

/** An executor without a runtime behind it, that tells what was done to it. */
export interface FakeExecutor extends Executor {
  /** Names of the models, in order: loads and runs begun, unloads done. */
  readonly loads: readonly string[]
  readonly runs: readonly string[]
  readonly unloads: readonly string[]
  readonly state: 'alive' | 'crashed' | 'killed' | 'closed'
  /** Dies now, as a process that segfaults: work is rejected, `lost` resolves. */
  crash(): void
  /** Runs that begin from now on never end, until it is killed or crashes. */
  hang(): void
}

/** A factory of fakes; deterministic on an injected clock. */
export interface FakeExecutors extends ExecutorFactory {
  /** All that were ever started, in order. */
  readonly executors: readonly FakeExecutor[]
  /** The next `times` starts fail. */
  failStarts(times: number): void
}

/** Executors for tests of whatever stands on the executor port. */
export function fakeExecutors(options: FakeExecutorsOptions): FakeExecutors {
  const executors: FakeExecutor[] = []
  let failing = 0
  return {
    kind: 'fake',
    executors,
    failStarts(times) {
      failing = times
    },
    async start() {
      if (options.startMs) await sleep(options.clock, options.startMs)
      if (failing > 0) {
        failing -= 1
        throw new ExecutorLost('A fake executor did not start, as it was told.')
      }
      const executor = fakeExecutor(`fake-${executors.length + 1}`, options)
      executors.push(executor)
      return executor
    },
  }
}

function fakeExecutor(id: string, options: FakeExecutorsOptions): FakeExecutor {
  const { clock, loadMs = 0, runMs = 0, answer = (_model, inputs) => inputs, onLoad } = options
  const { batches = false, memory } = options
  const held = new Map<string, ModelSource>()
  const loads: string[] = []
  const runs: string[] = []
  const unloads: string[] = []
  let state: FakeExecutor['state'] = 'alive'
  let hanging = false
  let last: Promise<unknown> = Promise.resolve()
  let tellLost: (error: ExecutorLost) => void = () => {}
  const lost = new Promise<ExecutorLost>((resolve) => {
    tellLost = resolve
  })
  const end = new AbortController()

  function stop(as: FakeExecutor['state']): ExecutorLost {
    const error = new ExecutorLost(`Executor ${id} ${as}.`)
    if (state === 'alive') {
      state = as
      end.abort(error)
    }
    return error
  }

  /** One thing at a time, in order; everything ends when the executor does. */
  function inTurn<T>(doing: () => Promise<T>): Promise<T> {
    const turn = last.then(async () => {
      end.signal.throwIfAborted()
      return doing()
    })
    last = turn.catch(() => {})
    return turn
  }

  function pass(ms: number): Promise<void> {
    return ms === 0 ? Promise.resolve() : sleep(clock, ms, end.signal)
  }

  return {
    id,
    depth: options.depth ?? 1,
    ...(memory ? { baseline: 100 } : {}),
    loads,
    runs,
    unloads,
    lost,
    get state() {
      return state
    },
    load: (model) =>
      inTurn(async (): Promise<LoadReport> => {
        loads.push(model.name)
        await pass(loadMs)
        onLoad?.(model)
        held.set(model.key, model)
        return { ms: loadMs, residentBytes: model.bytes, inputs: ['input'], outputs: ['output'], batches }
      }),
    unload: (key) =>
      inTurn(async () => {
        const model = held.get(key)
        if (model !== undefined && held.delete(key)) unloads.push(model.name)
      }),
    run: (key, inputs, { cancellation } = {}) =>
      inTurn(async (): Promise<RunReport> => {
        if (cancellation?.cancelled) throw new Cancelled()
        const model = held.get(key)
        if (model === undefined) throw new ExecutionFailed(`Model ${key} is not loaded in ${id}. Load it first.`)
        runs.push(model.name)
        const ms = typeof runMs === 'number' ? runMs : runMs(model, inputs)
        await (hanging ? forever(end.signal) : pass(ms))
        return { outputs: answer(model, inputs), ms, ...(memory ? { memory: memory() } : {}) }
      }),
    crash: () => tellLost(stop('crashed')),
    hang() {
      hanging = true
    },
    kill: () => void stop('killed'),
    async close(within = 5_000) {
      const enough = new AbortController()
      await Promise.race([last, sleep(clock, within, enough.signal).catch(() => {})])
      enough.abort()
      stop('closed')
    },
  }
}

function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
