import {
  type DecisionRequest,
  layerOf,
  type Menu,
  type Outcome,
  type Plan,
  type Side,
  type Timings,
} from '../../pipeline/index.ts'
import type { Frame } from './frame.ts'

const open: Plan = {}
const none: DecisionRequest['tried'] = []

/** What deciders of a side are asked about a frame. */
export function requestOf(frame: Frame, side: Side, now: number, deadline: number): DecisionRequest {
  const elapsed = now - frame.captured
  return {
    id: frame.id,
    source: 'device.main',
    seq: frame.seq,
    side,
    at: side === 'device' ? 'captured' : frame.cut,
    bytes: side === 'device' ? frame.bytes : frame.sent,
    width: undefined,
    height: undefined,
    elapsed,
    remaining: deadline - elapsed,
    deadline,
    way: frame.way,
    now,
    plan: side === 'device' ? open : frame.plan,
    attempt: 1,
    tried: none,
  }
}

/** What they hear of its planned answer. */
export function outcomeOf(frame: Frame, side: Side, now: number, deadline: number): Outcome {
  const latency = now - frame.captured
  const crossed = frame.sent > 0 && side === 'device'
  return {
    id: frame.id,
    side,
    now,
    kind: 'message',
    attempt: 1,
    settled: frame.shown === 'planned',
    score: undefined,
    plan: frame.plan,
    timings: timingsOf(frame, crossed),
    crossing: crossed
      ? { at: frame.cut, encoding: parts(frame) ? 'float32' : 'jpeg', bytes: frame.sent, node: 'cloud' }
      : undefined,
    way: side === 'cloud' ? frame.way : undefined,
    bytes: side === 'device' ? frame.bytes : frame.sent,
    width: undefined,
    height: undefined,
    latency,
    onTime: latency <= deadline,
    error: undefined,
  }
}

/** What the device's deciders hear of a model that stood in: it prepared and ran what was captured. */
export function backupOutcome(frame: Frame, now: number, deadline: number, took: Took): Outcome {
  const { began, device, queue, run, load } = took
  return {
    ...outcomeOf(frame, 'device', now, deadline),
    attempt: 2,
    settled: false,
    backup: true,
    began,
    plan: { model: frame.backup as string, cut: 'answered' },
    timings: { capture: 0, device, execute: queue + load + run, queue, load },
    crossing: undefined,
  }
}

/** When a stand-in began, ms from capture, and ms of its steps. */
export interface Took {
  readonly began: number
  readonly device: number
  readonly queue: number
  readonly load: number
  readonly run: number
}

/** What deciders left open, as a plan; the first of what is left counts. */
export function planOf({ models, cuts, backups, backupAfter }: Menu): Plan {
  const model = models.length === 1 ? models[0] : undefined
  const cut = cuts.length === 1 ? cuts[0] : undefined
  const backup = backups.length === 1 && backups[0] !== 'none' ? backups[0] : undefined
  if (backup !== undefined) {
    return {
      ...(model === undefined ? {} : { model }),
      ...(cut === undefined ? {} : { cut }),
      backup,
      ...(backupAfter === undefined ? {} : { backupAfter }),
    }
  }
  if (model === undefined) return cut === undefined ? open : { cut }
  return cut === undefined ? { model } : { model, cut }
}

const parts = ({ cut }: Frame) => layerOf(cut) !== undefined

/** As the pipeline books it: what runs before the wire, the wait and the load are shares of `execute`. */
function timingsOf(frame: Frame, crossed: boolean): Timings {
  const { device, head, up, down, cloud, queue, load, run, model } = frame
  const transfer = up + down
  if (model === undefined) return crossed ? { capture: 0, device, transfer, cloud } : { capture: 0, device, cloud }
  const execute = head + queue + load + run
  if (crossed && parts(frame)) return { capture: 0, device, head, transfer, cloud, execute, queue, load }
  return crossed
    ? { capture: 0, device, transfer, cloud, execute, queue, load }
    : { capture: 0, device, cloud, execute, queue, load }
}
