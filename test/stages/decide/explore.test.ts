import { describe, expect, test } from 'vitest'
import { BadConfiguration, type Decider, fixed } from '../../../pipeline/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { explore, place, select } from '../../../stages/index.ts'
import { menu, modelSet, request, world } from './support.ts'

const models = modelSet([
  { id: 'a', accuracy: 0.5, latencyMs: 5 },
  { id: 'b', accuracy: 0.9, latencyMs: 20 },
])

describe('an exploring decider', () => {
  test('takes each choice as often as it says it would', () => {
    const decider = explore(select({ models }), { share: 0.3, random: seededRandom(2) })
    const draws = 20_000
    let taken = 0
    for (let i = 0; i < draws; i++) {
      const [model] = decider.decide(request({ deadline: 500 }), world, menu).models
      const explanation = decider.explain?.()
      expect(explanation?.weighed.map(({ propensity }) => propensity)).toEqual([0.15, 0.85])
      expect(explanation?.weighed[explanation.chosen]?.choice.model).toBe(model)
      if (model === 'a') taken++
    }
    expect(Math.abs(taken / draws - 0.15)).toBeLessThan(5 * Math.sqrt((0.15 * 0.85) / draws))
  })

  test('takes nothing that the decider did not weigh', () => {
    const careful: Decider = {
      ...fixed({ cut: 'answered', model: 'a' }),
      explain: () => ({
        decider: 'careful',
        weighed: [
          { choice: { cut: 'answered', model: 'a' }, propensity: 1 },
          { choice: { cut: 'answered', model: 'b' }, propensity: 0 },
        ],
        chosen: 0,
      }),
    }
    const decider = explore(careful, { share: 1, random: seededRandom(3) })
    const seen = new Set<string>()
    for (let i = 0; i < 200; i++) {
      const left = decider.decide(request(), world, menu)
      expect(left.cuts).toEqual(['answered'])
      seen.add(left.models.join())
    }
    expect(seen).toEqual(new Set(['a', 'b']))
  })

  test('leaves open what the explored choice says nothing of', () => {
    const decider = explore([place(), select({ models })], { share: 1, random: seededRandom(4) })
    for (let i = 0; i < 100; i++) {
      const left = decider.decide(request({ deadline: 500 }), world, menu)
      const explanation = decider.explain?.()
      const chosen = explanation?.weighed[explanation.chosen]?.choice
      expect(left.cuts).toEqual([chosen?.cut])
      expect(left.models).toEqual(chosen?.model === undefined ? menu.models : [chosen.model])
    }
  })

  test('leaves nothing to chance where its share is 0, or nothing was weighed', () => {
    const never = explore(select({ models }), { share: 0 })
    const silent = explore({ name: 'silent', decide: () => ({ ...menu, models: ['a'] }) }, { share: 1 })
    for (let i = 0; i < 50; i++) {
      expect(never.decide(request({ deadline: 500 }), world, menu).models).toEqual(['b'])
      expect(silent.decide(request(), world, menu).models).toEqual(['a'])
    }
    expect(() => explore(place(), { share: 2 })).toThrow(BadConfiguration)
  })
})
