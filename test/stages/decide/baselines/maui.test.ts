import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BadConfiguration, type Cut, type Decider, type Menu } from '../../../../pipeline/index.ts'
import { type ChainLayer, type MauiOptions, maui } from '../../../../stages/index.ts'
import { outcome, request, world } from '../support.ts'
import { all, cuts, layers, models, takes } from './support.ts'

const decider = (options: MauiOptions = {}) => maui({ models, layers: () => layers, ...options })
const bytes = 600_000

function ran(of: Decider, cut: Cut, bytesPerMs: number): void {
  const { device, cloud, transfer, sent } = takes(cut, bytes, bytesPerMs)
  const crossing = cut === 'answered' ? undefined : { at: cut, bytes: sent }
  of.observe?.(outcome({ model: 'net', cut }, { execute: device + cloud, transfer }, { crossing, bytes }), world)
}

const pick = (of: Decider, menu: Menu = all) => of.decide(request({ bytes }), world, menu).cuts[0] as Cut

describe('maui', () => {
  test('before anything ran it goes by the reference, alike on both sides, and weighs nothing it was not asked', () => {
    const one = decider()
    expect(one.explain?.()).toBeUndefined()
    one.decide(request({ bytes }), world, all)
    const whole = layers.reduce((sum, { ms }) => sum + ms, 0)
    expect(one.explain?.()?.weighed.map(({ ms }) => ms)).toEqual(cuts.map(() => whole))
  })

  test('every layer of a kind is predicted to take what the last one took: its published weakness', () => {
    const one = decider()
    ran(one, 'answered', 100)
    // The last fully connected layer takes 10 ms, and so is the first believed to, which takes 200.
    one.decide(request({ bytes }), world, all)
    const whole = one.explain?.()?.weighed.find(({ choice }) => choice.cut === 'answered')
    expect(whole?.ms).toBeCloseTo(10 + 2 + 10 + 2 + 10 + 10, 9)
  })

  test('a fast link and a fast cloud: it crosses; a slow link: it does not', () => {
    const fast = decider()
    ran(fast, 'answered', 1e5)
    ran(fast, 'captured', 1e5)
    ran(fast, 'after:fc1', 1e5)
    expect(pick(fast)).not.toBe('answered')
    const slow = decider()
    ran(slow, 'captured', 1)
    ran(slow, 'after:fc1', 1)
    ran(slow, 'answered', 1)
    expect(pick(slow)).toBe('answered')
  })

  test('for energy it charges computing, sending and waiting: a hungry processor sends the work away', () => {
    const chosen = (computing: number) => {
      const one = decider({ goal: 'energy', energy: { computing, waiting: 10 } })
      for (const cut of ['answered', 'captured', 'after:fc1'] as const) ran(one, cut, 1000)
      return pick(one)
    }
    expect(chosen(1)).toBe('answered')
    expect(chosen(1e6)).not.toBe('answered')
  })

  test('its dynamic program equals trying every cut', () => {
    const layer = fc.record({
      kind: fc.constantFrom('conv' as const, 'fc' as const, 'act' as const),
      macs: fc.double({ min: 0, max: 100, noNaN: true }),
      ms: fc.double({ min: 0.1, max: 100, noNaN: true }),
      bytes: fc.integer({ min: 1, max: 1e6 }),
    })
    fc.assert(
      fc.property(
        fc.array(layer, { minLength: 1, maxLength: 12 }),
        fc.array(
          fc.tuple(
            fc.nat(11),
            fc.double({ min: 0, max: 500, noNaN: true }),
            fc.double({ min: 0, max: 500, noNaN: true }),
          ),
          {
            maxLength: 8,
          },
        ),
        fc.constantFrom('latency' as const, 'energy' as const),
        (some, runs, goal) => {
          const chain: ChainLayer[] = some.map((one, i) => ({
            ...one,
            cut: i === some.length - 1 ? 'answered' : `after:${i}`,
          }))
          const one = maui({ models, layers: () => chain, goal })
          for (const [at, execute, transfer] of runs) {
            const { cut, bytes: sent } = chain[at % chain.length] as ChainLayer
            const crossing = cut === 'answered' ? undefined : { at: cut, bytes: sent }
            one.observe?.(outcome({ model: 'net', cut }, { execute, transfer }, { crossing }), world)
          }
          const cut = pick(one)
          const { weighed = [], chosen = -1 } = one.explain?.() ?? {}
          expect(weighed).toHaveLength(chain.length + 2)
          expect(weighed[chosen]?.choice.cut).toBe(cut)
          const utilities = weighed.map(({ utility = 0 }) => utility)
          const most = Math.max(...utilities)
          expect(utilities[chosen]).toBeGreaterThanOrEqual(most - 1e-9 * Math.abs(most) - 1e-9)
        },
      ),
      { numRuns: 300, seed: 6 },
    )
  })

  test('never off the menu', () => {
    const subset = fc.subarray([...cuts, 'after:*' as Cut], { minLength: 1 })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(subset, fc.double({ min: 1, max: 1e5, noNaN: true })), { maxLength: 30 }),
        (messages) => {
          const one = decider()
          for (const [menu, rate] of messages) {
            const cut = pick(one, { ...all, cuts: menu })
            expect(menu.includes(cut) || (menu.includes('after:*') && cut.startsWith('after:'))).toBe(true)
            ran(one, cut, rate)
          }
        },
      ),
      { numRuns: 200, seed: 8 },
    )
  })

  test('decides the same after a restore', () => {
    const one = decider()
    for (const cut of ['answered', 'captured', 'after:pool1'] as const) ran(one, cut, 300)
    const two = decider()
    two.restore?.(JSON.parse(JSON.stringify(one.save?.())))
    expect([pick(two), two.explain?.()]).toEqual([pick(one), one.explain?.()])
    expect(() => two.restore?.({ version: 1, device: 1 })).toThrow(BadConfiguration)
  })

  test('refuses a goal that it does not have', () => {
    expect(() => decider({ goal: 'money' as 'energy' })).toThrow(BadConfiguration)
  })
})
