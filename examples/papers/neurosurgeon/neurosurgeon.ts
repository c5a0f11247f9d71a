import type { Effort, Findings, Plot } from '../paper.ts'
import { type Row, row } from '../rows.ts'
import { asStated, type Cell, cellCosts, cells, type Goal, least, networkCosts } from './cells.ts'
import { drawRows, published } from './draws.ts'
import { gainRows } from './gains.ts'
import { networks } from './networks.ts'
import { links } from './platforms.ts'
import { alexnetMs } from './published.ts'
import { varyingRows } from './varying.ts'

/** The partition points of Neurosurgeon and what they gain, by the costs and the rule that split() decides with. */
export function neurosurgeon({ quick }: Pick<Effort, 'quick'>): Findings {
  return {
    rows: [
      ...cellRows('latency', 48),
      ...cellRows('energy', 44),
      ...calibrationRows(),
      ...gainRows(),
      ...varyingRows(),
      ...drawRows(quick ? 50 : 400),
    ],
    plots: [cutPlot('GPU', 'WiFi'), cutPlot('CPU', '3G')],
    remarks: [
      'One set of parameters for all 96 cells (examples/papers/neurosurgeon/platforms.ts); rates and bandwidths were chosen within what the boards can do so that AlexNet takes what was read in the paper, and knowing the table. How sure each cell is say the draws around them.',
      'As published: no round trip, no waiting, no way down. The upload rates and AlexNet’s times are recalled from the paper’s figure 1.',
      'SENNA’s three layers take 2 ms here, so that keeping them on the device is worth more than the paper’s figures: the network alone is counted, without what its application does around it. The mean without SENNA stands beside.',
      'Kaldi’s input is speech as a phone would send it (AMR-WB, assumed): its features, 4.6 MB, would never be sent.',
    ],
  }
}

function cellRows(goal: Goal, aim: number): Row[] {
  let equal = 0
  let ends = 0
  const rows = cells.map(({ network, device, radio }, i) => {
    const { names, values } = cellCosts({ network, device, radio }, goal)
    const ours = names[least(values)] as string
    const point = published(goal, i)
    if (ours === point) equal++
    const last = names.length - 1
    if (names[(values[0] as number) <= (values[last] as number) ? 0 : last] === point) ends++
    return row(`Neurosurgeon: ${goal}, ${device}`, `${network.application} over ${radio}`, ours, {
      published: point,
      aim: { equal: true },
    })
  })
  return [
    ...rows,
    row(`Neurosurgeon: ${goal}`, 'cells equal, of 48', equal, { published: 48, aim: { atLeast: aim } }),
    row(`Neurosurgeon: ${goal}`, 'cells equal when only both ends may be chosen', ends, { published: 47 }),
  ]
}

/** What the parameters give for what was read in the paper. */
function calibrationRows(): Row[] {
  const [alexnet] = networks as [(typeof networks)[number]]
  const table = 'Neurosurgeon: AlexNet'
  const recalled = { mark: 'recalled', aim: { withinShare: 0.05 } } as const
  const on = (device: 'CPU' | 'GPU') => networkCosts(alexnet, asStated.device[device], asStated.server)
  const uploads = { WiFi: 95, LTE: 180, '3G': 870 } as const
  return [
    row(table, 'Tegra K1 CPU (ms)', on('CPU').before.at(-1) as number, { published: alexnetMs.CPU, ...recalled }),
    row(table, 'Tegra K1 GPU (ms)', on('GPU').before.at(-1) as number, { published: alexnetMs.GPU, ...recalled }),
    row(table, 'Tesla K40 (ms)', on('GPU').behind[0] as number, {
      published: alexnetMs.server,
      mark: 'recalled',
      aim: { within: 1.5 },
    }),
    ...(Object.keys(links) as (keyof typeof links)[]).map((radio) =>
      row(table, `upload of its input over ${radio} (ms)`, (8000 * alexnet.inputBytes) / links[radio].uplink, {
        published: uploads[radio],
        ...recalled,
      }),
    ),
  ]
}

/** AlexNet’s cost behind each layer, as the paper draws it. */
function cutPlot(device: Cell['device'], radio: Cell['radio']): Plot {
  const cell: Cell = { network: networks[0] as (typeof networks)[number], device, radio }
  const [time, power] = [cellCosts(cell, 'latency'), cellCosts(cell, 'energy')]
  return {
    title: `AlexNet on the ${device} over ${radio}, by where the wire crosses`,
    option: {
      legend: { top: 40 },
      xAxis: { type: 'category', data: [...time.names], axisLabel: { rotate: 60 } },
      yAxis: [
        { type: 'value', name: 'ms' },
        { type: 'value', name: 'mJ' },
      ],
      series: [
        { name: 'time', type: 'bar', data: time.values.map(Math.round) },
        { name: 'energy', type: 'line', yAxisIndex: 1, data: power.values.map(Math.round) },
      ],
    },
  }
}
