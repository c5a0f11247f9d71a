import { mean } from 'simple-statistics'
import { modelsOfFigures } from '../../../adapters/simulation/index.ts'
import { inCloud } from '../../../pipeline/index.ts'
import { plan } from '../../../stages/index.ts'
import {
  type Conditions,
  duplicate,
  figure1,
  figure1Pool,
  figure2,
  measured,
  networks,
  residential,
  scenarioOf,
  trial,
  zoo,
} from '../mdinference/index.ts'
import { type Effort, type Findings, warmUp } from '../paper.ts'
import { type Row, row } from '../rows.ts'
import { overSeeds } from '../statistics.ts'
import { lots } from './policies.ts'

/** Strictly above is by more than this. */
const strictly = 1e-6

/** The joint planner where MDInference chooses: in the cloud, behind the wire, with the same models and the same duplicate. */
export function beside(effort: Effort): Findings {
  const frames = warmUp + (effort.quick ? 500 : 2000)
  const { mean: ms, deviation } = networks.artificial
  const artificial = { ms, variation: { kind: 'normal', cv: deviation / ms } } as const
  const rows: Row[] = []
  for (const legs of ['one', 'independent'] as const) {
    const pool = zoo('gpu').filter(({ id }) => figure1Pool.includes(id))
    for (const { sla } of figure1)
      rows.push(point('Fig. 1', { pool, way: artificial, legs, sla }, 0, effort.seeds, frames))
    const others = zoo('gpu').filter(({ id }) => id !== duplicate.id)
    const way = { ms: 1, variation: residential } as const
    for (const { sla } of figure2)
      rows.push(point('Fig. 2', { pool: others, way, legs, sla }, duplicate.accuracy, effort.seeds, frames))
  }
  return {
    rows,
    plots: [],
    remarks: ['MDInference’s points: plan decides in the cloud, as MDInference does, and is told what it is told.'],
  }
}

/** One SLA; what is late is answered by the duplicate, with its accuracy (0: there is none). */
function point(figure: string, conditions: Conditions, late: number, seeds: number, frames: number): Row {
  const { pool, legs, sla } = conditions
  const models = modelsOfFigures(pool)
  const differences = Array.from({ length: seeds }, (_, i) => {
    const seed = i + 1
    const theirs = trial(conditions, 'MDInference', seed, frames)
    const decider = plan({ models, random: lots(seed) })
    const own = measured(scenarioOf(conditions), pool, [inCloud()], [decider], seed, frames)
    return (
      100 * (own.correctOnTime + (1 - own.attainment) * late - theirs.correctOnTime - (1 - theirs.attainment) * late)
    )
  })
  const { value, interval } = overSeeds(differences, (drawn) => mean([...drawn]))
  return row(
    'Ours: plan beside MDInference',
    `${figure}, ${legs === 'one' ? 'one draw' : 'independent legs'}, SLA ${sla} ms: correct and on time, points above`,
    value,
    { interval, aim: { atLeast: legs === 'one' ? 0 : strictly } },
  )
}
