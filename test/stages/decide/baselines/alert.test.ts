import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BadConfiguration, type Decider, type Menu } from '../../../../pipeline/index.ts'
import { type AlertOptions, alert } from '../../../../stages/index.ts'
import { menu, modelSet, outcome, request, world } from '../support.ts'

const three = modelSet([
  { id: 'small', accuracy: 0.5, latencyMs: 10 },
  { id: 'middle', accuracy: 0.7, latencyMs: 40 },
  { id: 'large', accuracy: 0.9, latencyMs: 100 },
])
const all: Menu = { ...menu, models: three.ids }
/** One milliwatt computing, none waiting: mJ are milliseconds by a thousand. */
const plain = { computing: 1000, waiting: 0 }
const decider = (options: AlertOptions = {}) => alert({ models: three, energy: plain, ...options })

const within = (ms: number) => request({ deadline: ms, remaining: ms })
const pick = (of: Decider, ms: number) => of.decide(within(ms), world, all).models[0]

function ran(of: Decider, model: string, execute: number): void {
  of.observe?.(outcome({ model, cut: 'answered' }, { execute }), world)
}

/** Φ by its series: another way than the decider's. */
function phi(x: number): number {
  let term = x
  let sum = x
  for (let n = 1; n < 200; n++) {
    term *= (x * x) / (2 * n + 1)
    sum += term
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)
}

describe('alert', () => {
  test('its slowdown equals the published filter, computed by hand', () => {
    const one = decider()
    ran(one, 'large', 150)
    // σ² = .5 · .1 + .1 = .15; K = .15/.151; μ = 1 + K · .5
    const k1 = 0.15 / 0.151
    const mu1 = 1 + k1 * 0.5
    ran(one, 'small', 20)
    // Q = max(.1, .3 · .1 + .7 · (K · .5)²); σ² = (1 − K) · .15 + Q; another model tells of the same slowdown
    const q2 = Math.max(0.1, 0.03 + 0.7 * (k1 * 0.5) ** 2)
    const v2 = (1 - k1) * 0.15 + q2
    const mu2 = mu1 + (v2 / (v2 + 0.001)) * (2 - mu1)
    one.decide(within(90), world, all)
    const { weighed = [] } = one.explain?.() ?? {}
    for (const [i, profiled] of [10, 40, 100].entries()) {
      expect(weighed[i]?.ms).toBeCloseTo(mu2 * profiled, 9)
      expect(weighed[i]?.onTime).toBeCloseTo(phi((90 / profiled - mu2) / Math.sqrt(v2)), 5)
      expect(weighed[i]?.energy).toBeCloseTo(mu2 * profiled, 9)
    }
  })

  test('the most accurate in expectation: late answers are worth what they are said to be', () => {
    expect([1000, 100, 45, 12].map((ms) => pick(decider(), ms))).toEqual(['large', 'middle', 'small', 'small'])
    expect(pick(decider({ lateAccuracy: 0.89 }), 12)).toBe('large')
  })

  test('one slow run of one model changes the choice among all', () => {
    const one = decider()
    expect(pick(one, 300)).toBe('large')
    ran(one, 'small', 60)
    expect([500, 300, 150].map((ms) => pick(one, ms))).toEqual(['middle', 'middle', 'small'])
  })

  test('within an energy budget the most accurate; without one that fits, accuracy comes first', () => {
    expect(pick(decider({ energyBudget: 45 }), 1000)).toBe('middle')
    expect(pick(decider({ energyBudget: 1 }), 1000)).toBe('large')
  })

  test('for energy the least that reaches the accuracy; where none does, the most accurate', () => {
    const goal = (accuracyGoal: number, ms = 1000) => pick(decider({ goal: 'energy', accuracyGoal }), ms)
    expect([0.4, 0.6, 0.8].map((accuracy) => goal(accuracy))).toEqual(['small', 'middle', 'large'])
    // In 100 ms large is late half of the time: expected .45.
    expect(goal(0.8, 100)).toBe('middle')
  })

  test('waiting costs energy too: what runs longer waits less', () => {
    const energy = { computing: 2000, waiting: 1000 }
    const one = decider({ energy })
    one.decide(within(200), world, all)
    expect(one.explain?.()?.weighed.map((arm) => arm.energy)).toEqual([20 + 190, 80 + 160, 200 + 100])
  })

  test('leaves time for what happens besides the model', () => {
    const one = decider()
    for (let i = 0; i < 9; i++) {
      one.observe?.(outcome({ model: 'small', cut: 'answered' }, { execute: 10, device: 270 }), world)
    }
    expect(pick(one, 300)).toBe('small')
    expect(pick(decider(), 300)).toBe('large')
  })

  test('answers on the device where the menu lets it, and leaves the cut alone elsewhere', () => {
    expect(decider().decide(within(100), world, all).cuts).toEqual(['answered'])
    const below = request({ side: 'cloud', remaining: 100, deadline: 100, way: { up: 10, down: 60 } })
    expect(decider().decide(below, world, { ...all, cuts: ['captured'] })).toEqual({
      ...all,
      cuts: ['captured'],
      models: ['small'],
    })
  })

  test('never off the menu, finite whatever it observes', () => {
    const subset = fc.subarray([...three.ids], { minLength: 1 })
    const ms = fc.double({ min: -10, max: 1e6, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(subset, ms, ms), { maxLength: 50 }),
        fc.constantFrom('accuracy' as const, 'energy' as const),
        (messages, goal) => {
          const one = decider({ goal, accuracyGoal: 0.6, energyBudget: 50 })
          for (const [models, left, execute] of messages) {
            const after = one.decide(within(left), world, { ...all, models })
            expect(after.models).toHaveLength(1)
            expect(models).toContain(after.models[0])
            const { weighed = [] } = one.explain?.() ?? {}
            for (const { onTime = -1, ms: expected } of weighed) {
              expect(onTime).toBeGreaterThanOrEqual(0)
              expect(onTime).toBeLessThanOrEqual(1)
              expect(Number.isFinite(expected)).toBe(true)
            }
            ran(one, after.models[0] as string, execute)
          }
        },
      ),
      { numRuns: 200, seed: 4 },
    )
  })

  test('expects the same after a restore', () => {
    const one = decider()
    for (const ms of [15, 30, 12]) ran(one, 'small', ms)
    const two = decider()
    two.restore?.(JSON.parse(JSON.stringify(one.save?.())))
    one.decide(within(150), world, all)
    two.decide(within(150), world, all)
    expect(two.explain?.()).toEqual(one.explain?.())
    expect(() => two.restore?.({ version: 1, slowdown: 1 })).toThrow(BadConfiguration)
  })

  test.each([{ energyBudget: -1 }, { accuracyGoal: 2 }, { lateAccuracy: -0.1 }])('refuses %o', (options) => {
    expect(() => decider(options)).toThrow(BadConfiguration)
  })
})
