import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assertPattern, assertSubject, matchesPattern } from '../../pipeline/index.ts'

const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,4}$/)
const subject = fc.array(token, { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join('.'))

describe('patterns', () => {
  it('match their own subject, with any of its tokens starred and any tail replaced', () => {
    fc.assert(
      fc.property(subject, fc.nat(), fc.nat(), (name, star, tail) => {
        const tokens = name.split('.')
        const starred = tokens.with(star % tokens.length, '*')
        const cut = [...tokens.slice(0, tail % tokens.length), '>'].join('.')
        for (const pattern of [name, starred.join('.'), cut]) {
          assertPattern(pattern)
          expect(matchesPattern(pattern, name), pattern).toBe(true)
        }
      }),
    )
  })

  it('match no subject with fewer tokens, nor with more unless they end in ">"', () => {
    fc.assert(
      fc.property(subject, token, (name, more) => {
        expect(matchesPattern(name, `${name}.${more}`)).toBe(false)
        expect(matchesPattern(`${name}.${more}`, name)).toBe(false)
        expect(matchesPattern(`${name}.>`, name)).toBe(false)
        expect(matchesPattern(`${name}.*`, name)).toBe(false)
      }),
    )
  })

  it('take no subject that the wire could read as something else', () => {
    fc.assert(
      fc.property(
        subject,
        fc.constantFrom(' ', '\r', '\n', '\t', '\0', '*', '>', '$', 'é', '/'),
        fc.nat(),
        (name, bad, at) => {
          const place = at % (name.length + 1)
          expect(() => assertSubject(name.slice(0, place) + bad + name.slice(place))).toThrow()
        },
      ),
    )
  })
})
