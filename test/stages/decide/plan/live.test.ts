import { describe, expect, test } from 'vitest'
import type { Decider, RunningDevice } from '../../../../pipeline/index.ts'
import { collect, type FakeClock, frames, seededRandom } from '../../../../pipeline/testing/index.ts'
import { plan } from '../../../../stages/index.ts'
import { type Behaviour, scene } from '../../../pipeline/attempts.support.ts'
import { modelSet } from '../support.ts'

const models = modelSet([
  { id: 'small', accuracy: 0.7, latencyMs: 30 },
  { id: 'middle', accuracy: 0.75, latencyMs: 1000 },
  { id: 'large', accuracy: 0.9, latencyMs: 60 },
])

/** Every answer here is the same: the last one would do for all. */
const withoutLast: Decider = {
  name: 'without last',
  decide: (_request, _world, { lastAge: _age, ...menu }) => ({
    ...menu,
    backups: menu.backups.filter((backup) => backup !== 'last'),
  }),
}

/** What runs take here. */
const took =
  (score: (seq: number) => number = () => 0.9) =>
  ({ plan: { model }, seq }: { plan: { model?: string }; seq: number }, side: 'device' | 'cloud'): Behaviour => {
    const ms = model === 'small' ? 30 : model === 'middle' ? 1000 : 60
    return { ms: side === 'device' && model === 'large' ? 200 : ms, score: model === 'small' ? score(seq) : 0.9 }
  }

async function played(running: RunningDevice, clock: FakeClock, change: () => void = () => {}) {
  const all = collect(running)
  await clock.advance(3000)
  change()
  await clock.advance(60_000)
  return all
}

describe('in a pipeline', () => {
  test('a model of the device stands in when the cloud dies, and every message is answered in time', async () => {
    const decider = plan({ models, random: seededRandom(3) })
    const all = scene(frames(100), [withoutLast, decider], took(), { window: 1, deadline: 300 })
    const { answers, counts } = await played(all.pipe.run(), all.clock, () => all.use([{ at: ['request'], drop: 1 }]))
    expect(counts.in).toBe(100)
    // One that nobody has met may be too slow.
    expect(counts.failures).toBeLessThanOrEqual(1)
    expect(answers.slice(5).every(({ onTime }) => onTime)).toBe(true)
    expect(answers.slice(5, 30).every(({ place }) => place !== 'answered')).toBe(true)
    expect(answers.some(({ backup }) => backup)).toBe(true)
    expect(answers.slice(-20).every(({ place }) => place === 'answered')).toBe(true)
  })

  test('of a source that stays the same the last answer is given again where energy is dear', async () => {
    const decider = plan({ models, random: seededRandom(4), weights: { energy: 2e-3 }, tries: { every: 1e6 } })
    const all = scene(frames(200), [decider], took(), { window: 1, deadline: 300 })
    const { answers, counts } = await played(all.pipe.run(), all.clock)
    expect(counts).toMatchObject({ in: 200, results: 200 })
    const repeated = answers.filter(({ repeated }) => repeated)
    expect(repeated.length).toBeGreaterThan(20)
    expect(repeated.length).toBeLessThan(200)
    expect(answers[0]?.repeated).toBe(false)
  })
})
