import fc from 'fast-check'
import { expect, test } from 'vitest'
import { paretoFront, pick, profiles } from '../../../stages/decide/pareto.ts'

const few = fc.integer({ min: 0, max: 5 })
const points = fc.array(fc.tuple(few, few, few, few), { minLength: 1, maxLength: 40 })

const columns = (of: readonly (readonly number[])[]) => ({
  time: of.map(([time]) => time as number),
  energy: of.map(([, energy]) => energy as number),
  accuracy: of.map(([, , accuracy]) => accuracy as number),
  bytes: of.map(([, , , bytes]) => bytes as number),
})

/** At least as good in everything, and better in something. */
function beats(one: readonly number[], other: readonly number[]): boolean {
  const gains = one.map((value, i) => (i === 2 ? value - (other[i] as number) : (other[i] as number) - value))
  return gains.every((gain) => gain >= 0) && gains.some((gain) => gain > 0)
}

test('the front is what nothing beats, one of each kind, as comparing all with all finds it', () => {
  fc.assert(
    fc.property(points, (of) => {
      const front = paretoFront(columns(of))
      const unbeaten = of.filter((one) => !of.some((other) => beats(other, one)))
      expect(new Set(front.map((i) => String(of[i])))).toEqual(new Set(unbeaten.map(String)))
      expect(front.length).toBe(new Set(unbeaten.map(String)).size)
    }),
  )
})

test('what a profile picks is on the front, whatever its weights', () => {
  const weight = fc.double({ min: 0, max: 3, noNaN: true })
  const weights = fc.record({ time: weight, energy: weight, accuracy: weight, bytes: weight })
  fc.assert(
    fc.property(points, fc.oneof(weights, fc.constantFrom(...Object.values(profiles))), (of, chosen) => {
      const at = pick(of.length, columns(of), chosen, () => true)
      expect(of.some((other) => beats(other, of[at] as number[]))).toBe(false)
    }),
  )
})

test('only what is open is picked, and nothing where nothing is', () => {
  const of = columns([
    [1, 1, 1, 1],
    [9, 9, 0, 9],
  ])
  expect(pick(2, of, profiles.fast, (at) => at === 1)).toBe(1)
  expect(pick(2, of, profiles.fast, () => false)).toBe(-1)
})

test('fast, accurate and frugal pick what they are called after', () => {
  const of = columns([
    [10, 500, 0.5, 0],
    [200, 50, 0.7, 1000],
    [400, 900, 0.9, 500_000],
  ])
  const picked = (['fast', 'frugal', 'accurate'] as const).map((name) => pick(3, of, profiles[name], () => true))
  expect(picked).toEqual([0, 1, 2])
})
