import { describe, expect, it } from 'vitest'
import { wholeNumber } from '../../../adapters/cli/units.ts'
import { BadConfiguration } from '../../../pipeline/index.ts'

describe('a whole number on the command line', () => {
  it('is taken as a number or as text, and may be left out', () => {
    expect(wholeNumber('--runs', 40)).toBe(40)
    expect(wholeNumber('--runs', '40')).toBe(40)
    expect(wholeNumber('--seed', '-3', { least: -10 })).toBe(-3)
    expect(wholeNumber('--runs', undefined)).toBeUndefined()
  })

  it('is refused by name for everything else', () => {
    for (const given of ['abc', '', '4x', '1e3', 0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, true, null, {}]) {
      expect(() => wholeNumber('--runs', given), String(given)).toThrow(BadConfiguration)
      expect(() => wholeNumber('--runs', given), String(given)).toThrow(/^--runs takes one whole number of 1 or more/)
    }
    expect(() => wholeNumber('--threads', 2000, { most: 1024 })).toThrow('from 1 to 1024, not "2000"')
    expect(() => wholeNumber('--runs', [3, 4])).toThrow('not 3 and 4')
  })
})
