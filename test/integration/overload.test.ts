import { describe, expect, test } from 'vitest'
import { clairvoyant } from '../bench/overload/clairvoyant.ts'
import type { Point } from '../bench/overload/point.ts'
import { play } from '../bench/overload/world.ts'

/** Virtual seconds of captures. */
const seconds = 8

/** Points of the overload curve, of which `npm run bench -- --only overload` plays all. */
const points: readonly Point[] = [
  { bound: 'decode', load: 10, deadline: 150, window: undefined },
  { bound: 'model', load: 10, deadline: 150, window: 64 },
]

describe('offered ten times what it can do, a pipeline', { timeout: 300_000 }, () => {
  test.each(points.map((point) => [`short of ${point.bound}, window ${point.window ?? 'default'}`, point] as const))(
    '%s, answers in time nine tenths of what a scheduler could that knows all captures, and counts every one',
    async (_name, point) => {
      const { onTime, counts } = await play(point, 1, seconds)
      expect(onTime).toBeGreaterThanOrEqual(0.9 * clairvoyant(point, 1, seconds).onTime)
      expect(counts.in).toBe(counts.results + counts.failures + counts.dropped)
    },
  )
})
