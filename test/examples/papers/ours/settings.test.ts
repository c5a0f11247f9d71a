import { describe, expect, test } from 'vitest'
import { replay, type ScenarioInput } from '../../../../adapters/simulation/index.ts'
import { asStated, type Cell, cellCosts, cells, type Goal } from '../../../../examples/papers/neurosurgeon/index.ts'
import { average, type Contest, of, oracle, real } from '../../../../examples/papers/ours/contest.ts'
import { layercakeContests } from '../../../../examples/papers/ours/layercake.ts'
import { cutAt, neurosurgeonContests, powers } from '../../../../examples/papers/ours/neurosurgeon.ts'
import { parted, sceneOf } from '../../../../examples/papers/ours/parted.ts'
import { pieslicerContests } from '../../../../examples/papers/ours/pieslicer.ts'
import { energyOf } from '../../../../examples/papers/ours/play.ts'
import { wanderingContests } from '../../../../examples/papers/ours/wandering.ts'
import { fixed } from '../../../../pipeline/index.ts'
import { EnergyModel } from '../../../../stages/index.ts'

const effort = { seeds: 2, quick: true, assets: undefined }

/** Nothing varies any longer. */
const steady = (scene: ScenarioInput): ScenarioInput =>
  JSON.parse(JSON.stringify({ ...scene, deadline: 1e9 }), (key, value) => (key === 'variation' ? undefined : value))

function costOf(cell: Cell, goal: Goal, at: number): number {
  const one = parted(cell)
  const device = [fixed({ model: cell.network.name, cut: cutAt(one.costs.cuts, at) })]
  let cost = Number.NaN
  replay(steady(sceneOf(one)), {
    policy: { name: 'always', device },
    seed: 1,
    frames: 1,
    onSettled: (frame) => {
      cost = goal === 'latency' ? frame.latency : energyOf(frame, new EnergyModel(powers(cell)))
    },
  })
  return cost
}

describe('Neurosurgeon’s cells as scenarios', () => {
  test.each(['latency', 'energy'] as const)(
    'cost %s behind each layer what the published table is computed with',
    (goal) => {
      for (const cell of cells) {
        const { values } = cellCosts(cell, goal, asStated)
        for (const at of new Set([0, 1, values.length >> 1, values.length - 2, values.length - 1]))
          expect(costOf(cell, goal, at)).toBeCloseTo(values[at] as number, 6)
      }
    },
  )
})

/** What holds of every contest, whoever wins. */
function sound(contest: Contest): void {
  const sign = contest.counts === 'gain' ? 1 : -1
  for (const policy of contest.runs.keys())
    for (const { value, bound, series } of of(contest, policy)) {
      expect(sign * value).toBeLessThanOrEqual(sign * bound + 1e-9)
      expect(series.every(Number.isFinite)).toBe(true)
    }
  const ends = real(contest).filter((policy) => policy.startsWith('always'))
  for (const policy of ends)
    expect(sign * average(of(contest, policy))).toBeLessThanOrEqual(
      sign * average(of(contest, oracle)) * (1 + sign * 0.005),
    )
}

describe('nobody beats the clairvoyant bound, and nobody who always does the same the oracle', () => {
  test('on PieSlicer’s settings', () => {
    for (const contest of pieslicerContests(effort)) sound(contest)
  })

  test('on Neurosurgeon’s', () => {
    const { value } = neurosurgeonContests(effort).next()
    sound(value as Contest)
  })

  test('while uplink and server wander', () => {
    for (const contest of wanderingContests(effort)) sound(contest)
  })

  test('on LayerCake’s', () => {
    const { value } = layercakeContests(effort).next()
    sound(value as Contest)
  })
})
