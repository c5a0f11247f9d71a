import type { Models } from '../../adapters/node/index.ts'
import { modelsOfFigures } from '../../adapters/simulation/index.ts'
import type { Menu } from '../../pipeline/index.ts'
import { seededRandom } from '../../pipeline/testing/index.ts'
import { place, select } from '../../stages/index.ts'
import { baselineRows } from './decisions/baselines.ts'
import { type Asked, base, happened, measure } from './decisions/measure.ts'
import { offloadRows } from './decisions/offload.ts'
import { planRows } from './decisions/plan.ts'
import { splitRows } from './decisions/split.ts'
import type { Row } from './row.ts'

const models = 23

/** What a decision costs the message thread, of deciders that have learned: percentiles over batches of 1,000. */
export async function bench(): Promise<Row[]> {
  return [
    ...measure('place', place(), placeRequests(), '≤ 1'),
    ...measure(
      `select over ${models} models`,
      select({ models: zoo(), random: seededRandom(1) }),
      selectRequests(),
      '≤ 3',
    ),
    ...measure(
      `select over ${models} models, ModiPick`,
      select({ models: zoo(), rule: 'modipick', random: seededRandom(1) }),
      selectRequests(),
      '≤ 3',
    ),
    ...offloadRows(),
    ...baselineRows(),
    ...planRows(),
    ...splitRows(),
  ]
}

const open: Menu = {
  models: ['one'],
  cuts: ['captured', 'prepared', 'answered'],
  encodings: ['jpeg', 'webp', 'raw', 'tensor'],
  targets: ['any'],
  backups: ['none'],
}

/** Pictures of 20 KB to 3 MB with and without known pixels, on a link on which both ways win at times. */
function placeRequests(): Asked[] {
  const random = seededRandom(7)
  return Array.from({ length: 500 }, (_, i) => {
    const bytes = Math.round(2e4 + random() * 3e6)
    const sized = i % 2 === 0 ? { width: 1000, height: Math.round(bytes / 400) } : {}
    return {
      request: { ...base, bytes, ...sized },
      menu: open,
      outcome: ({ cuts: [cut] }) => {
        const sent = cut === 'captured' ? bytes : 54_000
        return {
          ...happened,
          ...sized,
          bytes,
          plan: { cut: cut as 'captured' | 'prepared' },
          timings: {
            transfer: 98 + sent / 1e4,
            cloud: 4 + sent / 2e4,
            ...(cut === 'prepared' ? { device: 63 + bytes / 3e4 } : {}),
          },
          crossing: { at: cut as 'captured' | 'prepared', encoding: 'jpeg', bytes: sent, node: 'edge' },
        }
      },
    }
  })
}

/** Messages that come to the cloud with more or less time left. */
function selectRequests(): Asked[] {
  const random = seededRandom(9)
  const ids = zoo().ids
  return Array.from({ length: 500 }, () => {
    const up = 10 + random() * 80
    const way = { up, down: 10 }
    return {
      request: { ...base, side: 'cloud', bytes: 54_000, elapsed: up, deadline: 200, remaining: 200 - up, way },
      menu: { ...open, models: ids },
      outcome: ({ models: [model] }) => ({
        ...happened,
        side: 'cloud',
        way,
        plan: { model: model as string },
        timings: { execute: latency(ids.indexOf(model as string)) * (0.9 + 0.2 * random()), cloud: 3 },
        crossing: undefined,
      }),
    }
  })
}

/** From 2 ms to 112, as in MDInference's zoo. */
const latency = (index: number) => 2.5 * 46 ** (index / (models - 1))

function zoo(): Models {
  return modelsOfFigures(
    Array.from({ length: models }, (_, i) => ({
      id: `model-${i}`,
      accuracy: 0.4 + 0.018 * i,
      mean: latency(i),
      width: 224,
      height: 224,
    })),
  )
}
