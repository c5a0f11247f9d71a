import type { Answer } from '../answer.ts'
import type { PipelineEvent } from '../events.ts'
import type { RunningDevice } from '../halves.ts'
import type { Counts } from '../ledger.ts'
import type { Dropped, Failure } from '../message.ts'

/** Everything that became of a run. */
export interface Collected {
  readonly answers: readonly Answer[]
  readonly failures: readonly Failure[]
  readonly dropped: readonly Dropped[]
  readonly counts: Counts
  readonly events: readonly PipelineEvent[]
  /** What the source or the start ended with, if it failed. */
  readonly error: unknown
}

/**
 * Reads a run to its end. Call it in the same breath as `run()`: events are not kept for latecomers.
 *
 *     const { answers, failures, counts } = await collect(pipeline('a', {}, frames(3), answering()).run())
 *
 * On a fake clock, let time pass before awaiting it:
 *
 *     const all = collect(flow.run())
 *     await clock.advance(1000)
 *     const { counts } = await all
 */
export async function collect(running: RunningDevice): Promise<Collected> {
  const answers: Answer[] = []
  const failures: Failure[] = []
  const dropped: Dropped[] = []
  const events: PipelineEvent[] = []
  const subscription = running.events.stream.subscribe((event) => {
    events.push(event)
    if (event.type !== 'settled') return
    if (event.item.kind === 'failure') failures.push(event.item)
    else if (event.item.kind === 'dropped') dropped.push(event.item)
  })
  let error: unknown
  try {
    for await (const answer of running) answers.push(answer)
  } catch (thrown) {
    error = thrown
  } finally {
    subscription.unsubscribe()
  }
  return { answers, failures, dropped, counts: running.counts, events, error }
}
