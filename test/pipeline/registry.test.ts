import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Bag, type Bagged } from '../../pipeline/index.ts'
import { Registry } from '../../pipeline/registry.ts'

const names = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const deeds = fc.array(fc.record({ deed: fc.constantFrom('set', 'delete'), name: names, value: fc.nat(99) }), {
  maxLength: 60,
})

describe('a registry', () => {
  it('holds what a map holds, in the same order, whatever comes and goes', () => {
    fc.assert(
      fc.property(deeds, (all) => {
        const [map, registry] = [new Map<string, number>(), new Registry<number>()]
        for (const { deed, name, value } of all) {
          if (deed === 'set') {
            map.set(name, value)
            registry.set(name, value)
          } else expect(registry.delete(name)).toBe(map.delete(name))
          expect([...registry.values()]).toEqual([...map.values()])
          expect(registry.size).toBe(map.size)
        }
        for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
          expect(registry.get(name)).toBe(map.get(name))
          expect(registry.has(name)).toBe(map.has(name))
        }
      }),
    )
  })

  it('may be emptied by whoever goes through it', () => {
    const registry = new Registry<string>()
    for (const name of ['a', 'b', 'c']) registry.set(name, name)
    const seen: string[] = []
    for (const name of registry.values()) {
      seen.push(name)
      registry.delete(name)
    }
    expect([seen, registry.size]).toEqual([['a', 'b', 'c'], 0])
  })
})

describe('a bag', () => {
  it('holds what a set holds, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(5)), { maxLength: 60 }), (all) => {
        const things = Array.from({ length: 6 }, (): Bagged => ({ place: -1 }))
        const [set, bag] = [new Set<Bagged>(), new Bag<Bagged>()]
        for (const [comes, n] of all) {
          const one = things[n] as Bagged
          if (!comes) expect(bag.delete(one)).toBe(set.delete(one))
          else if (!set.has(one)) {
            set.add(one)
            bag.add(one)
          }
          expect(new Set(bag)).toEqual(set)
          expect(bag.size).toBe(set.size)
        }
      }),
    )
  })

  it('shows what was in it, to whoever goes through it while it is emptied', () => {
    const bag = new Bag<Bagged>()
    for (let n = 0; n < 4; n++) bag.add({ place: -1 })
    let seen = 0
    for (const one of bag) {
      seen++
      expect(bag.delete(one)).toBe(true)
    }
    expect([seen, bag.size]).toEqual([4, 0])
  })
})
