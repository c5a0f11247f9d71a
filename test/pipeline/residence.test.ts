import { describe, expect, it } from 'vitest'
import { Residence } from '../../pipeline/residence.ts'
import { seededRandom } from '../../pipeline/testing/index.ts'

/** A place with one server that takes `service` ms: who comes as the k-th stays for k of them. */
function crowded(service: number, counts: readonly number[]): Residence {
  const residence = new Residence()
  for (const count of counts) {
    residence.entered()
    residence.observe(count, service * count)
  }
  return residence
}

const upTo = (most: number) => Array.from({ length: 4 * most }, (_, n) => 1 + (n % most))

describe('the residence of a place', () => {
  it('that nothing was seen of keeps nobody out', () => {
    const residence = new Residence()
    expect([residence.at(3), residence.chance(3, 1), residence.places(8, 1)]).toEqual([undefined, 1, 8])
  })

  it('is known for more than were ever there at once', () => {
    const residence = crowded(10, upTo(4))
    expect(residence.at(1)).toBeCloseTo(10)
    expect(residence.at(20)).toBeCloseTo(200)
  })

  it('gives as many places as leave in time', () => {
    const residence = new Residence()
    for (const count of upTo(16)) residence.observe(count, 40 + 10 * count)
    const [few, more] = [residence.places(64, 85), residence.places(64, 185)]
    expect([few, more].map((places) => residence.chance(places, places === few ? 85 : 185) > 0.8)).toEqual([true, true])
    expect(few).toBeGreaterThanOrEqual(3)
    expect(more).toBeGreaterThanOrEqual(11)
  })

  it('gives all places where the way is long and nobody waits for another', () => {
    const residence = new Residence()
    for (const count of upTo(8)) residence.observe(count, 100)
    expect(residence.places(8, 150)).toBe(8)
  })

  it('gives one place however hopeless it is, so that it can be seen when it is no longer', () => {
    const residence = crowded(500, [1, 2, 1, 2])
    expect(residence.places(8, 150)).toBe(1)
    for (let n = 0; n < 60; n++) residence.observe(1, 10)
    expect(residence.places(8, 150)).toBeGreaterThan(1)
  })

  it('reaches what was never tried by doubling', () => {
    const residence = crowded(1, [1, 2, 1, 2])
    const reached: number[] = []
    for (let largest = residence.places(64, 40); largest <= 32 && reached.at(-1) !== largest; ) {
      reached.push(largest)
      for (const count of upTo(largest)) residence.observe(count, count)
      largest = residence.places(64, 40)
    }
    expect(reached[0]).toBeLessThanOrEqual(4)
    expect(reached.at(-1)).toBeGreaterThanOrEqual(16)
  })

  it('lets one more in now and then than is thought best', () => {
    const residence = crowded(10, upTo(16))
    const places = new Set<number>()
    for (let n = 0; n < 64; n++) {
      residence.entered()
      places.add(residence.places(64, 85))
    }
    const [usual] = [...places].sort((one, other) => one - other)
    expect([...places].sort((one, other) => one - other)).toEqual([usual, (usual as number) + 1])
  })

  it('takes one that was given up for one that would have stayed at least as long as was thought', () => {
    const residence = crowded(10, upTo(8))
    const before = residence.at(8) as number
    residence.exceeded(8, 5)
    expect(residence.at(8)).toBeGreaterThanOrEqual(before - 1e-9)
    residence.exceeded(8, 500)
    expect(residence.at(8)).toBeGreaterThan(before)
  })

  it('keeps a distance from the budget that grows with how far the stays are off what is expected', () => {
    const random = seededRandom(1)
    const noisy = new Residence()
    for (const count of upTo(40)) noisy.observe(count, 10 * count * (0.5 + random()))
    const steady = crowded(10, upTo(40))
    expect(noisy.chance(10, 110)).toBeLessThan(steady.chance(10, 110))
  })
})
