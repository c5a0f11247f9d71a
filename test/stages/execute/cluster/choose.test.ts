import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { chooseNode } from '../../../../stages/execute/cluster/choose.ts'

const node = (name: string, bytes = 0, pending = 0) => ({
  node: name,
  bytes,
  pending,
  loading: [],
  holding: [],
  aliases: [],
})
const options = { bound: 1.25, bytes: 1, random: seededRandom(1) }
const keys = Array.from({ length: 300 }, (_, index) => `key-${index}`)

describe('the node that a model is loaded on', () => {
  test('is the same for whoever asks, in whichever order it knows the nodes', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,8}$/), { minLength: 1, maxLength: 8 }),
        (key, names) => {
          const nodes = names.map((name) => node(name))
          expect(chooseNode(key, nodes, options)).toBe(chooseNode(key, [...nodes].reverse(), options))
        },
      ),
      { numRuns: 100 },
    )
  })

  test('changes only for the models of a node that goes, when one goes', () => {
    const nodes = ['one', 'two', 'three', 'four'].map((name) => node(name))
    const before = keys.map((key) => chooseNode(key, nodes, options))
    const after = keys.map((key) => chooseNode(key, nodes.slice(0, 3), options))
    const moved = keys.filter((_, at) => before[at] !== after[at])
    expect(moved.length).toBe(before.filter((name) => name === 'four').length)
    for (const name of ['one', 'two', 'three', 'four']) {
      expect(before.filter((each) => each === name).length).toBeGreaterThan(keys.length / 8)
    }
  })

  test('never has more than the bound above the mean, bytes or messages, once these say something', () => {
    const random = seededRandom(2)
    const load = { one: 0, two: 0, three: 0 }
    for (const key of keys) {
      const nodes = Object.entries(load).map(([name, bytes]) => node(name, bytes))
      const chosen = chooseNode(key, nodes, { ...options, random }) as keyof typeof load
      load[chosen] += 1
    }
    for (const bytes of Object.values(load)) expect(bytes).toBeLessThanOrEqual(1.25 * 100 + 1)
    const busy = [node('one', 0, 400), node('two', 0, 10), node('three', 0, 400)]
    for (const key of keys) expect(chooseNode(key, busy, options)).toBe('two')
  })

  test('is the less busy of two at random where none is within both bounds', () => {
    const nodes = [node('full', 1_000, 0), node('busy', 0, 1_000), node('busier', 0, 2_000)]
    const chosen = keys.map((key) => chooseNode(key, nodes, { ...options, random: seededRandom(3) }))
    expect(chosen).not.toContain('busier')
    expect(chooseNode('key', [], options)).toBeUndefined()
  })
})
