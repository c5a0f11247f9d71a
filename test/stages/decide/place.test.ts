import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Cut, Menu } from '../../../pipeline/index.ts'
import { BadConfiguration } from '../../../pipeline/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { type Place, place } from '../../../stages/index.ts'
import { menu, normal, outcome, request, world } from './support.ts'

/** A phone and a link as PieSlicer measured them: ms = slope · MB + constant. */
interface Condition {
  readonly local: readonly [number, number]
  readonly transfer: readonly [number, number]
}
const cloud = [58.049, 3.824] as const
const p = 53_982
const line = ([slope, constant]: readonly [number, number], bytes: number) => (slope * bytes) / 1e6 + constant
const low = { local: [103.982, 36.018], transfer: [389.698, 104.983] } as const
const high = { local: [39.143, 63.091], transfer: [94.797, 98.585] } as const

const costs = ({ local, transfer }: Condition, bytes: number) => ({
  prepared: line(local, bytes) + line(transfer, p) + line(cloud, p),
  captured: line(transfer, bytes) + line(cloud, bytes),
})

/** Lets it decide about one picture, tells it what came of it; returns the way it took. */
function live(
  decider: Place,
  bytes: number,
  condition: Condition,
  factor = () => 1,
  node = 'edge',
): 'captured' | 'prepared' {
  const way = decider.decide(request({ bytes }), world, menu).cuts[0] as 'captured' | 'prepared'
  const sent = way === 'captured' ? bytes : p
  decider.observe?.(
    outcome(
      { cut: way },
      {
        transfer: line(condition.transfer, sent) * factor(),
        cloud: line(cloud, sent) * factor(),
        ...(way === 'prepared' ? { device: line(condition.local, bytes) * factor() } : {}),
      },
      { bytes, crossing: { at: way, bytes: sent, node } },
    ),
    world,
  )
  return way
}

describe('place', () => {
  test.each([
    ['low-end', low],
    ['high-end', high],
  ])('loses less than 3 %% to the best of both ways on a %s phone', (_name, condition) => {
    const random = seededRandom(11)
    const decider = place()
    let paid = 0
    let best = 0
    for (let i = 0; i < 2000; i++) {
      const bytes = Math.round(2e4 + random() ** 3 * 3e6)
      const cost = costs(condition, bytes)
      const way = live(decider, bytes, condition, () => Math.max(0.5, normal(random, 1, 0.1)))
      if (i < 50) continue
      paid += cost[way]
      best += Math.min(cost.captured, cost.prepared)
    }
    expect(paid / best).toBeLessThan(1.03)
  })

  test('its regret against the best way stays small in any linear world', () => {
    const slope = fc.double({ min: 5, max: 2000, noNaN: true })
    const constant = fc.double({ min: 1, max: 100, noNaN: true })
    fc.assert(
      fc.property(slope, constant, slope, constant, fc.integer(), (a, b, c, d, seed) => {
        const random = seededRandom(seed)
        const condition: Condition = { local: [a, b], transfer: [c, d] }
        const decider = place()
        let paid = 0
        let best = 0
        let inCloud = 0
        let onDevice = 0
        for (let i = 0; i < 400; i++) {
          const bytes = Math.round(6e4 + random() * 4e6)
          const cost = costs(condition, bytes)
          const way = live(decider, bytes, condition)
          if (i < 20) continue
          paid += cost[way]
          best += Math.min(cost.captured, cost.prepared)
          inCloud += cost.captured
          onDevice += cost.prepared
        }
        // At most one message in ten tries the other way: what that costs is a tenth of the gap.
        const gap = Math.max(inCloud, onDevice) - best
        expect(paid).toBeLessThanOrEqual(best * 1.05 + gap * 0.1)
      }),
      { numRuns: 150, seed: 7 },
    )
  })

  test('never chooses what is not on the menu, and leaves the other fields alone', () => {
    const cuts = fc.subarray<Cut>(['captured', 'prepared', 'after:conv1', 'answered'], { minLength: 1 })
    const size = fc.integer({ min: 1, max: 1e7 })
    const pixels = fc.option(fc.integer({ min: 1, max: 8000 }), { nil: undefined })
    fc.assert(
      fc.property(fc.array(fc.tuple(cuts, size, pixels, pixels), { maxLength: 60 }), (messages) => {
        const decider = place({ smallSide: 300 })
        for (const [open, bytes, width, height] of messages) {
          const before: Menu = { ...menu, cuts: open }
          const after = decider.decide(request({ bytes, width, height }), world, before)
          expect({ ...after, cuts: open }).toEqual(before)
          expect(after.cuts.length).toBeGreaterThan(0)
          for (const cut of after.cuts) expect(open).toContain(cut)
          const way = after.cuts[0] as Cut
          decider.observe?.(outcome({ cut: way }, { transfer: 5, cloud: 3 }, { bytes, crossing: { at: way } }), world)
        }
      }),
      { numRuns: 200, seed: 2 },
    )
  })

  test('sends pictures as they are that are no larger than prepared ones, or smaller than the side it is told', () => {
    const decider = place({ smallSide: 331 })
    for (let i = 0; i < 30; i++) live(decider, 2e6, low)
    expect(decider.decide(request({ bytes: 50_000 }), world, menu).cuts).toEqual(['captured'])
    expect(decider.decide(request({ bytes: 2e6, width: 4000, height: 200 }), world, menu).cuts).toEqual(['captured'])
    expect(decider.decide(request({ bytes: 2e6, width: 4000, height: 3000 }), world, menu).cuts).toEqual(['prepared'])
  })

  test('takes width and height into account where they are known', () => {
    const decider = place({ warmup: 40 })
    // Same bytes; preparing costs 50 ms a megapixel on the device and nothing elsewhere.
    for (let i = 0; i < 80; i++) {
      const megapixels = 1 + (i % 12)
      const features = { bytes: 1e6, width: 1000, height: 1000 * megapixels }
      const way = decider.decide(request(features), world, menu).cuts[0] as Cut
      const timings = way === 'prepared' ? { device: 50 * megapixels, transfer: 20 } : { transfer: 200 }
      const crossing = { at: way, bytes: way === 'prepared' ? 1e5 : 1e6 }
      decider.observe?.(outcome({ cut: way }, timings, { ...features, crossing }), world)
    }
    const { local: one = 0 } = decider.costs(1e6, 1000, 1000)
    const { local: twelve = 0 } = decider.costs(1e6, 1000, 12_000)
    expect(Math.abs(one - 70)).toBeLessThan(15)
    expect(Math.abs(twelve - 620)).toBeLessThan(60)
  })

  test('turns when the link does, and back, within ten messages each', () => {
    const fast: Condition = { local: [40, 30], transfer: [10, 5] }
    const slow: Condition = { local: [40, 30], transfer: [2000, 40] }
    const decider = place()
    const ways = [fast, slow, fast].map((condition) => Array.from({ length: 60 }, () => live(decider, 1e6, condition)))
    const share = (list: string[], way: string) => list.filter((one) => one === way).length / list.length
    const [first, second, third] = ways as [string[], string[], string[]]
    expect(share(first.slice(10), 'captured')).toBeGreaterThanOrEqual(0.9)
    expect(share(second.slice(10), 'prepared')).toBeGreaterThanOrEqual(0.9)
    expect(share(third.slice(10), 'captured')).toBeGreaterThanOrEqual(0.9)
  })

  test('learns the other edge after a handover, and remembers the first when it is back', () => {
    const fast: Condition = { local: [40, 30], transfer: [10, 5] }
    const slow: Condition = { local: [40, 30], transfer: [2000, 40] }
    const decider = place({ tryEvery: 1000 })
    const over = (edge: string, condition: Condition, times: number) =>
      Array.from({ length: times }, () => live(decider, 1e6, condition, undefined, edge))
    over('wifi', fast, 40)
    expect(over('cellular', slow, 40).slice(10)).not.toContain('captured')
    // The first message does not know yet that it is back.
    expect(over('wifi', fast, 10).slice(1)).not.toContain('prepared')
  })

  test.each([{ warmup: -1 }, { tryEvery: 0 }, { smallBytes: Number.NaN }])('refuses %o', (options) => {
    expect(() => place(options)).toThrow(BadConfiguration)
  })

  test('learns from messages that ran out of time on the wire', () => {
    const fast: Condition = { local: [40, 30], transfer: [10, 5] }
    const decider = place()
    for (let i = 0; i < 30; i++) live(decider, 1e6, fast)
    const late = { kind: 'failure', error: 'deadline-exceeded', latency: 3000, onTime: false } as const
    for (let i = 0; i < 3; i++) decider.observe?.(outcome({ cut: 'captured' }, {}, late), world)
    expect(decider.decide(request(), world, menu).cuts).toEqual(['prepared'])
  })

  test('tries the way not taken no more often than it is told', () => {
    const decider = place({ tryEvery: 50, tryShare: 1 })
    const slow: Condition = { local: [10, 10], transfer: [300, 40] }
    for (let i = 0; i < 100; i++) live(decider, 1e6, slow)
    const ways = Array.from({ length: 500 }, () => live(decider, 1e6, slow))
    const tried = ways.filter((way) => way === 'captured').length
    expect(tried).toBeGreaterThanOrEqual(1)
    expect(tried).toBeLessThanOrEqual(10)
  })

  test('spends on tries no more than the share of time it is told, and that on pictures for which they are cheap', () => {
    const random = seededRandom(3)
    const decider = place({ tryShare: 0.002 })
    const slow: Condition = { local: [104, 36], transfer: [1100, 90] }
    let spent = 0
    let best = 0
    let tries = 0
    for (let i = 0; i < 3000; i++) {
      const bytes = Math.round(6e4 + random() * 1e7)
      const cost = costs(slow, bytes)
      const way = live(decider, bytes, slow)
      if (i < 100) continue
      best += Math.min(cost.captured, cost.prepared)
      spent += Math.max(0, cost[way] - Math.min(cost.captured, cost.prepared))
      if (cost[way] > Math.min(cost.captured, cost.prepared)) tries++
    }
    expect(tries).toBeGreaterThan(3)
    expect(spent / best).toBeLessThan(0.004)
  })

  test('decides nothing below the wire, where there is nothing of its to choose', () => {
    const below: Menu = { ...menu, cuts: ['answered'] }
    expect(place().decide(request({ side: 'cloud' }), world, below)).toBe(below)
  })

  test('knows after a restore what it knew before, and needs no learning anew', () => {
    const one = place()
    for (let i = 0; i < 40; i++) live(one, 2e6, low)
    const two = place()
    two.restore?.(JSON.parse(JSON.stringify(one.save?.())))
    expect(two.costs(1e6)).toEqual(one.costs(1e6))
    expect(two.decide(request({ bytes: 2e6 }), world, menu).cuts).toEqual(['prepared'])
    expect(() => two.restore?.({ version: 1, device: 3 })).toThrow(BadConfiguration)
  })
})
