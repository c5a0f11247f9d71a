import { quantile } from 'simple-statistics'
import type { Cut, Menu, Outcome } from '../../../pipeline/index.ts'
import { layerOf } from '../../../pipeline/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { heavyCut, type LayerGraph, lightCut } from '../../../stages/decide/split/graph/index.ts'
import { split } from '../../../stages/index.ts'
import { modelSet } from '../../stages/decide/support.ts'
import { type Row, row } from '../row.ts'
import { type Asked, base, happened, measure } from './measure.ts'

const layers = 46
const random = seededRandom(3)

/** As many layers as VGG-19 has, on each of which the cut may fall: what carries less comes later, with bumps. */
const cuts = Array.from({ length: layers }, (_, i) => ({
  layer: `layer${i}`,
  bytes: Math.round(3e6 * 0.9 ** i * (0.7 + 0.6 * random())),
  share: (i + 1) / (layers + 1),
}))
const models = modelSet([{ id: 'vgg', accuracy: 0.7, latencyMs: 60, side: 224, cuts }])

const menu: Menu = {
  models: ['vgg'],
  cuts: ['captured', 'prepared', 'after:*', 'answered'],
  encodings: ['jpeg', 'webp', 'raw', 'tensor'],
  targets: ['any'],
  backups: ['none'],
}

/** Decisions of the cut, and cuts of a graph with 430 layers. */
export function splitRows(): Row[] {
  return [
    ...measure(`split over ${layers} layers`, split({ models }), asked(1), '≤ 5'),
    ...measure(
      `split over ${layers} layers, heavy load, three encodings`,
      split({ models, load: 'heavy', encodings: ['float32', 'float16', 'uint8'] }),
      asked(0.3),
      '',
      { batches: 100 },
    ),
    ...graphRows(),
  ]
}

/** Pictures on a device `slower` times as slow as the reference, over a link on which all kinds of cut win at times. */
function asked(slower: number): Asked[] {
  return Array.from({ length: 500 }, () => {
    const bytes = Math.round(2e4 + random() * 1e6)
    const rate = 3e5 * 100 ** random()
    return {
      request: { ...base, bytes },
      menu,
      outcome: ({ cuts: [cut] }): Outcome => {
        const at = cut as Cut
        const found = cuts.find(({ layer }) => layer === layerOf(at))
        const sent = at === 'captured' ? bytes : at === 'prepared' ? 30_000 : (found?.bytes ?? 0)
        const share = at === 'answered' ? 1 : (found?.share ?? 0)
        const head = 240 * slower * share
        const crosses = at !== 'answered'
        return {
          ...happened,
          bytes,
          plan: { cut: at, model: 'vgg' },
          timings: {
            execute: head + 30 * (1 - share),
            ...(found ? { head } : {}),
            ...(at === 'captured' ? {} : { device: 10 }),
            ...(crosses ? { transfer: 20 + (sent * 8000) / rate, cloud: 3 } : {}),
          },
          crossing: crosses ? { at, encoding: 'float32', bytes: sent, node: 'edge' } : undefined,
        }
      },
    }
  })
}

/** As dense as DenseNet-121: within a block, every layer reads all before it. */
function dense(): LayerGraph {
  const flows: { from: number | undefined; to: number[]; cost: number }[] = [{ from: undefined, to: [0], cost: 40 }]
  let last = 0
  for (const [block, units] of [6, 12, 24, 16].entries()) {
    const made: number[] = [last]
    for (let unit = 0; unit < units; unit++) {
      // Join, normalise, 1 × 1, normalise, 3 × 3 with their activations.
      const first = last + 1
      for (const from of made) (flows.find((flow) => flow.from === from) ?? push(from, block)).to.push(first)
      for (let step = 0; step < 6; step++) push(first + step, block).to.push(first + step + 1)
      last = first + 6
      made.push(last)
    }
    for (const from of made) (flows.find((flow) => flow.from === from) ?? push(from, block)).to.push(last + 1)
    last++
  }
  function push(from: number, block: number) {
    const flow = { from, to: [] as number[], cost: (20 * (0.5 + random())) / 2 ** block }
    flows.push(flow)
    return flow
  }
  const count = last + 1
  return {
    device: Array.from({ length: count }, () => 2 * random()),
    cloud: Array.from({ length: count }, () => 0.2 * random()),
    flows: flows.filter(({ to }) => to.length > 0),
    perCrossing: 10,
  }
}

function graphRows(): Row[] {
  const graph = dense()
  const times = (solve: (graph: LayerGraph) => unknown, runs: number) => {
    const all: number[] = []
    for (let i = -5; i < runs; i++) {
      const started = performance.now()
      solve(graph)
      if (i >= 0) all.push(performance.now() - started)
    }
    return all
  }
  const name = `minimum cut of a graph of ${graph.device.length} layers`
  const light = times(lightCut, 50)
  return [
    row(`${name}, p50`, quantile(light, 0.5), 'ms'),
    row(`${name}, p95`, quantile(light, 0.95), 'ms'),
    row(`${name}, heavy load, p50`, quantile(times(heavyCut, 5), 0.5), 'ms'),
  ]
}
