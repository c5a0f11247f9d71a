import { describe, expect, test } from 'vitest'
import { type Decider, inCloud } from '../../../pipeline/index.ts'
import type { Network } from '../../../pipeline/testing/index.ts'
import { offload, place, select } from '../../../stages/index.ts'
import { modelSet } from '../../stages/decide/support.ts'
import { type Place, play } from './world.ts'

const models = modelSet([
  { id: 'small', accuracy: 0.6, latencyMs: 10 },
  { id: 'large', accuracy: 0.9, latencyMs: 60 },
])
const wifi: Network = { uplink: 100e6, rtt: 10, jitter: 2 }
const times = (small: number, large: number, prepare: number): Place => ({
  prepare,
  run: ({ name }) => (name === 'small' ? small : large),
})
const deadline = 400

/** The stream in which the network is fine, dead for a while, and fine again. */
const dying = (above: readonly Decider[]) =>
  play({
    models,
    device: times(60, 500, 40),
    edges: { edge: times(10, 60, 4) },
    above,
    phases: [
      { network: wifi, messages: 20 },
      { network: { ...wifi, dead: true }, messages: 30 },
      { network: wifi, messages: 30 },
    ],
    every: 100,
    options: { deadline },
  })

describe('a cloud that is dead', () => {
  test.each<readonly [string, () => readonly Decider[]]>([
    ['in-cloud', () => [inCloud()]],
    ['place', () => [place()]],
    ['place and select', () => [place(), select()]],
    ['offload', () => [offload()]],
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

  test('costs offload, which can answer on the device, few of the messages', async () => {
    const { phase } = await dying([offload()])
    expect(phase(1).filter(({ answer }) => answer).length).toBeGreaterThanOrEqual(27)
  })
})
