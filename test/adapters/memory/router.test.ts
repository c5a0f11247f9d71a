import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Interest, Router } from '../../../adapters/memory/router.ts'
import { matchesPattern } from '../../../pipeline/index.ts'

const token = fc.constantFrom('a', 'b', 'c')
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'))
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([tokens, open]) => (open ? [...tokens, '>'] : tokens).join('.'))
const interest = fc.record({ pattern, group: fc.constantFrom(undefined, 'g', 'h') })

describe('router', () => {
  it('finds exactly whom the patterns name, while interests come and go', () => {
    fc.assert(
      fc.property(fc.array(interest), fc.array(fc.nat()), fc.array(subject), (added, removed, subjects) => {
        const router = new Router<Interest>()
        const standing = new Set<Interest>(added)
        for (const one of standing) router.add(one)
        const check = () => {
          for (const name of subjects) {
            const { all, groups } = router.route(name)
            const wanted = [...standing].filter((one) => matchesPattern(one.pattern, name))
            const found = [...all, ...groups.flatMap((group) => group.members)]
            expect(new Set(found)).toEqual(new Set(wanted))
            expect(found.length).toBe(wanted.length)
            for (const { members } of groups) expect(new Set(members.map((one) => one.group)).size).toBe(1)
            expect(all.every((one) => one.group === undefined)).toBe(true)
          }
        }
        check()
        for (const index of removed) {
          const one = [...standing][index % Math.max(1, standing.size)]
          if (one && standing.delete(one)) router.remove(one)
        }
        check()
      }),
    )
  })
})
