import { describe, expect, test } from 'vitest'
import { constantRate, steps } from '../../../../adapters/link/index.ts'
import {
  type Frame,
  modelsOfFigures,
  random,
  replay,
  type ScenarioInput,
} from '../../../../adapters/simulation/index.ts'
import type { Decider } from '../../../../pipeline/index.ts'
import { type Planner, plan } from '../../../../stages/index.ts'

/** Ids, accuracies, and ms on the device and in the cloud. */
const pool = [
  ['small', 0.7, 160, 4],
  ['large', 0.85, 2000, 110],
] as const

const models = modelsOfFigures(
  pool.map(([id, accuracy, device, mean]) => ({ id, accuracy, mean, device, width: 224, height: 224 })),
)

const cv = { kind: 'lognormal', cv: 0.1 } as const

/** A frame every half second, 600 ms to answer, over a way that is given in steps. */
function scenario(up: ReturnType<typeof steps>, backups: string[]): ScenarioInput {
  return {
    name: 'honest',
    deadline: 600,
    captures: {
      arrive: { kind: 'every', ms: 500 },
      bytes: { kind: 'lognormal', median: 200e3, sigma: 0.5, most: 1e6 },
    },
    device: {
      prepare: { ms: 40, perMegabyte: 80, variation: cv },
      models: Object.fromEntries(pool.map(([id, , ms]) => [id, { ms, variation: cv }])),
      backups,
    },
    window: 8,
    link: { kind: 'rates', up, down: constantRate(10e6), delay: 20 },
    cloud: {
      prepare: { ms: 5, perMegabyte: 20, variation: cv },
      models: Object.fromEntries(pool.map(([id, , , ms]) => [id, { ms, variation: cv }])),
      executors: 4,
    },
    accuracy: Object.fromEntries(pool.map(([id, accuracy]) => [id, accuracy])),
  }
}

/** Plays frames, and gives what was expected of each beside what came of it. */
function play(of: ScenarioInput, frames: number, planner: Planner, narrow?: Decider) {
  const expected = new Map<string, number>()
  const told: Decider = {
    name: 'told',
    decide: (request, world, menu) => {
      const chosen = planner.decide(request, world, narrow ? narrow.decide(request, world, menu) : menu)
      const { weighed = [], chosen: at = 0 } = planner.explain?.() ?? {}
      expected.set(request.id, weighed[at]?.onTime ?? Number.NaN)
      return chosen
    },
    observe: (outcome, world) => planner.observe?.(outcome, world),
    probed: (probe, world) => planner.probed?.(probe, world),
  }
  const seen: { readonly at: number; readonly crossed: boolean; readonly chance: number; readonly onTime: boolean }[] =
    []
  const onSettled = ({ id, captured, sent, onTime }: Frame) => {
    seen.push({ at: captured, crossed: sent > 0, chance: expected.get(id) ?? Number.NaN, onTime })
  }
  replay(of, { seed: 3, frames, policy: { name: 'told', device: [told] }, onSettled })
  return seen
}

/** A rate every quarter of a second, e to a normal of half about 4 Mbit/s, that lasts. */
function wandering(): ReturnType<typeof steps> {
  const { normal } = random(5, 'rate')
  let log = 0
  return steps(
    Array.from({ length: 4000 }, (_, i) => {
      log = 0.8 * log + 0.6 * 0.5 * normal()
      return { at: 250 * i, bitsPerSecond: 4e6 * Math.exp(log) }
    }),
    'wandering',
  )
}

describe('plan', () => {
  test('of the answers it expects in time with some chance, that share is in time', () => {
    // Nothing but crossings with the large model: its chance is what is asked about.
    const cloud: Decider = {
      name: 'cloud',
      decide: (_request, _world, menu) => ({ ...menu, models: ['large'], cuts: ['captured'] }),
    }
    const all = play(scenario(wandering(), []), 1600, plan({ models, random: () => 0.999 }), cloud).slice(200)
    for (const [from, to] of [
      [0.1, 0.4],
      [0.4, 0.7],
      [0.7, 0.9],
      [0.9, 1.01],
    ] as const) {
      const those = all.filter(({ chance }) => chance >= from && chance < to)
      expect(those.length).toBeGreaterThan(30)
      const said = those.reduce((sum, { chance }) => sum + chance, 0) / those.length
      const was = those.filter(({ onTime }) => onTime).length / those.length
      expect(Math.abs(said - was)).toBeLessThan(0.15)
    }
  })

  test('crosses again within three seconds of an outage, where something stands in', () => {
    // 20 s as it should be, then 2 s of next to nothing, again and again.
    const up = steps(
      Array.from({ length: 20 }, (_, i) => [
        { at: 22_000 * i, bitsPerSecond: 8e6 },
        { at: 22_000 * i + 20_000, bitsPerSecond: 1e5 },
      ]).flat(),
      'outages',
    )
    const seen = play(scenario(up, ['small']), 800, plan({ models, random: () => 0.999 }))
    const after = seen.filter(({ at }) => at > 66_000 && at % 22_000 > 3000 && at % 22_000 < 19_000)
    expect(after.filter(({ crossed }) => crossed).length / after.length).toBeGreaterThan(0.9)
  })
})
