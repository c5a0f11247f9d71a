import { describe, expect, it } from 'vitest'
import { whole } from '../../../adapters/cli/units.ts'
import { BadConfiguration } from '../../../pipeline/index.ts'

describe('a whole number on the command line', () => {
  it('is taken within its bounds', () => {
    expect(whole(40, '--runs')).toBe(40)
    expect(whole(0, '--seed', { least: 0 })).toBe(0)
  })

  it('is refused by name for everything else', () => {
    for (const given of ['abc', '', '4x', 0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, true, null, {}, [3, 4]]) {
      expect(() => whole(given, '--runs'), String(given)).toThrow(BadConfiguration)
      expect(() => whole(given, '--runs'), String(given)).toThrow(/^--runs .*give one whole number of 1 or more/)
    }
    expect(() => whole(2000, '--threads', { most: 1024 })).toThrow('from 1 to 1024')
  })
})
