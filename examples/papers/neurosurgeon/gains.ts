import { type Row, row } from '../rows.ts'
import { asStated, type Cell, cellCosts, cells, least, type Setting } from './cells.ts'
import { layerMs } from './platforms.ts'
import { gains } from './published.ts'

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

const isSenna = ({ network }: Cell) => network.name.startsWith('SENNA')

/** What the partition points gain, against all in the cloud, as the paper has it, and against other rules. */
export function gainRows(): Row[] {
  const speedups = cells.map((cell) => {
    const { values } = cellCosts(cell, 'latency')
    return (values[0] as number) / Math.min(...values)
  })
  const saved = cells.map((cell) => {
    const { values } = cellCosts(cell, 'energy')
    return 100 * (1 - Math.min(...values) / (values[0] as number))
  })
  const table = 'Neurosurgeon: against all in the cloud'
  return [
    row(table, 'speed-up, mean (×)', mean(speedups), { published: gains.speedup.mean }),
    row(table, 'speed-up without SENNA, mean (×)', mean(speedups.filter((_, i) => !isSenna(cells[i] as Cell)))),
    row(table, 'speed-up, largest (×)', Math.max(...speedups), { published: gains.speedup.most }),
    row(table, 'energy saved, mean (%)', mean(saved), { published: gains.energySaved.mean }),
    row(table, 'energy saved, largest (%)', Math.max(...saved), { published: gains.energySaved.most }),
    ...throughputRows(),
    ...ruleRows(),
    ...loadRows(),
  ]
}

/**
 * Queries a second that one server answers, against all in the cloud: its work for eight applications asked equally often
 * by devices of which a share computes on the GPU, over all three radios alike.
 */
function throughputRows(): Row[] {
  const work = (device: Cell['device'], chosen: boolean) =>
    mean(
      cells
        .filter((cell) => cell.device === device)
        .map((cell) => {
          const { values, server } = cellCosts(cell, 'latency')
          return server[chosen ? least(values) : 0] as number
        }),
    )
  const gain = (gpu: number) =>
    (gpu * work('GPU', false) + (1 - gpu) * work('CPU', false)) /
    (gpu * work('GPU', true) + (1 - gpu) * work('CPU', true))
  const shares = [0, 0.3, 0.7, 1]
  const table = 'Neurosurgeon: throughput of the server'
  return [
    ...shares.map((share) => row(table, `${100 * share} % of the devices with a GPU (×)`, gain(share))),
    row(table, 'mean of these mixes (×)', mean(shares.map(gain)), { published: gains.throughput.mean }),
    row(table, 'largest (×)', Math.max(...shares.map(gain)), { published: gains.throughput.most }),
  ]
}

/** Mean time over the cells, as a share of the least: only the two ends, and a rule like MAUI's. */
function ruleRows(): Row[] {
  const table = 'Neurosurgeon: other rules'
  const over = (rule: (values: readonly number[], cell: Cell) => number) =>
    mean(
      cells.map((cell) => {
        const { values } = cellCosts(cell, 'latency')
        return rule(values, cell) / Math.min(...values)
      }),
    )
  return [
    row(
      table,
      'all in the cloud, time by the least (mean)',
      over((values) => values[0] as number),
    ),
    row(
      table,
      'all on the device, time by the least (mean)',
      over((values) => values.at(-1) as number),
    ),
    row(
      table,
      'the better of both ends, time by the least (mean)',
      over((values) => Math.min(values[0] as number, values.at(-1) as number)),
    ),
    row(
      table,
      'MAUI-like, time by the least (mean)',
      over((values, cell) => values[mauiLike(cell)] as number),
    ),
  ]
}

/** Believes that a layer takes what the last one of its kind took: it tells functions apart, not their arguments. */
function mauiLike(cell: Cell): number {
  const { network, device } = cell
  const alike = (on: Setting['server']) => {
    const last = new Map(network.layers.map((layer) => [layer.kind, layerMs(layer, on)]))
    return network.layers.map(({ kind }) => last.get(kind) as number)
  }
  const [here, there] = [alike(asStated.device[device]), alike(asStated.server)]
  const truth = cellCosts(cell, 'latency')
  const head = network.layers.map((layer) => layerMs(layer, asStated.device[device]))
  const server = truth.server
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0)
  // The transfer is what it is: truth less what computes.
  const believed = truth.values.map(
    (value, j) => value - sum(head.slice(0, j)) - (server[j] as number) + sum(here.slice(0, j)) + sum(there.slice(j)),
  )
  return least(believed)
}

/** Where VGG is cut on the GPU over Wi-Fi as the server's load K grows. */
function loadRows(): Row[] {
  const cell = cells.find(
    ({ network, device, radio }) => network.application === 'VGG' && device === 'GPU' && radio === 'WiFi',
  ) as Cell
  return [1, 2, 5, 10, 20].map((load) => {
    const { names, values } = cellCosts(cell, 'latency', { ...asStated, load })
    return row('Neurosurgeon: load of the server', `VGG, GPU, WiFi, K = ${load}`, names[least(values)] as string)
  })
}
