import { describe, expect, it } from 'vitest'
import { Hazard, octaveOf, octaveStarts } from '../../../../../stages/execute/cache/policies/hazard.ts'

/** So long a memory that nothing is forgotten. */
const endless = Number.POSITIVE_INFINITY

describe('octaves of an age', () => {
  it('begin at 0, 1, 3, 7 … ms, and each age lies in its own', () => {
    expect([0, 1, 2, 3, 10].map((octave) => octaveStarts[octave])).toEqual([0, 1, 3, 7, 1_023])
    expect([0, 0.99, 1, 2.99, 3, 1_022, 1_023].map(octaveOf)).toEqual([0, 0, 1, 1, 2, 9, 10])
  })

  it('take any age: a clock set back is none, an age beyond the last lies in the last', () => {
    expect([octaveOf(-5), octaveOf(1e300)]).toEqual([0, 39])
  })
})

describe('a hazard', () => {
  it('is requests over the time waited for them in the octave: 2 ÷ (4 + 1) in 3 to 7 ms', () => {
    const hazard = new Hazard(endless)
    hazard.waited(0, 7)
    hazard.came(5)
    hazard.waited(0, 4)
    hazard.came(4)
    expect(hazard.rate(2, 1, 0)).toBeCloseTo(2 / 5, 12)
    expect(hazard.rate(0, 1, 0)).toBe(0)
  })

  it('counts a wait told in parts as the whole', () => {
    const [parts, whole] = [new Hazard(endless), new Hazard(endless)]
    for (const [from, to] of [
      [0, 2],
      [2, 2],
      [2, 100],
    ] as const)
      parts.waited(from, to)
    whole.waited(0, 100)
    for (const octave of [0, 1, 2, 5, 6]) expect(parts.rate(octave, 1, 1)).toBe(whole.rate(octave, 1, 1))
  })

  it('is what is expected before anything was seen, and is drawn from there: (1 + 2) ÷ (4 + 2 ÷ 0.1)', () => {
    const hazard = new Hazard(endless)
    expect(hazard.rate(2, 0.1, 2)).toBeCloseTo(0.1, 12)
    hazard.waited(3, 7)
    hazard.came(6)
    expect(hazard.rate(2, 0.1, 2)).toBeCloseTo(3 / 24, 12)
  })

  it('forgets: of four requests 1 + ¾ + ¾² + ¾³ are left', () => {
    const hazard = new Hazard(4)
    for (let each = 0; each < 4; each++) hazard.came(5)
    hazard.waited(3, 7)
    expect(hazard.rate(2, 1, 0)).toBeCloseTo((1 + 0.75 + 0.75 ** 2 + 0.75 ** 3) / 4, 12)
  })
})
