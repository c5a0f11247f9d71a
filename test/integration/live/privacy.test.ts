import { describe, expect, test } from 'vitest'
import { allOnDevice, type Decider, type Menu } from '../../../pipeline/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { plan } from '../../../stages/index.ts'
import { models, place as placed } from './models.ts'
import { type Phase, patience, play } from './world.ts'

/** Networks, sizes and outages of every kind, drawn by lot: so many messages in stretches of fifty. */
function conditions(messages: number, seed: number): Phase[] {
  const random = seededRandom(seed)
  return Array.from({ length: messages / 50 }, () => ({
    network: {
      uplink: 1e6 * 10 ** (3 * random()),
      rtt: 200 * random(),
      jitter: 50 * random(),
      dead: random() < 0.1,
    },
    messages: 50,
    bytes: () => 1000 + Math.round(20_000 * random()),
  }))
}

const scene = (above: readonly Decider[], phases: readonly Phase[]) => ({
  models: models(),
  device: placed(100, 600, 5),
  edges: { edge: placed(5, 20, 1) },
  above,
  phases,
  preparedBytes: 2000,
  every: 50,
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

  test(
    'holds activations alone where only features may leave, in 10,000 messages of all conditions',
    async () => {
      const { wire, seen } = await play(
        scene([plan({ leaves: 'features', random: seededRandom(4) })], conditions(10_000, 3)),
      )
      expect(seen).toHaveLength(10_000)
      expect(wire).toMatchObject({ captured: 0, prepared: 0 })
      expect(wire.activations).toBeGreaterThan(100)
    },
    patience,
  )

  test(
    'holds nothing of a picture at all where nothing may leave',
    async () => {
      const { wire } = await play(scene([plan({ leaves: 'nothing', random: seededRandom(5) })], conditions(2000, 6)))
      expect(wire).toMatchObject({ captured: 0, prepared: 0, activations: 0 })
    },
    patience,
  )

  test(
    'holds no captured picture where it must be prepared first',
    async () => {
      const { wire } = await play(scene([plan({ leaves: 'prepared', random: seededRandom(5) })], conditions(2000, 7)))
      expect(wire.captured).toBe(0)
      expect(wire.prepared + wire.activations).toBeGreaterThan(20)
    },
    patience,
  )
})
