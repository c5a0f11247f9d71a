import { replay, type ScenarioInput, simulate } from '../../adapters/simulation/index.ts'
import { inCloud } from '../../pipeline/index.ts'
import { place } from '../../stages/index.ts'
import { type Row, row } from './row.ts'

const cv = { kind: 'lognormal', cv: 0.1 } as const

const scene: ScenarioInput = {
  name: 'bench',
  deadline: 1000,
  captures: { arrive: { kind: 'every', ms: 20 }, bytes: { kind: 'uniform', from: 1e4, to: 2e5 } },
  device: { prepare: { ms: 3, perMegabyte: 40, variation: cv } },
  link: { kind: 'times', up: { ms: 30, perMegabyte: 100, variation: cv } },
  cloud: {
    prepare: { ms: 1, perMegabyte: 10, variation: cv },
    models: { one: { ms: 5, variation: cv } },
    executors: 4,
  },
  accuracy: { one: 0.8 },
}

/** Frames of a run through the real stages, and of a replay for deciders alone; of the one that looks at memory. */
const [real, alone, many] = [20_000, 500_000, 2_000_000]

/** How quickly time passes when it is virtual: messages through the real stages, decisions without them, memory. */
export async function bench(): Promise<Row[]> {
  const policies = { 'in-cloud': inCloud, place }
  const rows: Row[] = []
  for (const [name, decider] of Object.entries(policies)) {
    const policy = () => ({ name, device: [decider()] })
    await simulate(scene, { policy: policy(), seed: 1, frames: real / 10 })
    const messages = await rate(real, (frames) => simulate(scene, { policy: policy(), seed: 1, frames }))
    rows.push(row(`simulation, real stages, ${name}`, messages, 'messages per CPU s', '≥ 50000'))
    replay(scene, { policy: policy(), seed: 1, frames: alone / 10 })
    const decisions = await rate(alone, (frames) => replay(scene, { policy: policy(), seed: 1, frames }))
    rows.push(row(`simulation, deciders alone, ${name}`, decisions, 'decisions per CPU s', '≥ 200000'))
  }
  rows.push(memory())
  return rows
}

/** Frames for each second that processors worked for this process: what others do meanwhile does not count. */
async function rate(frames: number, run: (frames: number) => unknown): Promise<number> {
  const before = process.cpuUsage()
  await run(frames)
  const { user, system } = process.cpuUsage(before)
  return (1e6 * frames) / (user + system)
}

/** Heap after a long replay beside the heap after a tenth of it. */
function memory(): Row {
  const after = (frames: number) => {
    replay(scene, { policy: { name: 'place', device: [place()] }, seed: 1, frames })
    globalThis.gc?.()
    return process.memoryUsage().heapUsed
  }
  const few = after(many / 10)
  return row(`simulation, heap after ${many} frames beside ${many / 10}`, after(many) / few, '×', '≤ 1.25')
}
