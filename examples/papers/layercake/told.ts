import type { DecisionRequest, Outcome, Plan, Side, Timings, Tried, Way } from '../../../pipeline/index.ts'

/** A request under way, as far as deciders are told of it. */
export interface Asking {
  readonly id: string
  readonly seq: number
  readonly captured: number
  readonly deadline: number
  readonly bytes: number
  readonly tried: readonly Tried[]
  readonly attempt: number
  readonly plan: Plan
  readonly settled: boolean
}

/** What deciders of the device are asked. */
export function asked({ id, seq, captured, deadline, bytes, attempt, tried }: Asking, now: number): DecisionRequest {
  const elapsed = now - captured
  return {
    id,
    source: 'device.main',
    seq,
    side: 'device',
    at: 'captured',
    bytes,
    width: undefined,
    height: undefined,
    elapsed,
    remaining: deadline - elapsed,
    deadline,
    way: undefined,
    now,
    plan: {},
    attempt,
    tried,
  }
}

/** What they hear of an attempt's end. */
export function ended(
  { id, captured, deadline, bytes, settled }: Asking,
  now: number,
  plan: Plan,
  attempt: number,
  timings: Timings,
  side: Side = 'device',
  way?: Way,
): Outcome {
  const latency = now - captured
  return {
    id,
    side,
    now,
    kind: 'message',
    plan,
    attempt,
    settled: !settled,
    score: undefined,
    timings,
    crossing: undefined,
    way,
    bytes,
    width: undefined,
    height: undefined,
    latency,
    onTime: latency <= deadline,
    error: undefined,
  }
}
