import { expect, test } from 'vitest'
import { NodeAliases } from '../../../../stages/execute/cluster/aliases.ts'
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
