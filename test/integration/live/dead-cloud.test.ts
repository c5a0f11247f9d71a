import { describe, expect, test } from 'vitest'
import { type Decider, fixed, inCloud } from '../../../pipeline/index.ts'
import { type Network, seededRandom } from '../../../pipeline/testing/index.ts'
import { backup, offload, place, plan, select, split } from '../../../stages/index.ts'
import { models, place as placed } from './models.ts'
import { patience, play } from './world.ts'

const wifi: Network = { uplink: 100e6, rtt: 10, jitter: 2 }
const deadline = 400

/** The stream in which the network is fine, dead for a while, and fine again. */
const dying = (above: readonly Decider[]) =>
  play({
    models: models(),
    device: placed(60, 500, 40),
    edges: { edge: placed(10, 60, 4) },
    above,
    phases: [
      { network: wifi, messages: 20 },
      { network: { ...wifi, dead: true }, messages: 30 },
      { network: wifi, messages: 30 },
    ],
    every: 100,
    options: { deadline },
  })

describe('a cloud that is dead', { timeout: patience }, () => {
  test.each<readonly [string, () => readonly Decider[]]>([
    ['in-cloud', () => [inCloud()]],
    ['place', () => [place()]],
    ['place and select', () => [place(), select({ random: seededRandom(7) })]],
    ['offload', () => [offload()]],
    ['split', () => [fixed({ model: 'small' }), split()]],
    ['plan', () => [plan({ random: seededRandom(3) })]],
  ])(
    'without a backup, %s: every message has an answer or a typed failure within its deadline',
    async (_name, above) => {
      const { seen, phase } = await dying(above())
      expect(seen).toHaveLength(80)
      for (const { answer, failure, from, to } of seen) {
        expect(answer !== undefined || failure !== undefined).toBe(true)
        expect(to - from).toBeLessThanOrEqual(deadline + 1)
        if (failure) expect(['deadline-exceeded', 'node-lost', 'no-responders']).toContain(failure.error.code)
      }
      expect(
        phase(0)
          .slice(5)
          .filter(({ answer }) => answer),
      ).toHaveLength(15)
      // It is back: at the latest with the first message after those that still wait for what was lost.
      expect(
        phase(2)
          .slice(10)
          .filter(({ answer }) => answer),
      ).toHaveLength(20)
    },
  )

  test.each<readonly [string, () => readonly Decider[]]>([
    ['always', () => [inCloud(), backup({ when: 'always', model: 'small' })]],
    ['when it pays', () => [inCloud(), backup({ when: 'pays', model: 'small' })]],
    [
      'always, beside place and select',
      () => [place(), select({ random: seededRandom(7) }), backup({ when: 'always', model: 'small' })],
    ],
  ])('with a backup, %s: every message has an answer within its deadline', async (_name, above) => {
    const { seen } = await dying(above())
    expect(seen).toHaveLength(80)
    if (process.env.SHOW)
      console.log(
        seen.map(({ answer, failure }) => (answer ? (answer.backup ? 'b' : '.') : failure?.error.code)).join(''),
      )
    for (const { answer, from, to } of seen) {
      expect(answer?.onTime).toBe(true)
      expect(to - from).toBeLessThanOrEqual(deadline)
    }
  })

  test('costs offload, which can answer on the device, few of the messages', async () => {
    const { phase } = await dying([offload()])
    expect(phase(1).filter(({ answer }) => answer).length).toBeGreaterThanOrEqual(27)
  })
})
