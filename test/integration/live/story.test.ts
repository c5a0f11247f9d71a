import { describe, expect, test } from 'vitest'
import { catalogue, plan } from '../../../adapters/node/index.ts'
import { lte, story } from '../../../examples/quickstart/network.ts'
import { policies } from '../../../examples/quickstart/policies.ts'
import { zooFolder } from '../../../examples/zoo/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { evenly, played, type Score } from './contest.ts'
import { patience } from './world.ts'

const models = catalogue(zooFolder)
const count = 160
const rate = 8

/** The quickstart's story, with a random of its own for everything that is drawn. */
const told = (seed: number) => {
  const random = seededRandom(seed)
  const sizes = Array.from({ length: count }, () => 50_000 + 60_000 * random())
  return played({
    models,
    count,
    rate,
    sla: 150,
    phases: story((1000 * count) / rate, lte),
    policies: policies(models, { radio: '4g' }).map((policy) =>
      policy.decides
        ? { ...policy, decider: () => plan({ energy: { radio: '4g' }, random: seededRandom(seed) }) }
        : policy,
    ),
    times: { run: (model) => 750 * (models.entry(model).latencyMs ?? 0), prepare: (bytes) => 15 + bytes / 5000 },
    bytes: (seq) => Math.round(sizes[seq] as number),
    cloud: (model) => 2 + (models.entry(model).latencyMs ?? 0),
    difficulty: evenly(count, seed),
  })
}

/** The policies, and frame by frame what the planner did: place and model, `!` late, `x` wrong. */
function show(scores: readonly Score[]): void {
  for (const { policy, rightAndOnTime, course } of scores)
    console.log(policy.padEnd(14), rightAndOnTime.toFixed(3), 'mJ', course.energy.toFixed(0))
  for (const { seq, phase, place, model, backup, end, onTime, right, latency } of scores[0]?.course.frames ?? []) {
    const what = end === 'answer' ? `${place} ${model}${backup ? ' stood in' : ''}` : end
    console.log(seq, phase, what, `${onTime ? '' : '!'}${right ? '' : 'x'}`, latency?.toFixed(0))
  }
}

describe('Wi-Fi, LTE, nothing, Wi-Fi again', { timeout: patience }, () => {
  test.each([1, 2, 3])('plan() is right and on time more often than every fixed policy, seed %i', async (seed) => {
    const scores = await told(seed)
    if (process.env.SHOW) show(scores)
    const [ours, ...others] = scores
    for (const { rightAndOnTime } of others) expect(ours?.rightAndOnTime).toBeGreaterThan(rightAndOnTime)
  })
})
