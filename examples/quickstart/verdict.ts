import Table from 'cli-table3'
import { quantile } from 'simple-statistics'
import type { Course } from './contest.ts'

/** What one policy's run comes to. Times in milliseconds, energy in millijoules a frame. */
export interface Verdict {
  readonly policy: string
  readonly does: string
  readonly decides: boolean
  readonly captured: number
  readonly results: number
  readonly failures: number
  readonly dropped: number
  /** Shares of all captured frames. */
  readonly onTime: number
  /** Right, in time or not. */
  readonly accuracy: number
  readonly rightAndOnTime: number
  /** Of the answers, capture to answer. */
  readonly p50: number
  readonly p99: number
  readonly bytes: number
  readonly energy: number
  /** Answers by where the wire was. */
  readonly places: Readonly<Record<string, number>>
}

export function verdict({ policy, frames, counts, bytes, energy }: Course): Verdict {
  const captured = Math.max(1, counts.in)
  const share = (count: number) => round(count / captured, 4)
  const answers = frames.filter(({ end }) => end === 'answer')
  const latencies = answers.map(({ latency }) => latency as number)
  const places: Record<string, number> = {}
  for (const { place = '' } of answers) places[place] = (places[place] ?? 0) + 1
  return {
    policy: policy.name,
    does: policy.does,
    decides: policy.decides,
    captured: counts.in,
    results: counts.results,
    failures: counts.failures,
    dropped: counts.dropped,
    onTime: share(frames.filter(({ onTime }) => onTime).length),
    accuracy: share(frames.filter(({ right }) => right).length),
    rightAndOnTime: share(frames.filter(({ onTime, right }) => onTime && right).length),
    p50: latencies.length > 0 ? round(quantile(latencies, 0.5), 1) : 0,
    p99: latencies.length > 0 ? round(quantile(latencies, 0.99), 1) : 0,
    bytes,
    energy: round(energy / captured, 1),
    places,
  }
}

/** What the columns of a verdict are. */
export const heads = [
  'policy',
  'right & on time',
  'on time',
  'right',
  'p50 ms',
  'p99 ms',
  'KB sent',
  'mJ/frame',
  'wire at',
]

/** A verdict as text, a cell per head. */
export function cells(of: Verdict): string[] {
  return [
    of.policy,
    percent(of.rightAndOnTime),
    percent(of.onTime),
    percent(of.accuracy),
    of.p50.toFixed(0),
    of.p99.toFixed(0),
    (of.bytes / 1000).toFixed(0),
    of.energy.toFixed(0),
    Object.entries(of.places)
      .map(([place, count]) => `${place} ${count}`)
      .join(', '),
  ]
}

/** The policies beside each other, for people. */
export function table(verdicts: readonly Verdict[]): string {
  const rows = new Table({
    head: heads,
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  })
  for (const one of verdicts) rows.push(cells(one))
  return rows.toString()
}

/** Fixed policies that are better than the deciders in accuracy on time, in time and in energy at once. */
export function beaten(verdicts: readonly Verdict[]): readonly Verdict[] {
  const ours = verdicts.find(({ decides }) => decides)
  if (!ours) return []
  return verdicts.filter(
    ({ decides, rightAndOnTime, p50, energy }) =>
      !decides && rightAndOnTime >= ours.rightAndOnTime && p50 <= ours.p50 && energy <= ours.energy,
  )
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

const round = (value: number, digits: number) => Number(value.toFixed(digits))
