import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CutCosts, type CutPoint, cutCosts } from '../../../../stages/decide/index.ts'
import { modelSet } from '../support.ts'

const layered = (sizes: readonly { bytes: number; floats: number; device: number; cloud: number }[]): CutPoint[] => {
  const total = sizes.reduce((sum, { cloud }) => sum + cloud, 0)
  let before = 0
  let gone = 0
  const middle = sizes.map(({ bytes, floats, device, cloud }, index): CutPoint => {
    before += device
    gone += cloud
    return { cut: `after:${index}`, bytes, floats: Math.min(bytes, floats), before, behind: total - gone }
  })
  return [{ cut: 'prepared', bytes: undefined, before: 0, behind: total }, ...middle]
}

const sizes = fc.array(
  fc.record({
    bytes: fc.integer({ min: 1, max: 50 }),
    floats: fc.integer({ min: 0, max: 50 }),
    device: fc.integer({ min: 0, max: 20 }),
    cloud: fc.integer({ min: 0, max: 20 }),
  }),
  { minLength: 1, maxLength: 12 },
)
const weight = fc.double({ min: 0.1, max: 10, noNaN: true })

describe('CutCosts', () => {
  test('of a catalogue’s model holds both ends and every cut, times by their share', () => {
    const entry = {
      ...modelSet([{ id: 'a', accuracy: 1, latencyMs: 10 }]).entry('a'),
      cuts: [{ layer: 'pool5', bytes: 100, share: 0.4 }],
    }
    const costs = cutCosts(entry)
    expect(costs.cuts).toEqual(['captured', 'prepared', 'after:pool5', 'answered'])
    expect([...costs.before]).toEqual([0, 0, 4, 10])
    expect([...costs.behind]).toEqual([10, 10, 6, 0])
    expect(costs.indexOf('after:pool5')).toBe(2)
    expect(costs.indexOf('after:fc7')).toBeUndefined()
  })

  test('a cut is left out only where it cannot be the best one, whatever the bandwidth and the encoding', () => {
    fc.assert(
      fc.property(sizes, weight, weight, (layers, device, cloud) => {
        const costs = new CutCosts(layered(layers))
        const kept = costs.undominated(device, cloud)
        for (const perByte of [0, 0.01, 0.3, 1, 5, 100])
          for (const shrunk of [1, 0.5, 0.1]) {
            const cost = (j: number) => {
              const floats = costs.floats[j] as number
              const sent = (costs.bytes[j] as number) - (1 - shrunk) * floats
              const bytes = Number.isNaN(sent) ? 0 : sent
              return (costs.before[j] as number) * device + bytes * perByte + (costs.behind[j] as number) * cloud
            }
            const least = Math.min(...costs.cuts.map((_, j) => cost(j)))
            expect(Math.min(...kept.map(cost))).toBeLessThanOrEqual(least * (1 + 1e-9) + 1e-9)
          }
      }),
      { numRuns: 500 },
    )
  })

  test('what is left out is beaten by an earlier cut that carries no more, the cloud being faster in between', () => {
    fc.assert(
      fc.property(sizes, weight, weight, (layers, device, cloud) => {
        const costs = new CutCosts(layered(layers))
        const kept = new Set(costs.undominated(device, cloud))
        for (const [j] of costs.cuts.entries()) {
          const beaten = costs.cuts.some((_, i) => {
            if (i >= j) return false
            const other = (k: number) => (costs.bytes[k] as number) - (costs.floats[k] as number)
            const carriesNoMore = (costs.floats[i] as number) <= (costs.floats[j] as number) && other(i) <= other(j)
            const onDevice = ((costs.before[j] as number) - (costs.before[i] as number)) * device
            const inCloud = ((costs.behind[i] as number) - (costs.behind[j] as number)) * cloud
            return carriesNoMore && onDevice >= inCloud
          })
          expect(kept.has(j)).toBe(!beaten)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('a larger cut further down stays where the device is the faster side', () => {
    const costs = new CutCosts(
      layered([
        { bytes: 10, floats: 10, device: 1, cloud: 1 },
        { bytes: 20, floats: 20, device: 1, cloud: 5 },
      ]),
    )
    expect(costs.undominated(1, 1)).toEqual([0, 1, 2])
    expect(costs.undominated(10, 1)).toEqual([0, 1])
  })
})
