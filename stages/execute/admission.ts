import type { ModelState, ModelStates } from './model-state.ts'
import { RunRefused } from './refused.ts'
import type { RunQueue } from './run-queue.ts'
import type { Up } from './slot.ts'
import type { Work } from './work.ts'

/** A run that by the figures cannot be in time is let in all the same, once in so many ms: else figures that are wrong stay. */
const trial = 1_000

/** What a new run finds. */
export interface Situation {
  readonly now: number
  readonly ups: readonly Up[]
  readonly queue: RunQueue<Work>
  readonly states: ModelStates
  /** Milliseconds until the model is loaded somewhere; 0 when it is, undefined when that is not known. */
  readonly readyIn: number | undefined
}

/**
 * Why a run with a deadline is refused at once: its expected start (what executors do now, what is more urgent, its
 * model's load) and the p99 of its model's last runs go beyond it (Gujarati et al., "Clockwork", OSDI 2020, §5.3).
 * Where an executor has nothing to do and nothing more urgent waits, it is the mean that counts: to refuse would keep
 * nothing free for others, and the figures of a model that one slow run has raised are put right only by runs.
 *
 * @returns undefined when it can be in time, or nothing speaks against it
 */
export function refusal(work: Work, state: ModelState, situation: Situation): RunRefused | undefined {
  const { now, ups, queue, states, readyIn = 0 } = situation
  if (work.expires === undefined || ups.length === 0) return undefined
  const left = work.expires - now
  const known = state.times.believed
  const due = new Map<string, number>()
  for (const { owner, key, count } of queue.due(work.expires)) {
    due.set(owner, (due.get(owner) ?? 0) + count * states.share(states.get(key)))
  }
  const own = due.get(work.owner) ?? 0
  let ahead = own
  // Each other owner has no more time than this one meanwhile, its run included.
  for (const [owner, ms] of due) if (owner !== work.owner) ahead += Math.min(ms, own + states.share(state))
  const free = Math.min(...ups.map(({ lane }) => lane.left(now)))
  const idle = ahead === 0 && ups.some(({ lane }) => lane.empty)
  const run = known ? ((idle ? state.times.mean() : state.times.p99()) as number) : 0
  if (readyIn > 0 && readyIn + run > left) {
    const ready = Math.ceil(readyIn)
    return new RunRefused(
      'cold',
      `"${work.model.name}" is not loaded: ready in ${ready} ms, and ${Math.round(left)} ms are left. Ask again then, or use another model.`,
      { retryAfter: ready },
    )
  }
  if (!known) return undefined
  const takes = Math.max(free + ahead / ups.length, readyIn) + run
  if (takes <= left) return undefined
  if (state.waiting === 0 && now - state.tried >= trial) {
    state.tried = now
    work.trial = true
    return undefined
  }
  const late = Math.ceil(takes - left)
  return new RunRefused(
    'late',
    `A run of "${work.model.name}" would take ${Math.ceil(takes)} ms, and ${Math.round(left)} ms are left. Ask again in ${late} ms, use a faster model, or add executors.`,
    { retryAfter: late },
  )
}
