import { describe, expect, test } from 'vitest'
import { fixed, type Menu } from '../../../pipeline/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { place, type SelectRule, select } from '../../../stages/index.ts'
import { everyDecider } from './deciders.ts'
import { Environment, everything } from './plan/environment.ts'
import { menu, modelSet, outcome, request, world } from './support.ts'

const models = modelSet([
  { id: 'small', accuracy: 0.5, latencyMs: 5 },
  { id: 'middle', accuracy: 0.7, latencyMs: 20 },
  { id: 'large', accuracy: 0.9, latencyMs: 80 },
])
const all: Menu = { ...menu, models: models.ids }

describe('an explained decision', () => {
  test('of a fixed choice is certain', () => {
    expect(fixed({ cut: 'captured', model: 'a' }).explain?.()).toEqual({
      decider: 'fixed',
      weighed: [{ choice: { cut: 'captured', model: 'a' }, propensity: 1 }],
      chosen: 0,
    })
  })

  test('of place names the costs of both ways, which it took and why', () => {
    const decider = place()
    const why: (string | undefined)[] = []
    for (let i = 0; i < 30; i++) {
      const [cut] = decider.decide(request(), world, menu).cuts as ['captured' | 'prepared']
      const explanation = decider.explain?.()
      expect(explanation?.weighed[explanation.chosen]).toMatchObject({ choice: { cut }, propensity: 1 })
      why.push(explanation?.why)
      const sent = cut === 'captured' ? 1e6 : 1e4
      const timings = { transfer: 10 + sent / 1e3, cloud: 5, ...(cut === 'prepared' ? { device: 20 } : {}) }
      decider.observe?.(outcome({ cut }, timings, { crossing: { at: cut, bytes: sent } }), world)
    }
    expect(why.slice(0, 4)).toEqual(Array(4).fill('warm-up'))
    expect(why.slice(4)).toContain('faster')
    decider.decide(request(), world, menu)
    const { local, remote } = decider.costs(1e6)
    expect(decider.explain?.()?.weighed).toMatchObject([
      { choice: { cut: 'captured' }, ms: remote, bytes: 1e6 },
      { choice: { cut: 'prepared' }, ms: local, bytes: 1e4 },
    ])
    decider.decide(request({ bytes: 500 }), world, menu)
    expect(decider.explain?.()).toMatchObject({ chosen: 0, why: 'small picture' })
  })

  test('is none where there was nothing to decide', () => {
    const where = place()
    where.decide(request(), world, { ...menu, cuts: ['answered'] })
    expect(where.explain?.()).toBeUndefined()
    const which = select({ models })
    which.decide(request(), world, { ...menu, models: ['small'] })
    expect(which.explain?.()).toBeUndefined()
  })

  test.each<[SelectRule, readonly number[] | undefined]>([
    ['mdinference', [0, 0, 1]],
    ['static-latency', [1, 0, 0]],
    ['random', [1 / 3, 1 / 3, 1 / 3]],
    ['related-random', undefined],
    ['modipick', undefined],
  ])('of select %s gives each model the chance with which it is really drawn', (rule, known) => {
    const decider = select({ models, rule, random: seededRandom(3), tryEvery: Number.POSITIVE_INFINITY })
    const draws = 20_000
    const count = [0, 0, 0]
    let stated: readonly number[] = []
    for (let i = 0; i < draws; i++) {
      const [model] = decider.decide(request({ deadline: 200, remaining: 200 }), world, all).models as [string]
      const explanation = decider.explain?.()
      stated = explanation?.weighed.map(({ propensity }) => propensity) ?? []
      expect(explanation?.weighed[explanation.chosen]?.choice.model).toBe(model)
      const at = models.ids.indexOf(model)
      count[at] = (count[at] as number) + 1
    }
    if (known) expect(stated).toEqual(known)
    expect(stated.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 12)
    count.forEach((times, i) => {
      const p = stated[i] as number
      // Five standard errors of a share.
      expect(Math.abs(times / draws - p)).toBeLessThanOrEqual(5 * Math.sqrt((p * (1 - p)) / draws))
    })
  })

  test('of select says when a model is tried again, and foresees the answer behind what else is to come', () => {
    const decider = select({ models, tryEvery: 5 })
    const at = () => request({ side: 'cloud', elapsed: 30, deadline: 130, remaining: 100, way: { up: 30, down: 15 } })
    decider.decide(at(), world, all)
    expect(decider.explain?.()).toMatchObject({ why: 'within budget', weighed: [{ ms: 20 }, { ms: 35 }, { ms: 95 }] })
    for (const ms of [70, 70, 200, 200, 200, 200, 200]) {
      decider.observe?.(outcome({ model: 'large' }, { execute: ms }, { side: 'cloud' }), world)
    }
    const why = Array.from({ length: 12 }, () => {
      decider.decide(at(), world, all)
      return decider.explain?.()?.why
    })
    expect(why).toContain('try')
  })
})

describe('of every decider, once it has learned, an explanation', () => {
  const backed: Menu = { ...everything, backups: ['none', 'model:tiny', 'model:small'] }

  test.each(everyDecider.filter(({ foresees }) => foresees !== false).map((one) => [one.name, one] as const))(
    'of %s carries several choices, each with a predicted cost and a chance',
    (_name, one) => {
      const env = new Environment()
      const decider = one.make({ models: env.models, random: env.random })
      // What leaves the model open takes no time in this environment: it learns from messages of one model.
      for (let i = 0; i < 40; i++) {
        env.message(decider, { menu: i % 2 === 0 ? { ...backed, models: ['medium'] } : backed, deadline: 1500 })
      }
      const { decider: name, weighed = [], chosen = 0 } = decider.explain?.() ?? {}
      expect(name).toBe(decider.name)
      expect(weighed.length).toBeGreaterThan(1)
      for (const { ms, energy, utility, choice, propensity } of weighed) {
        const cost = ms ?? energy ?? utility
        expect(cost, JSON.stringify(choice)).toBeTypeOf('number')
        expect(propensity).toBeGreaterThanOrEqual(0)
      }
      expect(weighed[chosen]?.propensity).toBeGreaterThan(0)
    },
  )
})
