import type { StageContext } from '../context.ts'
import type { Outcome } from '../decider.ts'
import { Refused } from '../errors.ts'
import type { Item, Message } from '../message.ts'
import { type Payload, payloadBytes } from '../payload.ts'

/**
 * Tells the deciders of a half what became of an attempt. What a decider throws is an event, nobody else's problem.
 * @param message the attempt as it began
 * @param entered the payload with which the message entered this half
 * @param end whether this settled the message, and when the attempt ended (local clock, ms): now, where that is not said
 */
export function observe(
  item: Item,
  message: Message,
  entered: Payload | undefined,
  context: StageContext,
  { settled, at: now = context.clock.now() }: { readonly settled: boolean; readonly at?: number },
): void {
  const { deciders, world, events, side, deadline } = context
  if (deciders.length === 0) return
  const latency = now - message.captured
  const sized = entered && 'width' in entered ? entered : undefined
  const outcome: { -readonly [K in keyof Outcome]: Outcome[K] } = {
    id: item.id,
    side,
    now,
    kind: item.kind,
    plan: item.kind === 'dropped' ? message.plan : item.plan,
    attempt: item.kind === 'dropped' ? message.attempt : item.attempt,
    settled,
    score: item.kind === 'message' && item.payload.form === 'result' ? item.payload.score : undefined,
    label: item.kind === 'message' && item.payload.form === 'result' ? item.payload.label : undefined,
    timings: item.timings,
    crossing: item.kind === 'message' ? item.crossing : undefined,
    way: message.way,
    bytes: entered ? payloadBytes(entered) : 0,
    width: sized?.width,
    height: sized?.height,
    latency,
    onTime: item.kind === 'message' && latency <= (message.deadline ?? deadline),
    error: item.kind === 'failure' ? item.error.code : undefined,
    retryAfter: item.kind === 'failure' && item.error instanceof Refused ? item.error.retryAfter : undefined,
  }
  if (message.backup) outcome.backup = message.backup
  if (message.began !== undefined) outcome.began = message.began - message.captured
  for (const decider of deciders) {
    try {
      decider.observe?.(outcome, world)
    } catch (error) {
      events.emit({ type: 'fault', where: decider.name, error })
    }
  }
}
