import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { BadConfiguration, type Menu, UnknownModel } from '../../../pipeline/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { type Select, type SelectRule, select } from '../../../stages/index.ts'
import { assets, needsAssets } from '../../support/assets.ts'
import { menu, modelSet, normal, outcome, request, world } from './support.ts'

const rules: readonly SelectRule[] = [
  'mdinference',
  'modipick',
  'static-greedy',
  'static-latency',
  'static-accuracy',
  'random',
  'related-random',
]

const three = modelSet([
  { id: 'small', accuracy: 0.5, latencyMs: 5 },
  { id: 'middle', accuracy: 0.7, latencyMs: 20 },
  { id: 'large', accuracy: 0.9, latencyMs: 80 },
])
const all: Menu = { ...menu, models: three.ids }

/** A message in the cloud after a way up of so many ms. */
const arrived = (up: number, deadline: number, down = up) =>
  request({ side: 'cloud', elapsed: up, deadline, remaining: deadline - up, way: { up, down } })

const chosen = (decider: Select, up: number, deadline: number, from = all, down = up) =>
  decider.decide(arrived(up, deadline, down), world, from).models[0] as string

/** The cloud ran a model. */
function ran(decider: Select, model: string, ms: number): void {
  decider.observe?.(outcome({ model }, { execute: ms }, { side: 'cloud' }), world)
}

describe('select', () => {
  test.each([
    [200, 50, 'large'],
    [200, 61, 'middle'],
    [200, 89, 'middle'],
    [200, 92, 'small'],
    [200, 150, 'small'],
  ])('as published: of %i ms less twice %i, %s', (deadline, up, model) => {
    const decider = select({ models: three, budget: 'published' })
    expect(chosen(decider, up, deadline)).toBe(model)
  })

  test('γ deviations of safety exclude what varies too much', () => {
    const feed = (gamma: number) => {
      const decider = select({ models: three, budget: 'published', gamma })
      for (const ms of [60, 100, 60, 100, 60, 100]) ran(decider, 'large', ms)
      return chosen(decider, 50, 200)
    }
    expect([feed(0), feed(1)]).toEqual(['large', 'middle'])
  })

  test('our budget charges the way down for what it is, not as a second way up', () => {
    const [ours, published] = (['ours', 'published'] as const).map((budget) =>
      select({ models: three, budget, gamma: 0 }),
    ) as [Select, Select]
    expect(chosen(published, 80, 200, all, 5)).toBe('middle')
    expect(chosen(ours, 80, 200, all, 5)).toBe('large')
  })

  test('our budget leaves room for what the cloud does besides', () => {
    const decider = select({ models: three, gamma: 0 })
    for (let i = 0; i < 20; i++) {
      decider.observe?.(outcome({ model: 'small' }, { execute: 5, cloud: 40 }, { side: 'cloud' }), world)
    }
    expect(chosen(decider, 50, 200, all, 5)).toBe('large')
    expect(chosen(decider, 80, 200, all, 5)).toBe('middle')
  })

  test('one slow run of one model makes it doubt all of them: everything on a resource slows down together', () => {
    const decider = select({ models: three })
    for (let i = 0; i < 10; i++) for (const [id, ms] of Object.entries({ small: 5, middle: 20 })) ran(decider, id, ms)
    expect(decider.expected('large', 'cloud').mean).toBeCloseTo(80, -1)
    for (let i = 0; i < 3; i++) ran(decider, 'small', 25)
    expect(decider.expected('large', 'cloud').mean).toBeGreaterThan(300)
    expect(decider.expected('large', 'device').mean).toBeCloseTo(80, 6)
  })

  test('a wrong first guess of one model stays its own', () => {
    const decider = select({ models: three })
    for (let i = 0; i < 20; i++) ran(decider, 'small', 5)
    for (let i = 0; i < 5; i++) ran(decider, 'large', 800)
    for (let i = 0; i < 5; i++) ran(decider, 'small', 5)
    expect(Math.abs(decider.expected('large', 'cloud').mean - 800)).toBeLessThan(120)
    expect(Math.abs(decider.expected('small', 'cloud').mean - 5)).toBeLessThan(1)
    expect(decider.expected('middle', 'cloud').mean).toBeLessThan(30)
  })

  test('time to load a model is not taken for its time', () => {
    const decider = select({ models: three, budget: 'published' })
    decider.observe?.(outcome({ model: 'large' }, { execute: 900, load: 820 }, { side: 'cloud' }), world)
    expect(decider.expected('large', 'cloud').mean).toBe(80)
  })

  test('a model that ran out of time is believed to take at least that long', () => {
    const decider = select({ models: three })
    const late = { side: 'cloud', kind: 'failure', error: 'deadline-exceeded', latency: 300, onTime: false } as const
    decider.observe?.(outcome({ model: 'large' }, {}, { ...late, way: { up: 50, down: 5 } }), world)
    expect(decider.expected('large', 'cloud').mean).toBeGreaterThan(200)
  })

  test('a model that was slow once is tried again after a while', () => {
    const decider = select({ models: three, tryEvery: 50, gamma: 1 })
    for (let i = 0; i < 10; i++) ran(decider, 'large', 80)
    for (let i = 0; i < 3; i++) ran(decider, 'large', 400)
    const picked: string[] = []
    for (let i = 0; i < 120; i++) {
      const model = chosen(decider, 30, 200, all, 5)
      picked.push(model)
      ran(decider, model, { small: 5, middle: 20, large: 80 }[model] as number)
    }
    expect(picked[0]).not.toBe('large')
    expect(picked.at(-1)).toBe('large')
  })

  test('above the wire it leaves room for the wire, unless nothing crosses it', () => {
    const decider = select({ models: three, gamma: 0 })
    for (let i = 0; i < 10; i++) {
      const crossing = { at: 'captured', bytes: 1e6 } as const
      decider.observe?.(outcome({ model: 'small' }, { execute: 5, transfer: 150 }, { crossing }), world)
    }
    const at = (cuts: Menu['cuts']) =>
      decider.decide(request({ deadline: 200, elapsed: 0 }), world, { ...all, cuts }).models[0]
    expect(at(['captured'])).toBe('middle')
    expect(at(['answered'])).toBe('large')
  })

  test('baselines: greedy knows of no network, static ones of nothing at all', () => {
    const pick = (rule: SelectRule) => chosen(select({ models: three, rule }), 150, 200)
    expect([pick('static-greedy'), pick('static-latency'), pick('static-accuracy')]).toEqual([
      'large',
      'small',
      'large',
    ])
  })

  test('random draws from all alike, related-random from those that fit', () => {
    const counts = (rule: SelectRule) => {
      const decider = select({ models: three, rule, budget: 'published', random: seededRandom(1) })
      const seen: Record<string, number> = { small: 0, middle: 0, large: 0 }
      for (let i = 0; i < 3000; i++) {
        const model = chosen(decider, 75, 200)
        seen[model] = (seen[model] as number) + 1
      }
      return seen
    }
    for (const count of Object.values(counts('random'))) expect(Math.abs(count - 1000)).toBeLessThan(120)
    const related = counts('related-random')
    expect(related.large).toBe(0)
    expect(Math.abs((related.small as number) - 1500)).toBeLessThan(150)
  })

  test('modipick draws among the neighbours of its base, more often the better ones, and divides by nothing', () => {
    const models = modelSet([
      { id: 'far', accuracy: 0.6, latencyMs: 5 },
      { id: 'near', accuracy: 0.8, latencyMs: 30 },
      { id: 'base', accuracy: 0.9, latencyMs: 40 },
      { id: 'late', accuracy: 0.95, latencyMs: 120 },
    ])
    // T_L = 100 − 60 falls on the base's own μ: the published weight would divide by zero.
    const decider = select({ models, rule: 'modipick', budget: 'published', threshold: 59, random: seededRandom(3) })
    const seen = new Map<string, number>()
    for (let i = 0; i < 2000; i++) {
      const model = chosen(decider, 50, 200, { ...menu, models: models.ids })
      seen.set(model, (seen.get(model) ?? 0) + 1)
    }
    expect([...seen.keys()].sort()).toEqual(['base', 'near'])
    expect(seen.get('base')).toBeGreaterThan(seen.get('near') as number)
  })

  test('never chooses what is not on the menu, and leaves the other fields alone, by any rule', () => {
    const subset = fc.subarray([...three.ids], { minLength: 1 })
    const ms = fc.double({ min: 0, max: 1000, noNaN: true })
    fc.assert(
      fc.property(
        fc.constantFrom(...rules),
        fc.constantFrom('ours' as const, 'published' as const),
        fc.array(fc.tuple(subset, ms, ms, ms, fc.boolean()), { maxLength: 40 }),
        fc.integer(),
        (rule, budget, messages, seed) => {
          const decider = select({ models: three, rule, budget, random: seededRandom(seed), tryEvery: 5 })
          for (const [models, up, deadline, execute, below] of messages) {
            const before: Menu = { ...menu, models }
            const asked = below ? arrived(up, deadline) : request({ deadline })
            const after = decider.decide(asked, world, before)
            expect({ ...after, models }).toEqual(before)
            expect(after.models).toHaveLength(1)
            expect(models).toContain(after.models[0])
            ran(decider, after.models[0] as string, execute)
          }
        },
      ),
      { numRuns: 200, seed: 3 },
    )
  })

  test('with models that take what they are said to, no answer is late that the fastest could give in time', () => {
    const ms = fc.double({ min: 0, max: 300, noNaN: true })
    const zoo = fc.array(fc.tuple(fc.double({ min: 0.1, max: 1, noNaN: true }), ms), { minLength: 2, maxLength: 23 })
    fc.assert(
      fc.property(zoo, ms, ms, (entries, up, deadline) => {
        const models = modelSet(entries.map(([accuracy, latencyMs], i) => ({ id: `m${i}`, accuracy, latencyMs })))
        const decider = select({ models, budget: 'published' })
        const model = chosen(decider, up, deadline, { ...menu, models: models.ids })
        const fits = models.ids.filter((id) => (models.entry(id).latencyMs as number) < deadline - 2 * up)
        if (fits.length === 0) return
        expect(fits).toContain(model)
        expect(models.entry(model).accuracy).toBe(Math.max(...fits.map((id) => models.entry(id).accuracy)))
      }),
      { numRuns: 300, seed: 5 },
    )
  })

  test('takes its models from the pipeline, and says what to do when there are none', () => {
    const decider = select()
    expect(() => decider.open?.({ side: 'cloud', models: undefined })).toThrow(BadConfiguration)
    decider.open?.({ side: 'cloud', models: three })
    expect(chosen(decider, 10, 1000)).toBe('large')
    expect(() => decider.decide(arrived(1, 10), world, { ...menu, models: ['small', 'nobody'] })).toThrow(UnknownModel)
  })

  test.each([{ gamma: -1 }, { alpha: 0 }, { tryEvery: 0 }, { band: Number.NaN }])('refuses %o', (options) => {
    expect(() => select({ models: three, ...options })).toThrow(BadConfiguration)
  })

  test('expects the same after a restore, but of models that are gone', () => {
    const one = select({ models: three })
    for (const ms of [70, 75, 90]) ran(one, 'large', ms)
    one.observe?.(outcome({ model: 'small' }, { execute: 4, transfer: 60 }, { crossing: { at: 'captured' } }), world)
    const two = select({ models: three })
    const saved: unknown = JSON.parse(JSON.stringify(one.save?.()))
    two.restore?.(saved)
    expect(two.expected('large', 'cloud')).toEqual(one.expected('large', 'cloud'))
    expect(chosen(two, 60, 200)).toBe(chosen(one, 60, 200))
    select({ models: modelSet([{ id: 'other', accuracy: 1 }]) }).restore?.(saved)
    expect(() => two.restore?.({ version: 1 })).toThrow(BadConfiguration)
  })
})

const figures = z.object({
  zoo: z.object({
    p2: z.array(z.object({ name: z.string(), top1: z.number(), mu_ms: z.number(), sigma_ms: z.number() })),
  }),
})

describe(`select on the published zoo${needsAssets}`, () => {
  /** The pool and the network of MDInference's figure 1. */
  const pool = ['squeezenet', 'densenet', 'nasnet_mobile', 'nasnet_large', 'inception_v3', 'inception_resnet_v2']
  pool.push('inception_v4', ...['0.25', '0.5', '0.75', '1.0'].map((width) => `mobilenet_v1_${width}_224_frozen`))

  test.skipIf(assets === undefined).each([
    [100, 0.614, 0.46],
    [150, 0.728, 0.82],
    [200, 0.794, 0.97],
    [250, 0.819, 0.998],
    [300, 0.825, 1],
  ])('%i ms: accuracy and attainment as reproduced, within two points', (sla, accuracy, attainment) => {
    const file: unknown = JSON.parse(readFileSync(join(assets as string, 'papers/mdinference.json'), 'utf8'))
    const zoo = new Map(figures.parse(file).zoo.p2.map((model) => [model.name.replaceAll('.', '_'), model]))
    const ids = pool.map((name) => name.replaceAll('.', '_'))
    const models = modelSet(
      ids.map((id) => {
        const { top1 = 0, mu_ms: latencyMs = 0 } = zoo.get(id) ?? {}
        return { id, accuracy: top1 / 100, latencyMs }
      }),
    )
    const random = seededRandom(42)
    const decider = select({ models, budget: 'published' })
    const draw = (mean: number, deviation: number) => {
      for (;;) {
        const value = normal(random, mean, deviation)
        if (value > 0) return value
      }
    }
    let right = 0
    let met = 0
    const times = 10_000
    for (let i = 0; i < times; i++) {
      const up = draw(50, 25)
      const id = chosen(decider, up, sla, { ...menu, models: ids })
      const { mu_ms = 0, sigma_ms = 0, top1 = 0 } = zoo.get(id) ?? {}
      const execute = draw(mu_ms, sigma_ms)
      ran(decider, id, execute)
      right += top1 / 100
      if (2 * up + execute <= sla) met++
    }
    expect(Math.abs(right / times - accuracy)).toBeLessThan(0.02)
    expect(Math.abs(met / times - attainment)).toBeLessThan(0.02)
  })
})
