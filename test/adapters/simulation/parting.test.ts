import { describe, expect, test } from 'vitest'
import { type Frame, replay, type ScenarioInput, simulate } from '../../../adapters/simulation/index.ts'
import { BadConfiguration, type Cut, type Decider, fixed, type Outcome } from '../../../pipeline/index.ts'

const parted: ScenarioInput = {
  name: 'parted',
  deadline: Number.POSITIVE_INFINITY,
  captures: { arrive: { kind: 'when-settled', pause: 10 }, bytes: { kind: 'constant', bytes: 500_000 } },
  device: { prepare: { ms: 5 }, models: { net: { ms: 200 } } },
  link: { kind: 'times', up: { ms: 10, perMegabyte: 100 }, down: { ms: 3 } },
  cloud: { prepare: { ms: 4 }, models: { net: { ms: 40 } } },
  cuts: {
    net: [
      { layer: 'conv', bytes: 900_000, before: 0.25, behind: 0.5 },
      { layer: 'pool', bytes: 50_000, before: 0.75, behind: 0.125 },
    ],
  },
}

function played(scenario: ScenarioInput, cut: Cut, frames = 1) {
  const settled: Frame[] = []
  const outcomes: Outcome[] = []
  const slowdowns: (number | undefined)[] = []
  const hears: Decider = {
    name: 'hears',
    decide: (_request, _world, menu) => menu,
    observe: (outcome, world) => {
      outcomes.push(outcome)
      slowdowns.push(world.value('cloud')?.slowdown)
    },
  }
  replay(scenario, {
    policy: { name: 'test', device: [fixed({ model: 'net', cut }), hears] },
    seed: 1,
    frames,
    onSettled: (frame) => settled.push({ ...frame, fate: { ...frame.fate } }),
  })
  return { settled, outcomes, slowdowns }
}

describe('a model that is parted behind a layer', () => {
  test('runs its head on the device, crosses with what the layer makes, and runs the rest in the cloud', () => {
    const { settled, outcomes } = played(parted, 'after:pool')
    expect(settled[0]).toMatchObject({
      device: 5,
      head: 150,
      sent: 50_000,
      up: 15,
      cloud: 0,
      run: 5,
      down: 3,
      latency: 178,
    })
    expect(outcomes[0]).toMatchObject({
      crossing: { at: 'after:pool', encoding: 'float32', bytes: 50_000 },
      timings: { device: 5, head: 150, transfer: 18, cloud: 0, execute: 155 },
    })
  })

  test('is as it was at both ends', () => {
    expect(played(parted, 'captured').settled[0]).toMatchObject({
      head: 0,
      sent: 500_000,
      run: 40,
      latency: 60 + 4 + 40 + 3,
    })
    expect(played(parted, 'answered').settled[0]).toMatchObject({ head: 0, sent: 0, run: 200, latency: 205 })
  })

  test('offers deciders its layers, in their order', () => {
    let cuts: readonly Cut[] = []
    const asks: Decider = {
      name: 'asks',
      decide: (_request, _world, menu) => {
        cuts = menu.cuts
        return menu
      },
    }
    replay(parted, { policy: { name: 'asks', device: [asks] }, seed: 1, frames: 1 })
    expect(cuts).toEqual(['captured', 'prepared', 'after:conv', 'after:pool', 'answered'])
  })

  test('is not parted behind a layer that the scenario does not name', () => {
    expect(() => played(parted, 'after:fc')).toThrow(BadConfiguration)
    expect(() => played(parted, 'after:fc')).toThrow(/behind "fc".*name for it/)
  })
})

test('a cloud that is slowed down takes so many times longer from then on, and the device hears of it', () => {
  const slowed = {
    ...parted,
    cloud: {
      ...parted.cloud,
      slowdown: [
        { at: 100, factor: 3 },
        { at: 400, factor: 1 },
      ],
    },
  }
  const { settled, slowdowns } = played(slowed, 'captured', 5)
  const runs = settled.map(({ captured, up, cloud, run }) => [captured + up + cloud, run] as const)
  for (const [began, run] of runs) expect(run).toBe(began >= 100 && began < 400 ? 120 : 40)
  expect(new Set(runs.map(([, run]) => run)).size).toBe(2)
  expect(new Set(slowdowns)).toEqual(new Set([1, 3]))
})

test('the real stages part no models: a scenario that asks for it is refused', async () => {
  await expect(simulate(parted, { policy: { name: 'none' }, seed: 1, frames: 1 })).rejects.toThrow(/use replay\(\)/)
})
