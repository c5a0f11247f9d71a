import { seededRandom } from '../../../pipeline/testing/index.ts'
import { type Row, row } from '../rows.ts'
import { asStated, cellCosts, cells, type Goal, least, type Setting } from './cells.ts'
import type { Processor } from './platforms.ts'
import { partitions } from './published.ts'

/** Factors drawn evenly in the logarithm: what the literature reports of one board differs by so much. */
const within = { rate: 1.5, bandwidth: 1.5, start: 1.5, power: 1.4, uplink: 1.25, radio: 1.25 } as const

/** How sure each cell is: the share of parameter draws in which it equals the published one. */
export function drawRows(draws: number): Row[] {
  const random = seededRandom(4)
  const hits = new Map<string, number>()
  const equal: Record<Goal, number[]> = { latency: [], energy: [] }
  for (let draw = 0; draw < draws; draw++) {
    const setting = drawn(random)
    for (const goal of ['latency', 'energy'] as const) {
      let count = 0
      for (const [i, cell] of cells.entries()) {
        const { names, values } = cellCosts(cell, goal, setting)
        if (names[least(values)] !== published(goal, i)) continue
        count++
        const key = `${goal} ${i}`
        hits.set(key, (hits.get(key) ?? 0) + 1)
      }
      equal[goal].push(count)
    }
  }
  return (['latency', 'energy'] as const).flatMap((goal) => {
    const counts = equal[goal].sort((a, b) => a - b)
    const at = (q: number) => counts[Math.round(q * (counts.length - 1))] as number
    return [
      row(`Neurosurgeon: ${goal}, parameters drawn`, `cells equal of 48, median of ${draws} draws`, at(0.5), {
        interval: [at(0.025), at(0.975)],
      }),
      ...cells.map(({ network, device, radio }, i) =>
        row(
          `Neurosurgeon: ${goal}, parameters drawn`,
          `${network.application}, ${device}, ${radio}: share of draws that equal "${published(goal, i)}"`,
          (hits.get(`${goal} ${i}`) ?? 0) / draws,
        ),
      ),
    ]
  })
}

/** The published point of a cell; Kaldi's and SENNA's last layers are named as they are. */
export function published(goal: Goal, index: number): string {
  const cell = cells[index] as (typeof cells)[number]
  const row = partitions[goal][cell.device][cell.radio]
  return row[index % row.length] as string
}

function drawn(random: () => number): Setting {
  const factor = (most: number) => Math.exp((2 * random() - 1) * Math.log(most))
  const processor = (one: Processor): Processor => ({
    ...one,
    rate: one.rate * factor(within.rate),
    bandwidth: one.bandwidth * factor(within.bandwidth),
    localBandwidth: one.localBandwidth * factor(within.bandwidth),
    normBandwidth: one.normBandwidth * factor(within.bandwidth),
    start: one.start * factor(within.start),
    perLayer: one.perLayer * factor(within.start),
    power: one.power * factor(within.power),
  })
  return {
    device: { CPU: processor(asStated.device.CPU), GPU: processor(asStated.device.GPU) },
    server: processor(asStated.server),
    uplink: factor(within.uplink),
    radioPower: factor(within.radio),
    load: 1,
  }
}
