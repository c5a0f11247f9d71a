import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BadConfiguration, type Cut, type Decider, type Menu } from '../../../../pipeline/index.ts'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { type AnsOptions, ans } from '../../../../stages/index.ts'
import { normal, outcome, request, world } from '../support.ts'
import { all, cuts, layers, models, takes } from './support.ts'

const decider = (options: AnsOptions = {}) => ans({ models, layers: () => layers, ...options })
const bytes = 600_000

/** One message through a world in which so many bytes cross in a millisecond; returns the cut. */
function live(of: Decider, bytesPerMs: number, noise: () => number = () => 1, menu: Menu = all): Cut {
  const [cut] = of.decide(request({ bytes }), world, menu).cuts as [Cut]
  const { device, cloud, transfer, sent } = takes(cut, bytes, bytesPerMs)
  const timings = { execute: device + cloud * noise(), transfer: transfer * noise() }
  const crossing = cut === 'answered' ? undefined : { at: cut, bytes: sent }
  of.observe?.(outcome({ model: 'net', cut }, timings, { crossing, bytes }), world)
  return cut
}

const best = (bytesPerMs: number) =>
  cuts.reduce((least, cut) =>
    takes(cut, bytes, bytesPerMs).total < takes(least, bytes, bytesPerMs).total ? cut : least,
  )

describe('ans', () => {
  test.each([50, 500, 1000, 20_000])('at %i bytes a ms it comes within a fifth of the best cut', (bytesPerMs) => {
    const one = decider()
    const random = seededRandom(bytesPerMs)
    const noise = () => Math.max(0.5, normal(random, 1, 0.05))
    const taken = Array.from({ length: 600 }, () => live(one, bytesPerMs, noise)).slice(300)
    const least = takes(best(bytesPerMs), bytes, bytesPerMs).total
    const mean = taken.reduce((sum, cut) => sum + takes(cut, bytes, bytesPerMs).total, 0) / taken.length
    expect(mean).toBeLessThan(1.2 * least)
  })

  test('never starves: where all on the device is best, it still crosses every ⌈T^¼⌉ messages, ever more rarely', () => {
    const one = decider({ alpha: 0 })
    const crossed = Array.from({ length: 2000 }, () => (live(one, 1) === 'answered' ? 0 : 1))
    const count = (from: number, to: number) => crossed.slice(from, to).reduce<number>((sum, x) => sum + x, 0)
    let pause = 0
    for (const [i, x] of crossed.entries()) {
      pause = x ? 0 : pause + 1
      expect(pause).toBeLessThan(2 * Math.ceil(Math.max(16, 2 * (i + 1)) ** 0.25))
    }
    expect(count(1500, 2000)).toBeLessThan(count(0, 500))
    // Between the forced ones it stays where it is best.
    expect(count(1000, 2000)).toBeLessThan(300)
  })

  test('a link that has become slow drives it from a cut that sends much', () => {
    const one = decider()
    const before = Array.from({ length: 100 }, () => live(one, 20_000))
    const after = Array.from({ length: 300 }, () => live(one, 50))
    const sent = (taken: readonly Cut[]) =>
      taken.slice(-50).reduce((sum, cut) => sum + (cut === 'answered' ? 0 : takes(cut, bytes, 1).sent), 0) / 50
    expect(sent(before)).toBeGreaterThan(50_000)
    expect(sent(after)).toBeLessThan(sent(before) / 10)
  })

  test('a link that has become fast brings it back to a cut that sends much', () => {
    const one = decider()
    for (let i = 0; i < 300; i++) live(one, 500)
    const after = Array.from({ length: 500 }, () => takes(live(one, 20_000), bytes, 20_000).total).slice(-100)
    expect(after.reduce((sum, ms) => sum + ms, 0) / 100).toBeLessThan(1.3 * takes(best(20_000), bytes, 20_000).total)
  })

  test('about key frames what is unknown attracts less: √(1 − 0.8) against √(1 − 0.2)', () => {
    const attraction = (isKey: boolean) => {
      const one = decider({ isKey: () => isKey })
      one.decide(request({ bytes }), world, all)
      const { ms = 0, utility = 0 } = one.explain?.()?.weighed[0] ?? {}
      return utility + ms
    }
    expect(attraction(true)).toBeGreaterThan(0)
    expect(attraction(false) / attraction(true)).toBeCloseTo(2, 9)
  })

  test('a message that ran out of time teaches as one that took so long', () => {
    const one = decider({ alpha: 0 })
    const before = one.decide(request({ bytes }), world, all).cuts[0] as Cut
    const late = { kind: 'failure', error: 'deadline-exceeded', latency: 5000, onTime: false, bytes } as const
    for (let i = 0; i < 5; i++) one.observe?.(outcome({ model: 'net', cut: before }, {}, late), world)
    one.decide(request({ bytes }), world, { ...all, cuts: [before, 'answered'] })
    expect(one.explain?.()?.weighed.find(({ choice }) => choice.cut === before)?.ms).toBeGreaterThan(2000)
  })

  test('never off the menu, whatever it observes', () => {
    const subset = fc.subarray([...cuts, 'after:*' as Cut], { minLength: 1 })
    const ms = fc.double({ min: 0, max: 1e5, noNaN: true })
    fc.assert(
      fc.property(fc.array(fc.tuple(subset, ms, ms, fc.boolean()), { maxLength: 60 }), (messages) => {
        const one = decider({ horizon: 4 })
        for (const [menu, execute, transfer, fails] of messages) {
          const before: Menu = { ...all, cuts: menu }
          const after = one.decide(request({ bytes }), world, before)
          expect({ ...after, cuts: menu }).toEqual(before)
          const [cut] = after.cuts as [Cut]
          expect(menu.includes(cut) || (menu.includes('after:*') && cut.startsWith('after:'))).toBe(true)
          const crossing = cut === 'answered' || fails ? undefined : { at: cut, bytes }
          const failed = { kind: 'failure', error: 'deadline-exceeded', latency: transfer } as const
          one.observe?.(
            outcome({ model: 'net', cut }, fails ? {} : { execute, transfer }, { crossing, ...(fails ? failed : {}) }),
            world,
          )
        }
      }),
      { numRuns: 200, seed: 9 },
    )
  })

  test('weighs every cut, and names the one it chose', () => {
    const one = decider()
    one.decide(request({ bytes }), world, all)
    const { weighed = [], chosen = -1 } = one.explain?.() ?? {}
    expect(weighed.map(({ choice }) => choice.cut)).toEqual(cuts)
    expect(weighed[chosen]?.propensity).toBe(1)
    const utilities = weighed.map(({ utility = 0 }) => utility)
    expect(Math.max(...utilities)).toBe(utilities[chosen])
  })

  test('without layers told it takes the catalogue’s; a model without cuts has its ends', () => {
    const one = ans({ models })
    one.decide(request(), world, all)
    expect(one.explain?.()?.weighed.map(({ choice }) => choice.cut)).toEqual(['captured', 'prepared', 'answered'])
  })

  test('decides the same after a restore', () => {
    const one = decider()
    for (let i = 0; i < 37; i++) live(one, 1000)
    const two = decider()
    two.restore?.(JSON.parse(JSON.stringify(one.save?.())))
    for (let i = 0; i < 20; i++) expect(live(two, 1000)).toBe(live(one, 1000))
    expect(() => two.restore?.({ version: 1 })).toThrow(BadConfiguration)
  })

  test.each([{ alpha: -1 }, { mu: 1 }, { horizon: 0 }, { keyWeight: 1 }])('refuses %o', (options) => {
    expect(() => decider(options)).toThrow(BadConfiguration)
  })
})
