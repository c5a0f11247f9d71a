import type { Models } from '../../../adapters/node/index.ts'
import { modelsOfFigures } from '../../../adapters/simulation/index.ts'
import type { Cut, Menu, Outcome } from '../../../pipeline/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { type Planner, plan } from '../../../stages/index.ts'
import type { Row } from '../row.ts'
import { type Asked, base, happened, measure } from './measure.ts'

const layers = Array.from({ length: 6 }, (_, i) => ({ layer: `l${i}`, bytes: 100_000 >> i, share: (i + 1) / 8 }))
const ids = Array.from({ length: 11 }, (_, i) => `model-${i}`)

const menu: Menu = {
  models: ids,
  cuts: ['captured', 'prepared', 'after:*', 'answered'],
  encodings: ['jpeg', 'webp', 'raw', 'tensor', 'float32', 'float16', 'uint8'],
  targets: ['any'],
  backups: ['none'],
}

/** About 1,000 arms two ways: many paths, and fewer of which each may have a backup. */
export function planRows(): Row[] {
  const wide: Menu = { ...menu, targets: ['any', 'node:a', 'node:b', 'node:c'] }
  const backed: Menu = { ...menu, backups: ['none', 'model:model-0', 'model:model-1', 'last'] }
  const deciders: [string, Planner, Menu, string][] = [
    ['plan over 1,023 arms, four targets', plan(options()), wide, '≤ 100'],
    ['plan over 1,023 arms, four backups', plan(options()), backed, '≤ 100'],
    ['plan over 1,023 arms, energy counted', plan({ ...options(), weights: { energy: 1e-4 } }), backed, ''],
    ['plan over 1,023 arms, a profile', plan({ ...options(), goal: { profile: 'frugal' } }), wide, ''],
  ]
  return deciders.flatMap(([name, decider, of, aim]) =>
    measure(name, decider, asked(of), aim, { batches: 40, warm: 10 }),
  )
}

const options = () => ({ models: zoo(), random: seededRandom(3) })

function asked(of: Menu): Asked[] {
  const random = seededRandom(5)
  return Array.from({ length: 500 }, (_, i) => {
    const bytes = Math.round(2e4 + random() * 1e6)
    const id = `m${i}`
    return {
      request: { ...base, id, bytes, deadline: 300, remaining: 300, now: i * 100 },
      menu: of,
      outcome: ({ models: [model], cuts: [cut] }): Outcome => {
        const crosses = cut !== 'answered'
        const ms = 20 + 60 * random()
        return {
          ...happened,
          id,
          bytes,
          now: i * 100 + ms,
          plan: { model: model as string, cut: cut as Cut },
          timings: { device: 5, execute: ms, ...(crosses ? { transfer: ms, cloud: 2 } : {}) },
          crossing: crosses ? { at: cut as Cut, encoding: 'jpeg', bytes: 20_000, node: 'a' } : undefined,
          score: random(),
          label: 'a',
        }
      },
    }
  })
}

function zoo(): Models {
  return modelsOfFigures(
    ids.map((id, index) => ({
      id,
      accuracy: 0.5 + 0.04 * index,
      mean: 5 * 1.4 ** index,
      width: 224,
      height: 224,
      cuts: layers,
    })),
  )
}
