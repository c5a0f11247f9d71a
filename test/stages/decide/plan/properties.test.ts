import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  anyLayer,
  BadConfiguration,
  type Cut,
  type Menu,
  type Plan,
  rank,
  type Weighed,
} from '../../../../pipeline/index.ts'
import { type Planner, type PlannerOptions, plan } from '../../../../stages/index.ts'
import { request } from '../support.ts'
import { Environment, everything, planOf, type Truth, usual } from './environment.ts'

const some = <T>(all: readonly T[]) => fc.subarray([...all], { minLength: 1 })

const menus: fc.Arbitrary<Menu> = fc
  .record({
    models: some(everything.models),
    cuts: some<Cut>(['captured', 'prepared', anyLayer, 'after:early', 'answered']),
    encodings: some(['jpeg', 'webp', 'raw', 'tensor', 'float16', 'uint8+deflate']),
    targets: some<Menu['targets'][number]>(['any', 'node:edge', 'node:far']),
    backups: some<Menu['backups'][number]>(['none', 'model:tiny', 'last']),
    lastAge: fc.constantFrom(undefined, 40),
  })
  // A menu of layers alone needs a model that has some.
  .filter(({ models, cuts }) => cuts.some((cut) => rank(cut) !== 2) || models.some((model) => model !== 'tiny'))
  .map(({ lastAge, ...menu }) => (lastAge === undefined ? menu : { ...menu, lastAge }))

const leaves = fc.constantFrom(
  ...(['anything', 'prepared', 'features', 'nothing', { after: 'early' }, { after: 'late' }] as const),
)

const limits = fc.record(
  {
    accuracy: fc.double({ min: 0, max: 1, noNaN: true }),
    energy: fc.double({ min: 0, max: 3000, noNaN: true }),
    money: fc.double({ min: 0, max: 0.5, noNaN: true }),
    bytes: fc.integer({ min: 0, max: 1_000_000 }),
  },
  { requiredKeys: [] },
)

const goals = fc.constantFrom<NonNullable<PlannerOptions['goal']>>(
  'utility',
  { atLeast: 0.9 },
  { profile: 'fast' },
  { profile: 'accurate' },
  { profile: 'frugal' },
)

const truths: fc.Arbitrary<Truth> = fc
  .record({
    device: fc.double({ min: 0.2, max: 5, noNaN: true }),
    cloud: fc.double({ min: 0.05, max: 2, noNaN: true }),
    base: fc.double({ min: 5, max: 400, noNaN: true }),
    byte: fc.double({ min: 1e-5, max: 0.02, noNaN: true }),
  })
  .map((truth) => ({ ...usual, ...truth }))

const asked = fc.record({
  bytes: fc.integer({ min: 1000, max: 3_000_000 }),
  deadline: fc.constantFrom(30, 150, 300, 1000, Number.POSITIVE_INFINITY),
})

const money = { request: 1e-4, gigabyte: 0.1 }
const never = { every: Number.POSITIVE_INFINITY }

/** What was learned of a world in thirty messages. */
function trained(truth: Truth, seed: number): { env: Environment; learned: unknown } {
  const env = new Environment(truth, seed)
  const decider = plan({ models: env.models, random: env.random })
  for (let i = 0; i < 30; i++) env.message(decider)
  return { env, learned: decider.save?.() }
}

function planner(env: Environment, learned: unknown, options: PlannerOptions): Planner {
  const decider = plan({ models: env.models, random: env.random, money, ...options })
  decider.restore?.(learned)
  return decider
}

function chosenOf(decider: Planner): Weighed {
  const { weighed, chosen } = decider.explain?.() ?? { weighed: [], chosen: 0 }
  return weighed[chosen] as Weighed
}

/**
 * The menus that are one arm each. An encoding of activations alone would leave a prepared picture to its stage's JPEG,
 * which is no arm of a menu that names how pictures may be written.
 */
function* singles(menu: Menu): Generator<Menu> {
  const pictures = menu.encodings.filter((encoding) => everything.encodings.includes(encoding))
  for (const model of menu.models)
    for (const cut of menu.cuts)
      for (const encoding of cut === 'prepared' && pictures.length > 0 ? pictures : menu.encodings)
        for (const target of menu.targets)
          for (const backup of menu.backups)
            yield { ...menu, models: [model], cuts: [cut], encodings: [encoding], targets: [target], backups: [backup] }
}

function keeps(
  { accuracy = 1, energy = 0, money = 0, bytes = 0 }: Weighed,
  within: NonNullable<PlannerOptions['limits']>,
): boolean {
  return (
    accuracy >= (within.accuracy ?? 0) &&
    energy <= (within.energy ?? Number.POSITIVE_INFINITY) &&
    money <= (within.money ?? Number.POSITIVE_INFINITY) &&
    bytes <= (within.bytes ?? Number.POSITIVE_INFINITY)
  )
}

function mayCross(cut: Cut, allowed: NonNullable<PlannerOptions['leaves']>): boolean {
  if (cut === 'answered' || allowed === 'anything') return true
  if (allowed === 'prepared') return cut !== 'captured'
  if (allowed === 'features') return rank(cut) === 2
  if (allowed === 'nothing') return false
  return cut === 'after:late' || (allowed.after === 'early' && cut === 'after:early')
}

function onMenu(chosen: Plan, menu: Menu): void {
  if (chosen.model === '@last') {
    expect(menu.lastAge).toBeDefined()
    expect(menu.cuts).toContain('answered')
  } else expect(menu.models).toContain(chosen.model)
  const cut = chosen.cut as Cut
  expect(menu.cuts.includes(cut) || (rank(cut) === 2 && menu.cuts.includes(anyLayer))).toBe(true)
  expect(cut).not.toBe(anyLayer)
  if (chosen.encoding) expect(menu.encodings).toContain(chosen.encoding)
  if (chosen.target) expect(menu.targets).toContain(chosen.target)
  if (chosen.backup) expect(menu.backups).toContain(chosen.backup)
}

test('what it chooses is on the menu, may leave the device, and keeps the limits wherever any arm does', () => {
  const cases = fc.record({ truth: truths, menu: menus, leaves, limits, goal: goals, asked, seed: fc.nat(1000) })
  fc.assert(
    fc.property(cases, ({ truth, menu, leaves, limits, goal, asked, seed }) => {
      const { env, learned } = trained(truth, seed)
      const options = { leaves, limits, goal, tries: never, cascade: false }
      const decider = planner(env, learned, options)
      const message = request({ ...asked, remaining: asked.deadline, now: env.now })
      let chosen: Plan
      try {
        chosen = planOf(decider.decide(message, env.world, menu))
      } catch (error) {
        expect(error).toBeInstanceOf(BadConfiguration)
        const possible = menu.cuts.includes('answered') || leaves === 'anything'
        expect(possible).toBe(false)
        return
      }
      onMenu(chosen, menu)
      expect(mayCross(chosen.cut as Cut, leaves)).toBe(true)
      const own = chosenOf(decider)
      if (keeps(own, limits)) return
      for (const single of singles(menu)) {
        const alone = planner(env, learned, options)
        try {
          alone.decide(message, env.world, single)
        } catch {
          continue
        }
        if (alone.explain?.()?.why === undefined) expect.fail('an arm keeps the limits that the choice breaks')
      }
    }),
    { numRuns: 150 },
  )
})

test('its choice is worth as much as the best of all arms, weighed one by one', () => {
  const cases = fc.record({ truth: truths, menu: menus, asked, seed: fc.nat(1000), lambda: fc.constantFrom(0, 2e-4) })
  fc.assert(
    fc.property(cases, ({ truth, menu, asked, seed, lambda }) => {
      const { env, learned } = trained(truth, seed)
      const options = { tries: never, cascade: false, weights: { energy: lambda, money: 0.1 } }
      const joint = planner(env, learned, options)
      const message = request({ ...asked, remaining: asked.deadline, now: env.now })
      joint.decide(message, env.world, menu)
      let best = Number.NEGATIVE_INFINITY
      for (const single of singles(menu)) {
        // Each on its own, so that nothing is owed of the one before.
        const own = planner(env, learned, options)
        try {
          own.decide(message, env.world, single)
        } catch {
          continue
        }
        best = Math.max(best, chosenOf(own).utility ?? Number.NEGATIVE_INFINITY)
      }
      expect(chosenOf(joint).utility).toBeCloseTo(best, 9)
    }),
    { numRuns: 60 },
  )
})

test('utility is what the formula says of the figures it explains', () => {
  fc.assert(
    fc.property(truths, asked, fc.nat(1000), (truth, asked, seed) => {
      const { env, learned } = trained(truth, seed)
      const weights = { energy: 3e-4, money: 0.2 }
      const decider = planner(env, learned, { weights, tries: never, cascade: false })
      const message = request({ ...asked, remaining: asked.deadline, now: env.now })
      decider.decide(message, env.world, everything)
      for (const { onTime = 0, accuracy = 0, energy = 0, money = 0, utility = 0, ms = 0 } of decider.explain?.()
        ?.weighed ?? []) {
        const timeless = asked.deadline === Number.POSITIVE_INFINITY ? 1e-5 * ms : 0
        expect(utility).toBeCloseTo(onTime * accuracy - weights.energy * energy - weights.money * money - timeless, 9)
      }
    }),
    { numRuns: 50 },
  )
})

test('chances of choice sum to 1, tries included, and the chosen one had some', () => {
  fc.assert(
    fc.property(truths, menus, fc.nat(1000), (truth, menu, seed) => {
      const env = new Environment(truth, seed)
      const decider = plan({ models: env.models, random: env.random })
      for (let i = 0; i < 20; i++) {
        env.message(decider, { menu: { ...menu, targets: ['any'] } })
        const { weighed, chosen } = decider.explain?.() ?? { weighed: [], chosen: -1 }
        expect(weighed.reduce((sum, { propensity }) => sum + propensity, 0)).toBeCloseTo(1)
        expect(weighed[chosen]?.propensity).toBeGreaterThan(0)
        expect(weighed.length).toBeLessThanOrEqual(14)
      }
    }),
    { numRuns: 40 },
  )
})
