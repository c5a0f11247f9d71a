import { expect, test } from 'vitest'
import { BadConfiguration, BadMessage, UnknownModel } from '../../../../pipeline/index.ts'
import { assertMovable, mostRevision, NodeAliases, nextRevision } from '../../../../stages/execute/cluster/aliases.ts'
import type { Models } from '../../../../stages/manage/index.ts'
import { settled } from '../../../support/manual-clock.ts'

test('a name stands for its own model until it is moved, and for the latest move whatever order they are heard in', () => {
  const moves = [
    { name: 'a', to: 'a2', revision: 1 },
    { name: 'a', to: 'a3', revision: 2 },
    { name: 'a', to: 'a4', revision: 2 },
  ]
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
    [2, 0, 1],
  ]) {
    const aliases = new NodeAliases()
    expect(aliases.of('a')).toBe('a')
    for (const at of order) aliases.move(moves[at] as (typeof moves)[0])
    expect(aliases.of('a')).toBe('a4')
    expect(aliases.all).toEqual([moves[2]])
  }
})

test('a move waits for the messages that began before it, and for none that came after', async () => {
  const aliases = new NodeAliases()
  const [first, second] = [aliases.use('a'), aliases.use('a')]
  aliases.move({ name: 'a', to: 'a2', revision: 1 })
  const later = aliases.use('a')
  expect([first.model, second.model, later.model]).toEqual(['a', 'a', 'a2'])
  let ended = false
  void aliases.ended('a', 'a').then(() => {
    ended = true
  })
  first.end()
  await settled()
  expect(ended).toBe(false)
  second.end()
  await settled()
  expect(ended).toBe(true)
  await aliases.ended('a', 'a')
  later.end()
})

test('a move that a person orders overrules whatever was heard, also where its number is lower', () => {
  const aliases = new NodeAliases()
  aliases.move({ name: 'a', to: 'a2', revision: mostRevision })
  const revision = nextRevision(aliases.revision('a'))
  expect(revision).toBe(1)
  expect(aliases.move({ name: 'a', to: 'a3', revision })).toBe(false)
  expect(aliases.move({ name: 'a', to: 'a3', revision }, mostRevision)).toBe(true)
  expect(aliases.all).toEqual([{ name: 'a', to: 'a3', revision: 1 }])
  // The same order a second time, and one that another person has overruled since.
  expect(aliases.move({ name: 'a', to: 'a3', revision }, mostRevision)).toBe(false)
  const later = new NodeAliases()
  later.move({ name: 'a', to: 'a4', revision: 3 })
  expect(later.move({ name: 'a', to: 'a3', revision: 2 }, 1)).toBe(false)
})

test.each([
  ['a model that nobody has', { name: 'a', to: 'nope', revision: 1 }, UnknownModel],
  ['a name that nobody has', { name: 'nope', to: 'a', revision: 1 }, UnknownModel],
  ['a model of other inputs', { name: 'a', to: 'other', revision: 1 }, BadConfiguration],
  ['more often than anybody moves it', { name: 'a', to: 'a2', revision: 2 ** 53 - 1 }, BadMessage],
])('a name that is said to have been moved to %s is not', (_what, alias, error) => {
  const inputs: Readonly<Record<string, number>> = { a: 1, a2: 1, other: 2 }
  const models = {
    entry(id: string) {
      if (!(id in inputs)) throw new UnknownModel(id, Object.keys(inputs))
      return { input: inputs[id] }
    },
  } as unknown as Models
  expect(() => assertMovable(models, alias)).toThrow(error)
  expect(() => assertMovable(models, { name: 'a', to: 'a2', revision: 1 })).not.toThrow()
})
