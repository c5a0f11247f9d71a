import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assertPattern,
  assertSubject,
  BadConfiguration,
  Boundary,
  matchesPattern,
  nodeSubject,
} from '../../pipeline/index.ts'

const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)

describe('subjects of a boundary', () => {
  it('of every valid name are valid subjects, and lie under the one pattern that is meant for them', () => {
    fc.assert(
      fc.property(token, token, token, token, token, (tenant, pipeline, device, node, key) => {
        const source = `${device}.main`
        for (const boundary of [
          Boundary.wire(tenant, pipeline),
          Boundary.hop(tenant, pipeline, 'stage'),
          Boundary.service(tenant, pipeline, 'model'),
        ]) {
          const subjects = [boundary.any(source), boundary.node(source, node), boundary.chunks(source, node, key)]
          const patterns = [boundary.anyPattern(), boundary.nodePattern(node), boundary.chunksPattern(node)]
          for (const subject of subjects) {
            assertSubject(subject)
            expect(boundary.sourceOf(subject)).toBe(source)
          }
          for (const pattern of patterns) assertPattern(pattern)
          const matches = subjects.map((subject) => patterns.map((pattern) => matchesPattern(pattern, subject)))
          expect(matches).toEqual([
            [true, false, false],
            [false, true, false],
            [false, false, true],
          ])
        }
      }),
    )
  })

  it('of a device all begin with its own name, so that one permission covers them', () => {
    const boundary = Boundary.wire('main', 'flowers')
    const mine = 'in.main.flowers.phone-1.>'
    for (const subject of [
      boundary.any('phone-1.main'),
      boundary.node('phone-1.main', 'cloud'),
      boundary.chunks('phone-1.left', 'cloud', 'id'),
    ]) {
      expect(matchesPattern(mine, subject)).toBe(true)
      expect(matchesPattern('in.main.flowers.phone-2.>', subject)).toBe(false)
    }
  })

  it('of one node are not those of another', () => {
    const boundary = Boundary.wire('main', 'flowers')
    expect(matchesPattern(boundary.nodePattern('one'), boundary.node('phone.main', 'two'))).toBe(false)
    expect(matchesPattern(boundary.chunksPattern('one'), boundary.chunks('phone.main', 'two', 'id'))).toBe(false)
  })

  it('are refused for names that could not stand in them', () => {
    for (const name of ['', 'a b', 'a.b', '*', '>', 'ä', 'x'.repeat(65)]) {
      expect(() => Boundary.wire(name, 'flowers')).toThrow(BadConfiguration)
      expect(() => Boundary.wire('main', name)).toThrow(BadConfiguration)
      expect(() => Boundary.hop('main', 'flowers', name)).toThrow(BadConfiguration)
    }
  })

  it('of a model are those of no other model, cut, pipeline or tenant, and its nodes are reached whatever they hold', () => {
    const model = Boundary.service('main', 'flowers', 'sha')
    const others = [
      Boundary.service('main', 'flowers', 'sha after:a'),
      Boundary.service('main', 'birds', 'sha'),
      Boundary.service('other', 'flowers', 'sha'),
      Boundary.service('main', 'flowers'),
    ]
    for (const other of others) expect(other.any('phone.main')).not.toBe(model.any('phone.main'))
    expect(model.any('phone.main')).toMatch(/^svc\.[0-9a-f]{16}\.infer\.phone\.main$/)
    expect(model.node('phone.main', 'one')).toBe(others[0]?.node('phone.main', 'one'))
    expect(model.node('phone.main', 'one')).not.toBe(others[1]?.node('phone.main', 'one'))
    // One subscriber above a model's subject would hide that nobody holds it.
    expect(matchesPattern(Boundary.service('main', 'flowers').nodePattern('one'), model.any('phone.main'))).toBe(false)
    expect(nodeSubject('mon', 'main', 'flowers', 'one')).toBe('mon.main.flowers.one')
    expect(() => nodeSubject('cmd', 'main', 'flowers', '>')).toThrow(BadConfiguration)
  })
})
