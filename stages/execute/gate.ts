import type { Clock } from '../../pipeline/index.ts'
import type { ModelSource } from '../manage/index.ts'
import { refusal } from './admission.ts'
import type { PoolStatistics } from './contract.ts'
import type { Leases } from './leases.ts'
import type { ModelStates } from './model-state.ts'
import type { PoolSettings } from './options.ts'
import { RunRefused } from './refused.ts'
import type { RunQueue } from './run-queue.ts'
import type { Slot, Up } from './slot.ts'
import type { Work } from './work.ts'

export interface GateOptions {
  readonly settings: PoolSettings
  readonly clock: Clock
  readonly queue: RunQueue<Work>
  readonly states: ModelStates
  readonly slots: readonly Slot[]
  readonly leases: Leases | undefined
  /** A run was refused because its model is not loaded, and there is no cache that would load it for the next one. */
  readonly onCold: (model: ModelSource) => void
}

/** Says which runs may not wait, and counts those refused by their reason. */
export class Gate {
  readonly #options: GateOptions
  readonly #refused = { full: 0, late: 0, cold: 0, ending: 0, 'given-up': 0 }

  constructor(options: GateOptions) {
    this.#options = options
  }

  /** Refused so far. */
  get refusedBy(): PoolStatistics['refusedBy'] {
    return { ...this.#refused }
  }

  /** The pool takes nothing any more. @param instead what the caller had better do */
  ending(instead: string): RunRefused {
    return this.#counted(new RunRefused('ending', `The pool is ending. ${instead}`))
  }

  /** Every executor was given up, and rests. */
  givenUp(cause: Error | undefined): RunRefused {
    const last = cause ? ` The last time: ${cause.message}` : ''
    const reason = `Every executor died too often; they are tried again after a rest. Look at why they die.${last}`
    return this.#counted(new RunRefused('given-up', reason, { cause }))
  }

  /** Why it had better not wait: it could not be in time. */
  late(work: Work): RunRefused | undefined {
    const { settings, clock, queue, states, slots, leases, onCold } = this.#options
    if (work.expires === undefined || !settings.admission) return undefined
    const { model } = work
    const ups: Up[] = []
    for (const { up } of slots) if (up !== undefined) ups.push(up)
    const state = states.of(model)
    const held = ups.some(({ residency }) => residency.has(model.key))
    const readyIn = held ? 0 : leases === undefined ? state.loadMs : leases.readyIn(model)
    const refused = refusal(work, state, { now: clock.now(), ups, queue, states, readyIn })
    if (refused === undefined) return undefined
    if (refused.reason === 'cold' && leases === undefined) onCold(model)
    return this.#counted(refused)
  }

  /** With one that has just come too many wait: which of them may not, and why. */
  full(work: Work): { readonly leaves: Work; readonly error: RunRefused } | undefined {
    const { model } = work
    const { settings, queue, states, slots } = this.#options
    const state = states.of(model)
    const most =
      state.waiting > settings.queue ? settings.queue : queue.length > settings.backlog ? settings.backlog : undefined
    if (most === undefined) return undefined
    const retryAfter = Math.ceil((states.share(state) * most) / slots.length)
    const whose = most === settings.backlog ? '' : ` of "${model.name}"`
    const message = `${most} runs${whose} wait already. Try again in ${retryAfter} ms, or add executors.`
    const leaves = queue.tooMany(work, state.waiting > settings.queue ? model.key : undefined)
    return { leaves, error: this.#counted(new RunRefused('full', message, { retryAfter })) }
  }

  /** It is refused. */
  #counted(refused: RunRefused): RunRefused {
    this.#refused[refused.reason] += 1
    return refused
  }
}
