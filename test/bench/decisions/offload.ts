import { models } from '../../../examples/papers/layercake/data.ts'
import type { Cut, Menu } from '../../../pipeline/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { offload } from '../../../stages/index.ts'
import type { Row } from '../row.ts'
import { type Asked, base, happened, measure } from './measure.ts'

const menu: Menu = {
  models: models.ids,
  cuts: ['captured', 'prepared', 'answered'],
  encodings: ['jpeg'],
  targets: ['any', 'node:near'],
  backups: ['none', 'model:b0', 'model:b1'],
}

/** Eight models on this side and at two targets: 24 endpoints. */
export function offloadRows(): Row[] {
  const random = seededRandom(3)
  const asked = Array.from({ length: 500 }, (_, i): Asked => {
    const deadline = 250 + random() * 3250
    const noise = 0.9 + 0.2 * random()
    const id = `m${i}`
    return {
      request: { ...base, id, bytes: 150_000, deadline, remaining: deadline },
      menu,
      outcome: ({ models: [model], cuts: [cut], targets: [target] }) => {
        const ms = (models.entry(model as string).latencyMs as number) * noise
        const plan = { model: model as string, cut: cut as Cut, ...(target === undefined ? {} : { target }) }
        if (cut === 'answered') return { ...happened, id, plan, timings: { execute: 0.3 * ms }, crossing: undefined }
        const crossing = { at: cut as Cut, encoding: 'jpeg', bytes: 150_000, node: target ?? 'any' }
        return { ...happened, id, plan, timings: { transfer: 100 * noise, execute: 0.1 * ms }, crossing }
      },
    }
  })
  return measure('offload over 24 endpoints', offload({ models }), asked, '≤ 10')
}
