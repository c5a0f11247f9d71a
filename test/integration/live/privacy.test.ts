import { describe, expect, test } from 'vitest'
import { allOnDevice, type Decider, type Menu } from '../../../pipeline/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { modelSet } from '../../stages/decide/support.ts'
import { type Phase, play } from './world.ts'

const models = modelSet([
  { id: 'small', accuracy: 0.6, latencyMs: 10 },
  { id: 'large', accuracy: 0.9, latencyMs: 60 },
])

/** Networks, sizes and outages of every kind, drawn by lot: so many messages in stretches of fifty. */
function conditions(messages: number, seed: number): Phase[] {
  const random = seededRandom(seed)
  return Array.from({ length: messages / 50 }, () => ({
    network: {
      uplink: 1e5 * 10 ** (4 * random()),
      rtt: 200 * random(),
      jitter: 50 * random(),
      dead: random() < 0.1,
    },
    messages: 50,
    bytes: () => 1000 + Math.round(20_000 * random()),
  }))
}

const scene = (above: readonly Decider[], phases: readonly Phase[]) => ({
  models,
  device: { prepare: 5, run: ({ name }: { name: string }) => (name === 'small' ? 20 : 80) },
  edges: { edge: { prepare: 1, run: () => 5 } },
  above,
  phases,
  preparedBytes: 2000,
  options: { deadline: 300 },
})

/** Any cut of the menu, by lot. */
function anywhere(seed: number): Decider {
  const random = seededRandom(seed)
  return {
    name: 'anywhere',
    decide: (_request, _world, menu: Menu) => ({
      ...menu,
      cuts: [menu.cuts[Math.floor(random() * menu.cuts.length)] as Menu['cuts'][number]],
    }),
  }
}

describe('what crosses the wire', () => {
  test('is seen by the watcher, where pictures may leave', async () => {
    const { wire } = await play(scene([anywhere(1)], conditions(200, 1)))
    expect(wire.captured).toBeGreaterThan(20)
    expect(wire.prepared).toBeGreaterThan(20)
  })

  test('holds no picture, captured or prepared, where all stays on the device', async () => {
    const { wire, seen } = await play(scene([allOnDevice()], conditions(1000, 2)))
    expect(seen).toHaveLength(1000)
    expect(wire).toMatchObject({ captured: 0, prepared: 0, activations: 0 })
  })
})
