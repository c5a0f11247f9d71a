import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  anyLayer,
  type Cut,
  type Decider,
  type DecisionRequest,
  type Explanation,
  layerOf,
  type Menu,
  type Plan,
  rank,
} from '../../../pipeline/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { type Case, everyDecider } from './deciders.ts'
import { Environment, everything, usual } from './plan/environment.ts'
import { request } from './support.ts'

const some = <T>(all: readonly T[]) => fc.shuffledSubarray([...all], { minLength: 1 })

const menus: fc.Arbitrary<Menu> = fc
  .record({
    models: some(everything.models),
    cuts: some<Cut>(['captured', 'prepared', anyLayer, 'after:early', 'answered']),
    encodings: some(['jpeg', 'webp', 'raw', 'tensor', 'float16']),
    targets: some<Menu['targets'][number]>(['any', 'node:edge', 'node:far']),
    backups: some<Menu['backups'][number]>(['none', 'model:tiny', 'model:small', 'last']),
    lastAge: fc.constantFrom(undefined, 40),
  })
  // A menu of layers alone needs a model that has some.
  .filter(({ models, cuts }) => cuts.some((cut) => rank(cut) !== 2) || models.some((model) => model !== 'tiny'))
  // A last answer stands in only where there is one.
  .filter(({ lastAge, backups }) => lastAge !== undefined || backups.some((backup) => backup !== 'last'))
  .map(({ lastAge, backups, ...menu }) =>
    lastAge === undefined
      ? { ...menu, backups: backups.filter((backup) => backup !== 'last') }
      : { ...menu, backups, lastAge },
  )

const worlds = fc.record({
  seed: fc.nat(10_000),
  device: fc.double({ min: 0.2, max: 5, noNaN: true }),
  cloud: fc.double({ min: 0.05, max: 2, noNaN: true }),
  base: fc.double({ min: 5, max: 400, noNaN: true }),
  byte: fc.double({ min: 1e-5, max: 0.02, noNaN: true }),
  answers: fc.boolean(),
})

const asked = fc.record({
  bytes: fc.integer({ min: 100, max: 3_000_000 }),
  deadline: fc.constantFrom(30, 150, 300, 1000, Number.POSITIVE_INFINITY),
})

/** Later messages: further along the chain, below the wire, tried before, or with hardly any time left. */
const later = fc.record({
  side: fc.constantFrom('device' as const, 'cloud' as const),
  at: fc.constantFrom<Cut>('captured', 'prepared'),
  elapsed: fc.constantFrom(0, 29, 140, 2000),
  tried: fc.constantFrom<DecisionRequest['tried']>(
    [],
    [{ plan: { model: 'small', cut: 'captured', target: 'any' }, error: 'node-lost' }],
    [{ plan: { model: 'tiny', cut: 'answered' }, score: 0.1 }],
  ),
})

/** What is open of a menu where a message stands so far along; undefined where nothing is for certain. */
function above(menu: Menu, at: Cut): Menu | undefined {
  const cuts = menu.cuts.filter((cut) => rank(cut) >= rank(at))
  return cuts.some((cut) => rank(cut) !== 2) ? { ...menu, cuts } : undefined
}

/** What is open below the wire: the model, and how what has crossed is prepared. */
function below({ models, encodings }: Menu, at: Cut): Menu {
  return { models, encodings, cuts: [at], targets: ['any'], backups: ['none'] }
}

const lists = { model: 'models', cut: 'cuts', encoding: 'encodings', target: 'targets', backup: 'backups' } as const
type Field = keyof typeof lists
const fields = Object.keys(lists) as Field[]

/** Whether a choice is on the menu; a layer's is if the menu has all layers, and a last answer's if there is one. */
function offered(menu: Menu, field: Field, choice: string): boolean {
  const all: readonly string[] = menu[lists[field]]
  if (all.includes(choice)) return true
  if (field === 'cut') return choice.startsWith('after:') && all.includes(anyLayer)
  return field === 'model' && choice === '@last' && menu.lastAge !== undefined && menu.cuts.includes('answered')
}

/** Encodings of activations are a decider's own where the menu names none. */
const own = new Set(['float32', 'float16', 'uint8', 'uint8+deflate', 'float16+deflate'])

function assertOn(menu: Menu, choice: Plan): void {
  for (const field of fields) {
    const value = choice[field]
    if (value === undefined || (field === 'encoding' && layerOf(choice.cut as Cut) && own.has(value))) continue
    expect(offered(menu, field, value), `${field} ${value} of ${JSON.stringify(menu)}`).toBe(true)
  }
}

function assertNarrowed(menu: Menu, after: Menu, env: Environment): void {
  const [cut, another] = after.cuts
  const layer = another === undefined && cut !== undefined ? layerOf(cut) : undefined
  for (const field of fields) {
    const left: readonly string[] = after[lists[field]]
    expect(left.length, `what is left of ${lists[field]}`).toBeGreaterThan(0)
    for (const choice of left) assertOn(menu, { [field]: choice, ...(field === 'encoding' ? { cut } : {}) } as Plan)
  }
  if (layer !== undefined && after.cuts !== menu.cuts) {
    expect(after.models).toHaveLength(1)
    expect(env.models.cuts?.(after.models[0] as string)).toContain(cut)
  }
  if (after.backupAfter !== undefined) expect(after.backupAfter).toBeGreaterThanOrEqual(0)
}

/** It says what it did, of choices that there were, with chances that sum to 1. */
function assertExplained({ weighed, chosen }: Explanation, menu: Menu, after: Menu): void {
  expect(weighed.reduce((sum, { propensity }) => sum + propensity, 0)).toBeCloseTo(1, 9)
  expect(weighed[chosen]?.propensity).toBeGreaterThan(0)
  for (const { choice } of weighed) assertOn(menu, choice)
  const { choice } = weighed[chosen] as { choice: Plan }
  for (const field of fields) if (choice[field] !== undefined) expect(after[lists[field]]).toEqual([choice[field]])
}

/** A decider whose every decision is judged. */
function judged(decider: Decider, one: Case, env: Environment): Decider {
  return {
    name: decider.name,
    decide(asked, world, menu) {
      const after = decider.decide(asked, world, menu)
      const explanation = decider.explain?.()
      if (!one.insists) assertNarrowed(menu, after, env)
      if (explanation && !one.insists) assertExplained(explanation, menu, after)
      const { weighed = [], chosen = 0 } = explanation ?? {}
      const { keeps } = one
      if (keeps && weighed.some((arm) => keeps(arm, asked.remaining))) {
        expect(keeps(weighed[chosen] as (typeof weighed)[number], asked.remaining), JSON.stringify(explanation)).toBe(
          true,
        )
      }
      return after
    },
    observe: (outcome, world) => decider.observe?.(outcome, world),
  }
}

describe('whatever it has learned, and whatever there is to choose from', () => {
  test.each(everyDecider.map((one) => [one.name, one] as const))(
    '%s chooses from the menu, leaves nothing empty, keeps its constraint where that is possible, and explains itself',
    (_name, one) => {
      const cases = fc.record({
        world: worlds,
        asked: fc.array(fc.tuple(menus, asked), { minLength: 1, maxLength: 5 }),
        repeat: fc.integer({ min: 1, max: 5 }),
        last: fc.tuple(menus, asked, later),
      })
      fc.assert(
        fc.property(
          cases,
          ({ world, asked, repeat, last: [menu, { bytes, deadline }, { elapsed, at, ...change }] }) => {
            const { seed, ...truth } = world
            const env = new Environment({ ...usual, ...truth }, seed)
            const made = one.make({ models: env.models, random: seededRandom(seed) })
            const decider = judged(made, one, env)
            for (const [open, message] of asked) {
              // Without an answer and without a deadline a message would never end.
              const deadline = world.answers ? message.deadline : Math.min(message.deadline, 1000)
              for (let n = 0; n < repeat; n++) env.message(decider, { ...message, menu: open, deadline })
              env.probe(decider)
            }
            const left = { elapsed, deadline, remaining: deadline - elapsed }
            const message = request({ bytes, at, now: env.now, ...left, ...change })
            const open = change.side === 'cloud' ? below(menu, at) : above(menu, at)
            if (open) decider.decide(message, env.world, open)
          },
        ),
        { numRuns: 25 },
      )
    },
  )

  test.each(everyDecider.filter(({ insists }) => insists).map((one) => [one.name, one] as const))(
    '%s chooses what it is told to, and leaves every other field as it is',
    (_name, one) => {
      fc.assert(
        fc.property(menus, (menu) => {
          const env = new Environment()
          const decider = one.make({ models: env.models, random: env.random })
          const after = decider.decide(request(), env.world, menu)
          const { weighed } = decider.explain?.() ?? { weighed: [] }
          const choice = weighed[0]?.choice ?? {}
          for (const field of fields) {
            expect(after[lists[field]]).toEqual(choice[field] === undefined ? menu[lists[field]] : [choice[field]])
          }
        }),
        { numRuns: 50 },
      )
    },
  )
})
