import {
  type Conditions,
  CutCosts,
  type CutPoint,
  costAt,
  EnergyModel,
  energy,
  latency,
  type Objective,
  plain,
} from '../../../stages/decide/index.ts'
import { type Network, networks } from './networks.ts'
import { layerMs, links, type Processor, processors } from './platforms.ts'

export type Goal = 'latency' | 'energy'
export type Device = 'CPU' | 'GPU'
export type Radio = keyof typeof links

/** One cell of the table. */
export interface Cell {
  readonly network: Network
  readonly device: Device
  readonly radio: Radio
}

/** Every cell, in the order of the table. */
export const cells: readonly Cell[] = (['CPU', 'GPU'] as const).flatMap((device) =>
  (Object.keys(links) as Radio[]).flatMap((radio) => networks.map((network): Cell => ({ network, device, radio }))),
)

/** What the cells are computed with: published values, or a draw around them. */
export interface Setting {
  readonly device: Readonly<Record<Device, Processor>>
  readonly server: Processor
  /** Factors on the uplinks and on the radios' power. */
  readonly uplink: number
  readonly radioPower: number
  /** K: load of the server. */
  readonly load: number
}

export const asStated: Setting = {
  device: { CPU: processors.CPU, GPU: processors.GPU },
  server: processors.server,
  uplink: 1,
  radioPower: 1,
  load: 1,
}

/** Cuts of a network between a device and the server: `input`, behind each layer, and the last layer: all on the device. */
export function networkCosts({ layers, inputBytes }: Network, device: Processor, server: Processor): CutCosts {
  const here = layers.map((layer) => layerMs(layer, device))
  const there = layers.map((layer) => layerMs(layer, server))
  let before = 0
  let behind = there.reduce((all, ms) => all + ms, 0)
  const points: CutPoint[] = [{ cut: 'after:input', bytes: inputBytes, before, behind }]
  for (const [i, { name, outBytes }] of layers.entries()) {
    before += here[i] as number
    behind -= there[i] as number
    const last = i === layers.length - 1
    points.push({ cut: `after:${name}`, bytes: last ? 0 : outBytes, before, behind: last ? 0 : behind })
  }
  return new CutCosts(points)
}

/** What each cut of a cell costs: ms, or mJ. `names` and `values` go together. */
export interface Costs {
  readonly names: readonly string[]
  readonly values: readonly number[]
  /** ms on the server, the load not counted. */
  readonly server: readonly number[]
}

/** By the rule that split() decides with; as published, without round trip, waiting and way down. */
export function cellCosts({ network, device, radio }: Cell, goal: Goal, setting: Setting = asStated): Costs {
  const processor = setting.device[device]
  const { uplink, radio: power } = links[radio]
  const costs = networkCosts(network, processor, setting.server)
  const conditions: Conditions = {
    device: 1,
    cloud: setting.load,
    perByte: 8000 / (uplink * setting.uplink),
    perCrossing: 0,
    downlink: 1e6,
  }
  const model = new EnergyModel({
    radio: {
      up: power.up * setting.radioPower,
      down: power.down * setting.radioPower,
      base: power.base * setting.radioPower,
    },
    computing: processor.power,
    waiting: 0,
  })
  const objective: Objective = goal === 'latency' ? latency : energy(model, conditions, 0)
  const cost = { device: 0, transfer: 0, cloud: 0, bytes: 0 }
  return {
    names: costs.cuts.map((cut) => cut.slice('after:'.length)),
    values: costs.cuts.map((_, j) => objective(costAt(costs, j, conditions, plain, cost))),
    server: [...costs.behind],
  }
}

/** The position of the least. */
export function least(values: readonly number[]): number {
  return values.reduce((best, value, at) => (value < (values[best] as number) ? at : best), 0)
}
