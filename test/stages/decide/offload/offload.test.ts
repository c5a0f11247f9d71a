import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BadConfiguration, type Menu, type Plan, UnknownModel, World } from '../../../../pipeline/index.ts'
import { type Offload, type OffloadOptions, offload } from '../../../../stages/index.ts'
import { manualClock } from '../../../support/manual-clock.ts'
import { menu, modelSet, outcome, request, world } from '../support.ts'

const three = modelSet([
  { id: 'small', accuracy: 0.5, latencyMs: 20 },
  { id: 'middle', accuracy: 0.7, latencyMs: 100 },
  { id: 'large', accuracy: 0.9, latencyMs: 400 },
])
const all: Menu = { ...menu, models: three.ids, backups: ['none', 'model:small', 'model:middle'] }
const local: Menu = { ...all, cuts: ['answered'] }
const remote: Menu = { ...all, cuts: ['captured', 'prepared'] }

const decider = (options: OffloadOptions = {}) => offload({ models: three, ...options })

const within = (ms: number, now = 0) => request({ deadline: ms, remaining: ms, now })

function plan(of: Offload, asked = within(10_000), from = all): Plan {
  const { models, cuts, targets, backups } = of.decide(asked, world, from)
  expect([models.length, cuts.length, targets.length, backups.length]).toEqual([1, 1, 1, 1])
  return { model: models[0], cut: cuts[0], target: targets[0], backup: backups[0] } as Plan
}

/** This side ran a model. */
function ranHere(of: Offload, model: string, execute: number, load = 0, now = 0): void {
  of.observe?.(outcome({ model, cut: 'answered' }, { execute: execute + load, load }, { now, id: 'other' }), world)
}

/** The cloud did, after a crossing. */
function ranThere(of: Offload, model: string, execute: number, transfer: number, load = 0, now = 0): void {
  const crossing = { at: 'captured', bytes: 1e6, node: 'edge' } as const
  const timings = { execute: execute + load, load, transfer }
  of.observe?.(outcome({ model, cut: 'captured' }, timings, { crossing, now, id: 'other' }), world)
}

/** A device on which `large` is slow, and a cloud in which it is not. */
function learned(options: OffloadOptions = {}): Offload {
  const made = decider(options)
  for (let i = 0; i < 10; i++) {
    for (const [model, ms] of Object.entries({ small: 100, middle: 500, large: 2000 })) ranHere(made, model, ms)
    for (const [model, ms] of Object.entries({ small: 10, middle: 40, large: 150 })) ranThere(made, model, ms, 200)
  }
  return made
}

const failed = (model: string, error: 'refused' | 'no-responders' | 'deadline-exceeded', now: number, id = 'm') =>
  outcome({ model, cut: 'captured', target: 'any' }, {}, { kind: 'failure', error, now, id, onTime: false })

describe('offload', () => {
  test('the most accurate that fits safety · (time left − margin), wherever it runs', () => {
    const one = learned()
    // large over there: 200 + 150 ms; a budget of .8 · (490 − 50) = 352 ms just holds it.
    expect(plan(one, within(490))).toMatchObject({ model: 'large', cut: 'captured' })
    expect(plan(one, within(485))).toMatchObject({ model: 'middle', cut: 'captured' })
    // middle over there: 240 ms; .8 · (345 − 50) = 236 ms: what is left is small, on this side.
    expect(plan(one, within(345))).toMatchObject({ model: 'small', cut: 'answered' })
  })

  test('as accurate on either side: on this one', () => {
    expect(plan(learned(), within(3000))).toMatchObject({ model: 'large', cut: 'answered' })
  })

  test('nothing fits: the fastest on this side', () => {
    expect(plan(learned(), within(60))).toMatchObject({ model: 'small', cut: 'answered' })
    expect(plan(learned(), within(-5))).toMatchObject({ model: 'small', cut: 'answered' })
  })

  test('an answer of less than the least accuracy is given only where no other can be', () => {
    const one = learned({ minAccuracy: 0.6 })
    expect(plan(one, within(345)).model).toBe('middle')
    expect(plan(learned({ minAccuracy: 0.95 }), within(60)).model).toBe('small')
  })

  test('a model takes the quantile of its runs, not their mean', () => {
    const one = learned()
    for (let i = 0; i < 20; i++) ranThere(one, 'large', i % 5 === 0 ? 900 : 150, 200)
    expect(plan(one, within(700)).model).toBe('middle')
    const bold = learned({ quantile: 0.5 })
    for (let i = 0; i < 20; i++) ranThere(bold, 'large', i % 5 === 0 ? 900 : 150, 200)
    expect(plan(bold, within(700)).model).toBe('large')
  })

  test('a model that is not loaded on this side costs its load', () => {
    const one = learned()
    for (const model of three.ids) ranHere(one, model, { small: 100, middle: 500, large: 2000 }[model] as number, 1000)
    const known = new World(manualClock())
    const pick = (ms: number) => one.decide(within(ms), known, local).models[0]
    known.set('resident', ['middle'], 'test')
    expect(pick(1000)).toBe('middle')
    known.set('resident', ['small'], 'test')
    expect(pick(1000)).toBe('small')
    expect(pick(2000)).toBe('middle')
  })

  test('a remote model that has to be loaded after a pause costs its load after such a pause, and not before', () => {
    const one = learned()
    ranThere(one, 'large', 150, 200, 0, 1000)
    ranThere(one, 'large', 150, 200, 800, 60_000)
    const pick = (pause: number) => plan(one, within(700, 60_000 + pause), remote).model
    expect(pick(10_000)).toBe('large')
    expect(pick(59_000)).toBe('middle')
  })

  test('what waits on this side is waited for', () => {
    const one = learned()
    const ask = (id: string) => one.decide({ ...within(800), id }, world, local).models[0]
    expect(ask('first')).toBe('middle')
    // 500 ms are taken: 600 − 500 leave room for small alone.
    expect(ask('second')).toBe('small')
    for (const [id, model] of Object.entries({ first: 'middle', second: 'small' })) {
      one.observe?.(
        outcome({ model, cut: 'answered' }, { execute: { first: 500, second: 100 }[id] as number }, { id }),
        world,
      )
    }
    expect(ask('third')).toBe('middle')
  })

  test('a remote that refuses is not asked before it said, and then again', () => {
    const one = learned()
    one.observe?.({ ...failed('large', 'refused', 100), retryAfter: 3000 }, world)
    expect(plan(one, within(490, 101)).model).toBe('middle')
    expect(plan(one, within(490, 3099)).model).toBe('middle')
    expect(plan(one, within(490, 3100)).model).toBe('large')
  })

  test('a cloud that does not answer is not asked for a while; then one message asks, the others wait for it', () => {
    const one = learned()
    one.observe?.(failed('large', 'no-responders', 0), world)
    const cut = (now: number, id: string) => plan(one, { ...within(490, now), id }).cut
    expect(cut(9_999, 'a')).toBe('answered')
    expect([cut(10_000, 'b'), cut(10_001, 'c'), cut(10_002, 'd')]).toEqual(['captured', 'answered', 'answered'])
    one.observe?.(failed('large', 'deadline-exceeded', 10_500, 'b'), world)
    expect(cut(20_499, 'e')).toBe('answered')
    expect(cut(20_500, 'f')).toBe('captured')
    ranThere(one, 'large', 150, 200, 0, 20_900)
    expect([cut(20_901, 'g'), cut(20_902, 'h')]).toEqual(['captured', 'captured'])
  })

  test('after a failure the message is decided anew: with what is left of its time, without what failed', () => {
    const one = learned()
    const first = plan(one, within(600))
    expect(first).toMatchObject({ model: 'large', cut: 'captured' })
    const tried = [{ plan: first, error: 'refused' as const, retryAfter: 10 }]
    const next = plan(one, request({ deadline: 600, elapsed: 200, remaining: 400, attempt: 2, tried }))
    // .8 · (400 − 50) = 280 ms: middle over there takes 240.
    expect(next).toMatchObject({ model: 'middle', cut: 'captured' })
    const last = plan(one, request({ elapsed: 450, remaining: 150, attempt: 3, tried: [...tried, { plan: next }] }))
    expect(last).toMatchObject({ model: 'small', cut: 'answered' })
    expect(one.statistics()).toMatchObject({ redecided: 2 })
  })

  test('an attempt is given up with its message’s last millisecond: its target counts as timed out', () => {
    const one = learned()
    plan(one, within(490))
    one.observe?.({ ...failed('large', 'deadline-exceeded', 490), error: 'cancelled' }, world)
    expect(plan(one, within(490, 491)).cut).toBe('answered')
    const other = learned()
    plan(other, within(490))
    other.observe?.({ ...failed('large', 'deadline-exceeded', 200), error: 'cancelled' }, world)
    expect(plan(other, within(490, 201)).cut).toBe('captured')
  })

  test('counts the cold remotes that a model on this side made it needless to load', () => {
    const one = learned()
    one.observe?.({ ...failed('large', 'refused', 0), retryAfter: 1e6 }, world)
    plan(one, within(490, 1), { ...all, models: ['small', 'large'] })
    expect(one.statistics()).toEqual({ local: 1, remote: 0, redecided: 0, late: 0, loadsAvoided: 1 })
    plan(one, within(60, 2))
    expect(one.statistics()).toMatchObject({ late: 1, loadsAvoided: 1 })
  })

  test('a backup on this side starts so that it ends within the budget', () => {
    const stands = (backup: OffloadOptions['backup']) => {
      const { backups, backupAfter } = learned({ backup }).decide(
        request({ deadline: 600, elapsed: 40, remaining: 560 }),
        world,
        all,
      )
      return [backups, backupAfter]
    }
    const budget = 0.8 * (560 - 50)
    expect(stands('proactive')).toEqual([['model:small'], 40 + budget - 1.1 * 100])
    expect(stands('at-budget')).toEqual([['model:small'], 40 + budget])
    expect(stands('never')).toEqual([['none'], undefined])
    expect(stands('leave')).toEqual([all.backups, undefined])
    expect(learned().decide(within(60), world, all).backups).toEqual(['none'])
  })

  test('a remote model that nobody has run is given the benefit of the doubt, once', () => {
    const models = modelSet([
      { id: 'small', accuracy: 0.5, latencyMs: 20 },
      { id: 'large', accuracy: 0.9, latencyMs: 400 },
    ])
    const one = offload({ models })
    ranHere(one, 'small', 20)
    const from: Menu = { ...all, models: models.ids, backups: ['none'] }
    // .8 · (350 − 50) = 240 ms: less than the catalogue says that large takes, more than a third of it.
    expect(plan(one, within(350), from)).toMatchObject({ model: 'large', cut: 'captured' })
    ranThere(one, 'large', 400, 20)
    expect(plan(one, within(350), from)).toMatchObject({ model: 'small', cut: 'answered' })
  })

  test('a target of its own is known by itself', () => {
    const one = learned()
    const targets = ['node:near', 'node:far'] as const
    const far = { at: 'captured', bytes: 1e6, node: 'far' } as const
    const near = { ...far, node: 'near' } as const
    for (let i = 0; i < 5; i++) {
      for (const [target, crossing, transfer] of [
        ['node:near', near, 50],
        ['node:far', far, 900],
      ] as const) {
        const ran = outcome(
          { model: 'large', cut: 'captured', target },
          { execute: 150, transfer },
          { crossing, id: 'x' },
        )
        one.observe?.(ran, world)
      }
    }
    expect(plan(one, within(490), { ...remote, models: ['large'], targets })).toMatchObject({ target: 'node:near' })
  })

  test('with an old estimate of its own it believes what the pipeline knows of the link', async () => {
    const clock = manualClock()
    const known = new World(clock)
    const one = learned()
    const pick = (now: number) => one.decide(within(490, now), known, all).models[0]
    known.set('link', { uplink: 1e5, rtt: 500 }, 'probe')
    expect(pick(0)).toBe('large')
    await clock.advance(6000)
    known.set('link', { uplink: 1e5, rtt: 500 }, 'probe')
    expect(pick(6000)).toBe('small')
  })

  test('the published estimate of the network: round trip and rate, each halfway to the newest', () => {
    const one = offload({ models: three, network: 'published' })
    const crossed = (bytes: number, transfer: number) =>
      one.observe?.(
        outcome({ model: 'large', cut: 'captured' }, { execute: 0, transfer }, { crossing: { at: 'captured', bytes } }),
        world,
      )
    crossed(100, 40)
    crossed(100, 60)
    crossed(1e6, 1050)
    crossed(1e6, 300)
    // RTT 50 ms; 1 MB in 1,000 ms, then in 250: a rate of 2.5 kB/ms.
    one.decide(request({ bytes: 5e5 }), world, remote)
    const large = one.explain?.()?.weighed.find(({ choice }) => choice.model === 'large')
    expect(large?.ms).toBeCloseTo(50 + 5e5 / 2500, 6)
  })

  test('a more accurate model that was slow once is tried again after a while', () => {
    const one = learned({ tryEvery: 20 })
    for (let i = 0; i < 3; i++) ranThere(one, 'large', 5000, 200)
    const picked = Array.from({ length: 25 }, () => plan(one, within(600), remote).model)
    expect(picked[0]).toBe('middle')
    expect(picked.filter((model) => model === 'large')).toHaveLength(1)
  })

  test('in the cloud it chooses among the models there, leaving time for the way down', () => {
    const one = decider()
    one.open?.({ side: 'cloud', models: three })
    for (const [model, execute] of Object.entries({ small: 10, middle: 40, large: 150 })) {
      one.observe?.(outcome({ model }, { execute }, { side: 'cloud', id: 'x' }), world)
    }
    const pick = (down: number) => {
      const asked = request({ side: 'cloud', deadline: 400, elapsed: 100, remaining: 300, way: { up: 100, down } })
      return one.decide(asked, world, { ...all, cuts: ['captured'], backups: ['none'] })
    }
    expect(pick(20)).toEqual({ ...all, models: ['large'], cuts: ['captured'], backups: ['none'] })
    expect(pick(100).models).toEqual(['middle'])
  })

  test('weighs every endpoint, and says which it chose and why', () => {
    const one = learned()
    one.decide(within(490), world, all)
    const { weighed = [], chosen = -1, why } = one.explain?.() ?? {}
    expect(weighed).toHaveLength(6)
    expect(weighed[chosen]).toMatchObject({ choice: { model: 'large', cut: 'captured', target: 'any' }, propensity: 1 })
    expect(weighed.reduce((sum, { propensity }) => sum + propensity, 0)).toBe(1)
    expect(why).toBe('the most accurate within the budget')
  })

  test('whatever happened: never off the menu, and within the budget where anything is', () => {
    const subset = <T>(of: readonly T[]) => fc.subarray([...of], { minLength: 1 })
    const errors = ['refused', 'no-responders', 'deadline-exceeded', 'executor-lost', 'cancelled', undefined] as const
    const event = fc.record({
      models: subset(three.ids),
      cuts: subset(['captured', 'prepared', 'answered'] as const),
      targets: subset(['any', 'node:a'] as const),
      backups: subset(['none', 'model:small', 'last'] as const),
      left: fc.double({ min: -100, max: 5000, noNaN: true }),
      took: fc.double({ min: 0, max: 5000, noNaN: true }),
      load: fc.double({ min: 0, max: 2000, noNaN: true }),
      pause: fc.integer({ min: 0, max: 20_000 }),
      error: fc.constantFrom(...errors),
      forget: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), fc.constantFrom('ours', 'published'), (events, kind) => {
        const one = offload({ models: three, network: kind as 'ours' })
        let now = 0
        for (const [
          i,
          { models, cuts, targets, backups, left, took, load, pause, error, forget },
        ] of events.entries()) {
          now += pause
          const before: Menu = { ...all, models, cuts, targets, backups }
          const asked = { ...within(left, now), id: `m${i}` }
          const after = one.decide(asked, world, before)
          for (const field of ['models', 'cuts', 'encodings', 'targets', 'backups'] as const) {
            expect(after[field].length).toBeGreaterThan(0)
            for (const choice of after[field]) expect(before[field]).toContain(choice)
          }
          const { weighed = [], chosen = -1, why } = one.explain?.() ?? {}
          const budget = 0.8 * (left - 50)
          if (why?.startsWith('the most')) expect(weighed[chosen]?.ms).toBeLessThanOrEqual(budget)
          else if (why?.startsWith('none')) expect(weighed.every(({ ms = 0 }) => ms > budget)).toBe(true)
          if (forget) continue
          const chosenPlan = { model: after.models[0] as string, cut: after.cuts[0], target: after.targets[0] } as Plan
          const crossing = chosenPlan.cut === 'answered' ? undefined : { at: chosenPlan.cut as 'captured', bytes: 1e6 }
          one.observe?.(
            error === undefined
              ? outcome(chosenPlan, { execute: took + load, load, transfer: took }, { id: asked.id, now, crossing })
              : outcome(chosenPlan, {}, { id: asked.id, now, kind: 'failure', error, onTime: false }),
            world,
          )
        }
        const { local: here, remote: there } = one.statistics()
        expect(here + there).toBe(events.length)
      }),
      { numRuns: 300, seed: 11 },
    )
  })

  test('decides the same after a restore, but for models that are gone', () => {
    const one = learned()
    ranThere(one, 'large', 150, 200, 700, 5000)
    const two = decider()
    const saved: unknown = JSON.parse(JSON.stringify(one.save?.()))
    two.restore?.(saved)
    for (const ms of [60, 345, 485, 490, 3000]) expect(plan(two, within(ms))).toEqual(plan(one, within(ms)))
    offload({ models: modelSet([{ id: 'other', accuracy: 1 }]) }).restore?.(saved)
    expect(() => two.restore?.({ version: 1 })).toThrow(BadConfiguration)
  })

  test('leaves a menu alone that holds nothing it decides about', () => {
    const layers: Menu = { ...all, cuts: ['after:*'] }
    expect(decider().decide(within(100), world, layers)).toBe(layers)
  })

  test('says what to do without models, and about a model it does not know', () => {
    expect(() => offload().open?.({ side: 'device', models: undefined })).toThrow(BadConfiguration)
    expect(() => decider().decide(within(100), world, { ...all, models: ['nobody'] })).toThrow(UnknownModel)
  })

  test.each([
    { safety: 0 },
    { margin: -1 },
    { quantile: 1 },
    { coldFor: Number.NaN },
    { tryEvery: 0 },
    { minAccuracy: 2 },
  ])('refuses %o', (options) => {
    expect(() => decider(options)).toThrow(BadConfiguration)
  })
})
