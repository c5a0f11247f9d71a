/*
 * npx tsx test/bench/overload-picture.ts
 *
 * Draws the overload curve and prints its table: answers a second in time by offered load, of the pipeline and of a scheduler
 * that knows all captures beforehand, simulated.
 */
import { writeFileSync } from 'node:fs'
import { clairvoyant } from './overload/clairvoyant.ts'
import { type Bound, service } from './overload/point.ts'
import { play } from './overload/world.ts'
import { type Panel, svg } from './svg.ts'

const seconds = 30
const loads = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7, 10]
const panels: Panel[] = []
for (const [bound, deadline] of [
  ['stage', 150],
  ['decode', 150],
  ['model', 1000],
  ['uplink 2', 1000],
] satisfies readonly (readonly [Bound, number])[]) {
  const known: [number, number][] = []
  const windows = [undefined, 64] as const
  const played = new Map<number | undefined, [number, number][]>(windows.map((window) => [window, []]))
  let most = 0
  for (const load of loads) {
    for (const window of windows) {
      const point = { bound, load, deadline, window }
      const [best, own] = [clairvoyant(point, 1, seconds).onTime, (await play(point, 1, seconds)).onTime]
      if (window === undefined) known.push([load, best / seconds])
      played.get(window)?.push([load, own / seconds])
      most = Math.max(most, service(point))
      console.log(
        `| ${bound} | ${deadline} | ${window ?? 'default'} | ${load} | ${own} | ${best} | ${(own / best).toFixed(2)} |`,
      )
    }
  }
  panels.push({
    title: `${bound}, ${deadline} ms`,
    x: 'offered ÷ capacity',
    y: 'answers in time a second',
    to: [10, Math.ceil(most / 20) * 24],
    series: [
      { name: 'knows all captures', points: known },
      ...windows.map((window) => ({ name: `window ${window ?? 8}`, points: played.get(window) ?? [] })),
    ],
  })
}
writeFileSync(new URL('../../pipeline/overload.svg', import.meta.url), svg(panels))
