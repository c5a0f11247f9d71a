import { expect, test } from 'vitest'
import { modelsOfFigures, replay, type ScenarioInput } from '../../../../adapters/simulation/index.ts'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { plan } from '../../../../stages/index.ts'

const variation = { kind: 'lognormal', cv: 0.1 } as const

/** A device that takes 200 ms, a cloud that takes 70 ms with the way there and back. */
const scene: ScenarioInput = {
  name: 'no deadline',
  deadline: Number.POSITIVE_INFINITY,
  captures: { arrive: { kind: 'when-settled', pause: 20 }, bytes: { kind: 'constant', bytes: 50_000 } },
  device: { models: { net: { ms: 200, variation } } },
  link: { kind: 'times', up: { ms: 20, perMegabyte: 600, variation } },
  cloud: { models: { net: { ms: 20, variation } } },
  accuracy: { net: 0.8 },
}

test('without a deadline, too, a way that may be quicker is tried, and kept to once it is', () => {
  const models = modelsOfFigures([{ id: 'net', accuracy: 0.8, mean: 200 }])
  for (let seed = 1; seed <= 10; seed++) {
    const random = seededRandom(seed)
    let crossed = 0
    replay(scene, {
      policy: { name: 'plan', device: [plan({ models, weights: { energy: 0, time: 1 }, random })] },
      seed,
      frames: 200,
      onSettled: ({ seq, sent }) => {
        if (seq >= 100 && sent > 0) crossed++
      },
    })
    expect(crossed).toBeGreaterThanOrEqual(95)
  }
})
