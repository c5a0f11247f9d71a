import { quantile } from 'simple-statistics'
import {
  type Decider,
  type DecisionRequest,
  type Menu,
  type Outcome,
  systemClock,
  World,
} from '../../../pipeline/index.ts'
import { type Row, row } from '../row.ts'

const batch = 1000

/** A message to be decided about, and what comes of what was decided. */
export interface Asked {
  readonly request: DecisionRequest
  readonly menu: Menu
  /** What came of it, by what was chosen. */
  outcome(chosen: Menu): Outcome
}

/** What a decider takes per decision once it has learned, over so many batches of 1,000. */
export function measure(
  name: string,
  decider: Decider,
  asked: readonly Asked[],
  aim: string,
  { batches = 400, warm = 50 } = {},
): Row[] {
  const world = new World(systemClock)
  const observe = (one: Asked) => decider.observe?.(one.outcome(decider.decide(one.request, world, one.menu)), world)
  for (const one of asked) observe(one)
  let kept = 0
  const decide = () => {
    for (let i = 0; i < batch; i++) {
      const { request, menu } = asked[i % asked.length] as Asked
      const after = decider.decide(request, world, menu)
      kept += after.cuts.length + after.models.length
    }
  }
  const times: number[] = []
  const bytes: number[] = []
  for (let round = -warm; round < batches; round++) {
    const before = process.memoryUsage().heapUsed
    const started = performance.now()
    decide()
    const ms = performance.now() - started
    const grown = process.memoryUsage().heapUsed - before
    if (round < 0) continue
    times.push((ms * 1000) / batch)
    // A collection in between makes it smaller, never larger.
    if (grown > 0) bytes.push(grown / batch)
  }
  const learning: number[] = []
  const outcomes = asked.map((one) => one.outcome(decider.decide(one.request, world, one.menu)))
  for (let round = -20; round < 100; round++) {
    const started = performance.now()
    for (let i = 0; i < batch; i++) decider.observe?.(outcomes[i % outcomes.length] as Outcome, world)
    if (round >= 0) learning.push(((performance.now() - started) * 1000) / batch)
  }
  if (kept < batch * batches) throw new Error(`${name} left something empty`)
  return [
    row(`${name}, per decision p50`, quantile(times, 0.5), 'µs', aim),
    row(`${name}, per decision p95`, quantile(times, 0.95), 'µs', aim),
    row(`${name}, per decision p99`, quantile(times, 0.99), 'µs'),
    row(`${name}, allocated per decision`, quantile(bytes, 0.5), 'bytes'),
    row(`${name}, per outcome learned from`, quantile(learning, 0.5), 'µs'),
  ]
}

/** A picture on the device, just captured. */
export const base: DecisionRequest = {
  id: 'm',
  source: 'device.main',
  seq: 0,
  side: 'device',
  at: 'captured',
  bytes: 0,
  width: undefined,
  height: undefined,
  elapsed: 0,
  remaining: 10_000,
  deadline: 10_000,
  way: undefined,
  now: 0,
  plan: {},
  attempt: 1,
  tried: [],
}

/** It was answered in time. */
export const happened: Omit<Outcome, 'plan' | 'timings' | 'crossing'> = {
  id: 'm',
  side: 'device',
  now: 0,
  kind: 'message',
  attempt: 1,
  settled: true,
  score: undefined,
  way: undefined,
  bytes: 0,
  width: undefined,
  height: undefined,
  latency: 100,
  onTime: true,
  error: undefined,
}
