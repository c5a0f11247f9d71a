import { models } from '../../../examples/papers/layercake/data.ts'
import type { Cut, Menu, Outcome } from '../../../pipeline/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { alert, ans, type ChainLayer, maui } from '../../../stages/index.ts'
import type { Row } from '../row.ts'
import { type Asked, base, happened, measure } from './measure.ts'

const length = 46
/** As long as VGG-19 in Neurosurgeon's figures. */
const chain: readonly ChainLayer[] = Array.from({ length }, (_, i) => ({
  cut: i === length - 1 ? 'answered' : `after:layer${i}`,
  kind: (['conv', 'act', 'fc'] as const)[i % 3] as 'conv' | 'act' | 'fc',
  macs: 1 + (i % 7),
  ms: 1 + (i % 7),
  bytes: Math.round(1e6 / (1 + i)),
}))
const menu: Menu = {
  models: ['b0'],
  cuts: ['captured', 'prepared', 'after:*', 'answered'],
  encodings: ['jpeg'],
  targets: ['any'],
  backups: ['none'],
}

/** ANS and MAUI over 46 layers, ALERT over eight models. */
export function baselineRows(): Row[] {
  const layers = () => chain
  return [
    ...measure(`ans over ${length} layers`, ans({ models, layers }), cutRequests(), '≤ 10'),
    ...measure(`maui over ${length} layers`, maui({ models, layers }), cutRequests(), '≤ 10'),
    ...measure('alert over 8 models', alert({ models }), modelRequests(), '≤ 3'),
  ]
}

function cutRequests(): Asked[] {
  const random = seededRandom(4)
  return Array.from({ length: 500 }, () => {
    const bytes = Math.round(2e4 + 1e6 * random())
    const noise = 0.9 + 0.2 * random()
    return { request: { ...base, bytes }, menu, outcome: (after) => crossed(after.cuts[0] as Cut, bytes, noise) }
  })
}

function crossed(cut: Cut, bytes: number, noise: number): Outcome {
  const at = chain.findIndex((layer) => layer.cut === cut) + 1
  const sent = at === 0 ? bytes : (chain[at - 1] as ChainLayer).bytes
  const execute = noise * chain.reduce((sum, { ms }, i) => sum + (i < at ? ms : ms / 10), 0)
  const plan = { model: 'b0', cut }
  if (cut === 'answered') return { ...happened, bytes, plan, timings: { execute }, crossing: undefined }
  const crossing = { at: cut, encoding: 'jpeg', bytes: sent, node: 'edge' }
  return { ...happened, bytes, plan, timings: { execute, transfer: 10 + sent / 5000 }, crossing }
}

function modelRequests(): Asked[] {
  const random = seededRandom(5)
  return Array.from({ length: 500 }, () => {
    const deadline = 250 + random() * 3250
    const noise = 0.9 + 0.2 * random()
    return {
      request: { ...base, deadline, remaining: deadline },
      menu: { ...menu, models: models.ids },
      outcome: ({ models: [model] }) => ({
        ...happened,
        plan: { model: model as string, cut: 'answered' },
        timings: { execute: noise * (models.entry(model as string).latencyMs as number) },
        crossing: undefined,
      }),
    }
  })
}
