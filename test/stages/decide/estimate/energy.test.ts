import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BadConfiguration } from '../../../../pipeline/index.ts'
import { EnergyModel, radios } from '../../../../stages/decide/index.ts'

describe('EnergyModel', () => {
  test.each([
    ['3g', 1.4, 1768],
    ['4g', 6.76, 765],
    ['wifi', 12.8, 357],
  ] as const)('over %s sending 152 KB at %d Mbit/s costs what JointDNN’s table says', (radio, mbit, mJ) => {
    expect(Math.abs(new EnergyModel({ radio }).upload(152_000, mbit * 1e6) - mJ)).toBeLessThan(6)
  })

  test('a message costs what its parts cost', () => {
    const model = new EnergyModel({ radio: { up: 100, down: 50, base: 1000 }, computing: 4000, waiting: 500 })
    // 80 ms · 4 W + 0.1 s · 1.8 W + 20 ms · 0.5 W + 0.01 s · 1.4 W
    const total = model.total({
      compute: 80,
      bytes: 1e5,
      uplink: 8e6,
      wait: 20,
      bytesDown: 1e4,
      downlink: 8e6,
    })
    expect(total).toBeCloseTo(320 + 180 + 10 + 14, 9)
  })

  test('a faster link never costs more for the same bytes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(radios) as (keyof typeof radios)[])),
        fc.integer({ min: 1, max: 1e8 }),
        fc.double({ min: 1e3, max: 1e9, noNaN: true }),
        fc.double({ min: 1, max: 100, noNaN: true }),
        (radio, bytes, rate, times) => {
          const model = new EnergyModel({ radio })
          expect(model.upload(bytes, rate * times)).toBeLessThanOrEqual(model.upload(bytes, rate))
        },
      ),
    )
  })

  test('bytes over a link that carries nothing cost without end, no bytes cost nothing', () => {
    const model = new EnergyModel()
    expect(model.upload(1, 0)).toBe(Number.POSITIVE_INFINITY)
    expect(model.total({ compute: 10 })).toBeCloseTo(32.49, 9)
  })

  test('tells the share of a full battery', () => {
    expect(new EnergyModel({ battery: 1000 }).charge(36_000)).toBeCloseTo(0.01, 12)
  })

  test('refuses a radio that it does not know and a power below 0', () => {
    expect(() => new EnergyModel({ radio: '5g' as 'wifi' })).toThrow(BadConfiguration)
    expect(() => new EnergyModel({ computing: -1 })).toThrow(/computing/)
  })
})
