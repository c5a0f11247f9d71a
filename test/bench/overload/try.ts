import { clairvoyant } from './clairvoyant.ts'
import { play } from './world.ts'

const bounds = (process.argv[2] ?? 'stage,decode,model,uplink 0.5,uplink 1,uplink 2,uplink 10').split(',')
const loads = (process.argv[3] ?? '0.5,1,2,10').split(',').map(Number)
const deadlines = (process.argv[4] ?? '150,1000,10000').split(',').map(Number)
const windows = (process.argv[5] ?? '8,1,64').split(',').map(Number)
const seconds = Number(process.argv[6] ?? 20)
let worst = 1,
  n = 0,
  ok = 0
for (const bound of bounds as any)
  for (const deadline of deadlines)
    for (const window of windows) {
      const cells: string[] = []
      let last: any
      for (const load of loads) {
        const point = { bound, load, deadline, window }
        const c = clairvoyant(point, 1, seconds)
        if (c.onTime < 20) {
          cells.push(`${load}: -`)
          continue
        }
        const t = await play(point, 1, seconds)
        last = t
        const ratio = t.onTime / c.onTime
        n++
        if (ratio >= 0.9) ok++
        worst = Math.min(worst, ratio)
        cells.push(`${load}: ${t.onTime}/${c.onTime}=${ratio.toFixed(2)}`)
      }
      console.log(
        `${bound} d${deadline} w${window}`.padEnd(24),
        cells.join('  '),
        last ? JSON.stringify(last.failures) : '',
      )
    }
console.log('worst', worst.toFixed(3), `${ok}/${n}`)
