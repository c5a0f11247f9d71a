import { describe, expect, test } from 'vitest'
import type { Course, Seen } from '../../../examples/quickstart/contest.ts'
import { beaten, table, verdict } from '../../../examples/quickstart/verdict.ts'

const seen = (seq: number, what: Partial<Seen>): Seen => ({
  seq,
  at: 100 * seq,
  phase: 'Wi-Fi',
  end: 'answer',
  place: 'prepared',
  onTime: true,
  right: true,
  latency: 50,
  ...what,
})

function course(frames: readonly Seen[], more: Partial<Course> = {}): Course {
  const of = (end: Seen['end']) => frames.filter((frame) => frame.end === end).length
  return {
    policy: { name: 'one', does: '', decides: false, decider: () => ({ name: '', decide: (_r, _w, menu) => menu }) },
    frames,
    counts: { in: frames.length, results: of('answer'), failures: of('failure'), dropped: of('dropped') },
    bytes: 1000,
    energy: 400,
    ...more,
  }
}

describe('a verdict', () => {
  test('counts all that was captured: what failed, was dropped, late or wrong is not right and on time', () => {
    const told = verdict(
      course([
        seen(0, {}),
        seen(1, { right: false }),
        seen(2, { onTime: false, latency: 900 }),
        seen(3, { end: 'dropped', onTime: false, right: false }),
        seen(4, { end: 'failure', onTime: false, right: false }),
      ]),
    )
    expect(told).toMatchObject({ rightAndOnTime: 0.2, onTime: 0.4, accuracy: 0.4, energy: 80, places: { prepared: 3 } })
    expect(told.results + told.failures + told.dropped).toBe(told.captured)
    expect(table([told])).toContain('20.0 %')
  })

  test('a fixed policy beats the deciders only where it is as good in all three', () => {
    const ours = { ...verdict(course([seen(0, {}), seen(1, { right: false })])), decides: true }
    const better = { ...ours, policy: 'better', decides: false, rightAndOnTime: 1, energy: 1 }
    expect(beaten([ours, better])).toEqual([better])
    expect(beaten([ours, { ...better, energy: ours.energy + 1 }])).toEqual([])
    expect(beaten([ours, { ...better, rightAndOnTime: 0 }])).toEqual([])
  })
})
