import { describe, expect, test } from 'vitest'
import { capture, decide, pipeline } from '../../../../adapters/node/index.ts'
import { BadConfiguration, BadInput, fixed, VersionMismatch, World } from '../../../../pipeline/index.ts'
import { answering, collect, fakeClock, seededRandom } from '../../../../pipeline/testing/index.ts'
import { type LogEntry, type LoggedDecision, logged, parseEntry, place, select } from '../../../../stages/index.ts'
import { menu, modelSet, outcome, request, world } from '../support.ts'

const models = modelSet([
  { id: 'a', accuracy: 0.5, latencyMs: 5 },
  { id: 'b', accuracy: 0.9, latencyMs: 20 },
])

function memory() {
  const entries: LogEntry[] = []
  return { entries, write: (entry: LogEntry) => void entries.push(entry) }
}

describe('a logged decider', () => {
  test('decides and learns exactly as it does without a log', () => {
    const make = () => [place(), select({ models, random: seededRandom(4) })]
    const [plain, log] = [make(), memory()]
    const decider = logged(log, make())
    const random = seededRandom(8)
    for (let i = 0; i < 200; i++) {
      const asked = request({ bytes: random() * 2e6, deadline: 300 })
      const expected = plain.reduce((left, one) => one.decide(asked, world, left), menu)
      expect(decider.decide(asked, world, menu)).toEqual(expected)
      const came = outcome(
        { cut: expected.cuts[0] as 'captured', model: expected.models[0] as string },
        { transfer: 50 * random(), cloud: 5, execute: 10 * random(), device: 20 },
        { crossing: { at: expected.cuts[0] as 'captured', bytes: asked.bytes } },
      )
      decider.observe?.(came, world)
      for (const one of plain) one.observe?.(came, world)
    }
    expect(log.entries.filter(({ type }) => type === 'decision')).toHaveLength(200)
    expect(log.entries.filter(({ type }) => type === 'outcome')).toHaveLength(200)
  })

  test('writes what was known, what there was to choose from, how each was weighed, and what was left', () => {
    const log = memory()
    const clock = fakeClock(1000)
    const known = new World(clock)
    known.set('cloud', { node: 'edge', pending: 3, capacity: 10 }, 'wire')
    const decider = logged(log, [fixed({ cut: 'captured' }), select({ models })])
    decider.decide(request({ now: 1500, deadline: 200 }), known, menu)
    expect(log.entries[0]).toMatchObject({
      version: 1,
      type: 'decision',
      by: 'fixed+select mdinference',
      now: 1500,
      bytes: 1e6,
      world: { cloud: { value: { node: 'edge', pending: 3 }, age: 500, owner: 'wire' } },
      menu,
      left: { cuts: ['captured'], models: ['b'] },
      explanations: [{ decider: 'fixed' }, { decider: 'select mdinference', chosen: 1 }],
    })
    expect(Object.keys((log.entries[0] as LoggedDecision).left)).toEqual(['models', 'cuts'])
  })

  test('hashes ids and sources: alike within a log, unlike in another, joined where the salt is shared', () => {
    const ids = (salt?: string) => {
      const log = memory()
      const decider = logged(log, place(), salt ? { salt } : {})
      decider.decide(request({ id: 'IMG_2041-alice', source: 'alices-phone.front' }), world, menu)
      decider.observe?.(outcome({}, {}, { id: 'IMG_2041-alice' }), world)
      expect(JSON.stringify(log.entries)).not.toMatch(/alice/)
      const [one, other] = log.entries as LoggedDecision[]
      expect(other?.id).toBe(one?.id)
      return one?.id
    }
    expect(ids()).not.toBe(ids())
    expect(ids('pepper')).toBe(ids('pepper'))
  })

  test('keeps of many choices the likeliest and the chosen one', () => {
    const log = memory()
    const many = modelSet(Array.from({ length: 50 }, (_, i) => ({ id: `m${i}`, accuracy: i / 50, latencyMs: 5 })))
    const decider = logged(log, select({ models: many }), { weighed: 5 })
    decider.decide(request(), world, { ...menu, models: many.ids })
    const [entry] = log.entries as LoggedDecision[]
    expect(entry?.explanations[0]?.weighed).toHaveLength(5)
    expect(entry?.explanations[0]?.weighed[entry.explanations[0].chosen]).toMatchObject({
      choice: { model: 'm49' },
      propensity: 1,
    })
  })

  test('refuses to log nobody', () => {
    expect(() => logged(memory(), [])).toThrow(BadConfiguration)
    expect(() => logged(memory(), place(), { salt: '' })).toThrow('salt')
  })

  test('in a running pipeline has one decision and one outcome for every message', async () => {
    const log = memory()
    const flow = pipeline(
      'logged',
      { models },
      capture(Array.from({ length: 20 }, () => new Uint8Array(1000))),
      decide(logged(log, [select()])),
      answering(),
    )
    const { counts } = await collect(flow.run())
    expect(counts).toMatchObject({ in: 20, results: 20 })
    const of = (type: string) =>
      log.entries.flatMap((entry) => (entry.type === type ? [(entry as LoggedDecision).id] : []))
    expect(new Set(of('decision')).size).toBe(20)
    expect(of('outcome').sort()).toEqual(of('decision').sort())
  })
})

describe('an entry of a decision log', () => {
  const written = () => {
    const log = memory()
    const decider = logged(log, [place(), select({ models })])
    decider.decide(request({ deadline: Number.POSITIVE_INFINITY, remaining: Number.POSITIVE_INFINITY }), world, menu)
    decider.observe?.(outcome({ model: 'a' }, { execute: 3 }, { crossing: {}, way: { up: 1, down: 2 } }), world)
    return log.entries
  }

  test('reads as it was written, Infinity included', () => {
    for (const entry of written()) expect(parseEntry(JSON.stringify(entry))).toEqual(entry)
  })

  test('that is torn, foreign or damaged is a named error; so is another version', () => {
    const line = JSON.stringify(written()[0])
    for (const bad of [
      '',
      '{',
      line.slice(0, -40),
      '7',
      'null',
      '{"version":1,"type":"constructor"}',
      line.replace('"bytes":1000000', '"bytes":"many"'),
    ]) {
      expect(() => parseEntry(bad)).toThrow(BadInput)
    }
    expect(() => parseEntry(line.replace('"version":1', '"version":2'))).toThrow(VersionMismatch)
  })
})
