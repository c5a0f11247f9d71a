import { mean, standardDeviation } from 'simple-statistics'
import { describe, expect, test } from 'vitest'
import { random } from '../../../../adapters/simulation/index.ts'
import { Legs } from '../../../../stages/decide/estimate/legs.ts'

const { normal } = random(1, 'legs')
const varied = (ms: number) => ms * Math.exp(0.3 * normal())

describe('the way down, as the cloud can know it', () => {
  test('is as told where it is told with every message', () => {
    const legs = new Legs()
    for (let n = 0; n < 300; n++) {
      const up = varied(50)
      expect(legs.draw({ up, down: up }, 5e4)).toBeCloseTo(up, 6)
    }
  })

  test('varies as the way up does where only its mean is told', () => {
    const legs = new Legs()
    const drawn = Array.from({ length: 2000 }, () => Math.log(legs.draw({ up: varied(80), down: 40 }, 5e4))).slice(500)
    expect(standardDeviation(drawn)).toBeGreaterThan(0.25)
    expect(standardDeviation(drawn)).toBeLessThan(0.35)
    expect(Math.exp(mean(drawn)) / 40).toBeGreaterThan(0.85)
    expect(Math.exp(mean(drawn)) / 40).toBeLessThan(1.1)
  })

  test('does not vary with the bytes that went up', () => {
    const legs = new Legs()
    const drawn = Array.from({ length: 500 }, (_, n) => {
      const bytes = 1e4 * (1 + (n % 20))
      return legs.draw({ up: 10 + bytes / 2000, down: 12 }, bytes)
    }).slice(100)
    for (const ms of drawn) expect(ms / 12).toBeCloseTo(1, 1)
  })
})
