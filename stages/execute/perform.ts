import { type Clock, DeadlineExceeded, ExecutionFailed, ExecutorLost, type Tensor } from '../../pipeline/index.ts'
import type { ModelSource } from '../manage/index.ts'
import { ColdStarts } from './cold-starts.ts'
import type { PoolEvent } from './contract.ts'
import type { ModelState, ModelStates } from './model-state.ts'
import type { PoolSettings } from './options.ts'
import { Overhead } from './overhead.ts'
import type { ExecutorFactory, LoadReport } from './ports.ts'
import type { Slot, Up } from './slot.ts'
import { stack, unstack } from './stack.ts'
import { RecentTimes } from './times.ts'
import type { Turn } from './turn.ts'
import type { Work } from './work.ts'

/** How a turn ended, for each of its works. */
export type Outcome =
  | {
      readonly type: 'done'
      readonly outputs: readonly (readonly Tensor[])[]
      readonly ms: number
      readonly loadMs: number
    }
  /** Nobody waited for it any more, or it was taken back before it began. */
  | { readonly type: 'unmade' }
  | { readonly type: 'failed'; readonly error: Error }
  /** `running`: the executor had loaded the model, and died of the run. */
  | { readonly type: 'lost'; readonly error: ExecutorLost; readonly running: boolean }

/** A run that goes on for so many times as long as 99 of 100 do, and the grace, hangs. */
const timesUsual = 10

export interface PerformerOptions {
  readonly settings: PoolSettings
  readonly clock: Clock
  readonly kind: ExecutorFactory['kind']
  readonly states: ModelStates
  readonly events: ((event: PoolEvent) => void) | undefined
}

/** Makes turns and loads on executors, each under a watchdog, and learns what they take. */
export class Performer {
  readonly #options: PerformerOptions
  readonly #overhead = new Overhead()
  /** Where the time of the last runs went. */
  readonly times = new RecentTimes()
  /** What they waited for their models. */
  readonly cold = new ColdStarts()
  /** Runs that were asked for and made, runs of executors that made them, and loads, since the start. */
  runs = 0
  made = 0
  loads = 0

  constructor(options: PerformerOptions) {
    this.#options = options
  }

  /** Loads the turn's model where it is not held, and makes the run. Never rejects. */
  async perform(turn: Turn, slot: Slot, up: Up): Promise<Outcome> {
    const { clock } = this.#options
    const { works, model } = turn
    const { executor, residency } = up
    let running = false
    try {
      const taken = clock.now()
      const held = residency.has(model.key)
      if (!held) await this.load(model, slot, up)
      // The model stays for the next one, also when nobody waits for this run any more.
      if (works.every(({ settled }) => settled)) return { type: 'unmade' }
      const loaded = clock.now()
      if (turn.began !== undefined) this.watch(turn, slot, up)
      const cancellation = turn.cancellation()
      const { outputs } = (works[0] as Work).options
      const inputs = works.length === 1 ? (works[0] as Work).inputs : stack(works.map((work) => work.inputs))
      running = true
      const report = await executor.run(model.key, inputs, outputs ? { outputs, cancellation } : { cancellation })
      this.made += 1
      this.runs += works.length
      const ended = clock.now()
      this.#overhead.add(ended - Math.max(turn.began ?? loaded, loaded) - report.ms)
      this.#learn(turn, report.ms)
      up.lane.count(report.ms, ended)
      this.#look(report.memory, slot, up)
      const each = works.length === 1 ? [report.outputs] : this.#parted(turn, report.outputs)
      return { type: 'done', outputs: each, ms: report.ms, loadMs: held ? 0 : loaded - taken }
    } catch (error) {
      if (error instanceof ExecutorLost) {
        slot.lost(executor, error)
        return { type: 'lost', error, running }
      }
      return turn.takenBack ? { type: 'unmade' } : { type: 'failed', error: error as Error }
    }
  }

  /** @throws ModelLoadFailed · ExecutorLost, and the slot knows */
  async load(model: ModelSource, slot: Slot, up: Up): Promise<LoadReport> {
    const { events, settings, clock, states } = this.#options
    const { executor, residency } = up
    const known = residency.has(model.key)
    const watchdog = clock.after(settings.longestLoad, () => this.#kill(slot, up, `loading "${model.name}" hangs`))
    try {
      const report = await residency.load(model)
      if (known) return report
      const { ms, residentBytes, batches } = report
      this.loads += 1
      Object.assign(states.of(model), { loadMs: ms, batches } satisfies Partial<ModelState>)
      events?.({ type: 'model-loaded', executor: executor.id, model: model.name, ms, residentBytes })
      return report
    } catch (error) {
      if (error instanceof ExecutorLost) slot.lost(executor, error)
      else events?.({ type: 'model-load-failed', executor: executor.id, model: model.name, error: error as Error })
      throw error
    } finally {
      watchdog.cancel()
    }
  }

  /** Takes a run that goes on too long, from when it could begin, for hung. */
  watch(turn: Turn, slot: Slot, up: Up): void {
    const { events, kind, settings, clock } = this.#options
    const { model, works, usual = Infinity } = turn
    const allowed = Math.min(timesUsual * usual + settings.grace, settings.longestRun)
    turn.watchdog?.cancel()
    turn.watchdog = clock.after(allowed, () => {
      const killed = kind !== 'thread'
      events?.({ type: 'run-overdue', executor: up.executor.id, model: model.name, killed })
      const error = new DeadlineExceeded(
        `A run of "${model.name}" went on for more than ${Math.round(allowed)} ms. Look at the model, or allow longer runs.`,
      )
      for (const work of works) work.reject(error)
      this.#kill(slot, up, `a run of "${model.name}" hangs`)
    })
  }

  /** Each its own; a model that answers otherwise than its shapes promise is batched no more. */
  #parted({ model, works }: Turn, outputs: readonly Tensor[]): readonly (readonly Tensor[])[] {
    try {
      return unstack(
        outputs,
        works.map(({ rows = 1 }) => rows),
      )
    } catch (error) {
      this.#options.states.of(model).batches = false
      throw error instanceof ExecutionFailed ? error : new ExecutionFailed(`${error}`, { cause: error })
    }
  }

  #learn(turn: Turn, ms: number): void {
    const state = this.#options.states.of(turn.model)
    state.runs += turn.works.length
    state.times.add(turn.rows, ms + this.#overhead.ms)
  }

  /** Replaces an executor whose process has grown by more than its models. */
  #look(memory: number | undefined, slot: Slot, up: Up): void {
    const { settings, clock, events } = this.#options
    const { executor, residency, since } = up
    if (memory === undefined || executor.baseline === undefined || slot.up !== up || slot.replacing) return
    const beyond = memory - executor.baseline - residency.bytes
    if (beyond <= settings.recycle.slack || clock.now() - since < settings.recycle.every) return
    events?.({ type: 'executor-recycled', executor: executor.id, memory, beyond })
    slot.replace(up, settings.longestRun)
  }

  #kill(slot: Slot, { executor }: Up, reason: string): void {
    if (this.#options.kind === 'thread') return
    if (slot.up?.executor === executor) slot.kill(reason)
    else executor.kill()
  }
}
