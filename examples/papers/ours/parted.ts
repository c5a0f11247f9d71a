import { modelsOfFigures, type ScenarioInput } from '../../../adapters/simulation/index.ts'
import { layerOf } from '../../../pipeline/index.ts'
import type { CutCosts } from '../../../stages/decide/index.ts'
import type { Models } from '../../../stages/index.ts'
import { asStated, type Cell, links, networkCosts } from '../neurosurgeon/index.ts'

/** One of Neurosurgeon's cells as deciders meet it. */
export interface Parted {
  readonly cell: Cell
  /** What each cut parts on this processor and this server. */
  readonly costs: CutCosts
  /** The network as a catalogue measured on this processor has it: every decider is told the same. */
  readonly models: Models
}

/** Every time varies by itself. */
const variation = { kind: 'lognormal', cv: 0.1 } as const
/** ms between an answer and the next picture. */
const pause = 250

export function parted(cell: Cell): Parted {
  const { network, device } = cell
  const costs = networkCosts(network, asStated.device[device], asStated.server)
  const whole = costs.before.at(-1) as number
  const cuts = inner(costs).map(({ layer, bytes, at }) => ({
    layer,
    bytes,
    share: (costs.before[at] as number) / whole,
  }))
  return { cell, costs, models: modelsOfFigures([{ id: network.name, accuracy: 1, mean: whole, cuts }]) }
}

/** What may differ from the cell as it was published. */
export interface Otherwise {
  readonly link?: ScenarioInput['link']
  readonly slowdown?: NonNullable<ScenarioInput['cloud']>['slowdown']
}

/** A cell as a scenario: one query after the other, as published no round trip, no waiting and no way down. */
export function sceneOf({ cell, costs }: Parted, { link, slowdown = [] }: Otherwise = {}): ScenarioInput {
  const { network, device, radio } = cell
  const id = network.name
  const [here, there] = [costs.before.at(-1) as number, costs.behind[0] as number]
  return {
    name: `${network.application}, ${device}, ${radio}`,
    deadline: Number.POSITIVE_INFINITY,
    captures: {
      arrive: { kind: 'when-settled', pause },
      bytes: { kind: 'constant', bytes: network.inputBytes },
      preparedBytes: network.inputBytes,
    },
    device: { models: { [id]: { ms: here, variation } } },
    link: link ?? { kind: 'times', up: { perMegabyte: 8e9 / links[radio].uplink, variation } },
    cloud: { models: { [id]: { ms: there, variation } }, slowdown },
    cuts: {
      [id]: inner(costs).map(({ layer, bytes, at }) => ({
        layer,
        bytes,
        before: (costs.before[at] as number) / here,
        behind: (costs.behind[at] as number) / there,
      })),
    },
    accuracy: { [id]: 1 },
  }
}

/** The cuts between both ends. */
function inner(costs: CutCosts) {
  return costs.cuts.flatMap((cut, at) => {
    const layer = layerOf(cut)
    const end = at === 0 || at === costs.cuts.length - 1
    return layer === undefined || end ? [] : [{ layer, bytes: costs.bytes[at] as number, at }]
  })
}
