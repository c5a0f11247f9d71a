import { clairvoyant } from './clairvoyant.ts'
import type { Bound, Point } from './point.ts'
import { play } from './world.ts'

/** The grid of the overload curve; undefined is the pipeline's default window. */
export const bounds: readonly Bound[] = ['stage', 'decode', 'model', 'uplink 0.5', 'uplink 1', 'uplink 2', 'uplink 10']
export const loads: readonly number[] = [0.5, 1, 2, 10, 30]
export const deadlines: readonly number[] = [150, 1000, 10_000]
export const windows: readonly (number | undefined)[] = [undefined, 1, 64]

/** Where even who knows everything answers fewer in time, there is nothing to compare. */
const fewest = 20

/**
 * Answers in time at a point ÷ those of a scheduler that knows all captures beforehand; undefined where that answers too few
 * to tell.
 * @param seconds of captures, virtual
 */
export async function share(point: Point, seconds: number): Promise<number | undefined> {
  const best = clairvoyant(point, 1, seconds)
  if (best.onTime < fewest) return undefined
  return (await play(point, 1, seconds)).onTime / best.onTime
}
