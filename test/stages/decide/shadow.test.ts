import { describe, expect, test } from 'vitest'
import { BadConfiguration, type Decider, fixed, inCloud, type Outcome, onDevice } from '../../../pipeline/index.ts'
import { place, select, shadow } from '../../../stages/index.ts'
import { menu, modelSet, outcome, request, world } from './support.ts'

const models = modelSet([
  { id: 'a', accuracy: 0.5, latencyMs: 5 },
  { id: 'b', accuracy: 0.9, latencyMs: 20 },
])

const listening = (heard: Outcome[], throws = false): Decider => ({
  name: 'listening',
  decide: (_request, _world, given) => given,
  observe(one) {
    heard.push(one)
    if (throws) throw new Error('deaf')
  },
})

describe('a shadow', () => {
  test('never changes what the real decider does, whatever it does itself', () => {
    const real = place()
    const alone = place()
    const both = shadow(real, onDevice(), {
      name: 'broken',
      decide() {
        throw new Error('broken')
      },
    })
    for (let i = 0; i < 50; i++) {
      const asked = request({ bytes: 1e5 * (i % 20) })
      const after = both.decide(asked, world, menu)
      expect(after).toEqual(alone.decide(asked, world, menu))
      const [cut] = after.cuts as ['captured' | 'prepared']
      const came = outcome(
        { cut },
        { transfer: 30, cloud: 5, device: 9 },
        { crossing: { at: cut, bytes: asked.bytes } },
      )
      both.observe?.(came, world)
      alone.observe?.(came, world)
    }
    expect(both.save?.()).toEqual({ version: 1, deciders: [{ name: 'place', learned: alone.save?.() }] })
    expect(both.explain?.()).toEqual(alone.explain?.())
  })

  test('is asked about every message and hears of every outcome, as does the real one', () => {
    const [first, second, third]: Outcome[][] = [[], [], []]
    const both = shadow(
      listening(first as Outcome[]),
      listening(second as Outcome[], true),
      listening(third as Outcome[]),
    )
    for (let i = 0; i < 5; i++) both.observe?.(outcome({}, {}), world)
    expect([first, second, third].map((heard) => heard?.length)).toEqual([5, 5, 5])
    expect(both.statistics().map(({ faults }) => faults)).toEqual([5, 0])
    expect(both.statistics()[0]?.error).toEqual(new Error('deaf'))
  })

  test('that throws, or leaves nothing to choose from, is counted and fails nobody', () => {
    const nothing: Decider = { name: 'nothing', decide: (_request, _world, given) => ({ ...given, cuts: [] }) }
    const throwing: Decider = {
      name: 'throwing',
      decide() {
        throw new TypeError('no')
      },
    }
    const both = shadow(inCloud(), nothing, throwing)
    expect(both.decide(request(), world, menu).cuts).toEqual(['captured'])
    expect(both.statistics()).toMatchObject([
      { name: 'nothing', decisions: 1, agreed: 0, faults: 1 },
      { name: 'throwing', decisions: 1, agreed: 0, faults: 1, error: new TypeError('no') },
    ])
  })

  test('agrees where it chooses the same in the fields that both choose', () => {
    const both = shadow(
      [inCloud(), fixed({ model: 'a' })],
      inCloud(),
      onDevice(),
      [inCloud(), fixed({ model: 'b' })],
      listening([]),
    )
    for (let i = 0; i < 10; i++) both.decide(request(), world, menu)
    expect(both.statistics().map(({ agreed }) => agreed)).toEqual([10, 0, 0, 10])
  })

  test('tells what it expects of its own choice against the real one', () => {
    const both = shadow(fixed({ model: 'a' }), select({ models }))
    both.open?.({ side: 'device', models })
    both.decide(request({ deadline: 500 }), world, menu)
    const [one] = both.statistics()
    expect(one).toMatchObject({ agreed: 0, expects: { ms: 15, onTime: undefined } })
    expect(one?.expects.accuracy).toBeCloseTo(0.4, 12)
  })

  test('needs a real decider, and is told at once where it cannot work', () => {
    expect(() => shadow([], place())).toThrow(BadConfiguration)
    expect(() => shadow(place(), select()).open?.({ side: 'device', models: undefined })).toThrow(BadConfiguration)
  })
})
