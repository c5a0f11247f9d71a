import { bounds, deadlines, loads, share, windows } from './overload/curve.ts'
import { type Row, row } from './row.ts'

/** Virtual seconds of captures at each point. */
const seconds = 30

/**
 * The overload curve, simulated: four devices and one node on a virtual clock, through the real stages, boundaries and
 * conversation, offered up to thirty times what the part that is short can do. Each row is the worst of all loads: answers in
 * time ÷ those of a scheduler that knows all captures beforehand.
 */
export async function bench(): Promise<Row[]> {
  const rows: Row[] = []
  for (const bound of bounds) {
    for (const deadline of deadlines) {
      for (const window of windows) {
        let worst = Number.POSITIVE_INFINITY
        for (const load of loads)
          worst = Math.min(worst, (await share({ bound, load, deadline, window }, seconds)) ?? worst)
        const name = `overload, short of ${bound}, ${deadline} ms, window ${window ?? 'default'}`
        if (Number.isFinite(worst)) rows.push(row(name, worst, 'of what can be in time', '≥ 0.9'))
      }
    }
  }
  return rows
}
