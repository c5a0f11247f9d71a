import { describe, expect, test } from 'vitest'
import { BadConfiguration, type Menu, type Plan } from '../../../../pipeline/index.ts'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { type Planner, type PlannerOptions, plan } from '../../../../stages/index.ts'
import { unmeasured } from '../../../../stages/manage/index.ts'
import { outcome, request } from '../support.ts'
import { Environment, everything, type Happened, planOf, usual } from './environment.ts'

const slow = { ...usual, byte: 0.02, base: 200 }

function planner(env: Environment, options: PlannerOptions = {}): Planner {
  return plan({ models: env.models, random: env.random, ...options })
}

function stream(env: Environment, decider: Planner, count: number, how = {}): Happened[] {
  return Array.from({ length: count }, () => env.message(decider, how))
}

const crossed = (messages: readonly Happened[]) => messages.filter(({ bytes }) => bytes > 0).length
const late = (messages: readonly Happened[]) => messages.filter(({ onTime }) => !onTime).length

describe('what it learns', () => {
  test('a link that turns slow drives it onto the device within ten messages, and a probe brings it back within ten', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const env = new Environment(usual, seed)
      const decider = planner(env)
      stream(env, decider, 100)
      expect(crossed(stream(env, decider, 20))).toBeGreaterThanOrEqual(18)
      env.truth = slow
      stream(env, decider, 10)
      const settled = stream(env, decider, 50)
      expect(late(settled)).toBeLessThanOrEqual(1)
      expect(crossed(settled)).toBeLessThanOrEqual(1)
      env.truth = usual
      env.now += 6000
      env.probe(decider)
      stream(env, decider, 10)
      const back = stream(env, decider, 20)
      expect(crossed(back)).toBeGreaterThanOrEqual(18)
      expect(late(back)).toBeLessThanOrEqual(1)
    }
  })

  test('in a world that stays as it is, it gives away little against who knows that world', () => {
    const truths = [
      usual,
      { ...usual, byte: 0.005 },
      { ...usual, device: 0.5, base: 80 },
      { ...usual, cloud: 2, device: 1 },
    ]
    for (const [seed, truth] of truths.entries()) {
      const env = new Environment(truth, seed + 1)
      const decider = planner(env)
      const random = seededRandom(seed)
      let [own, best] = [0, 0]
      for (let i = 0; i < 1000; i++) {
        const bytes = 100_000 + Math.round(random() * 900_000)
        const happened = env.message(decider, { bytes })
        if (i < 100) continue
        own += happened.onTime ? env.models.entry(happened.plan.model as string).accuracy : 0
        best += oracle(env, bytes, 300)
      }
      expect(own / best).toBeGreaterThan(0.94)
    }
  })

  test('after a million outcomes that are all the same, a step is still followed within ten', () => {
    const env = new Environment({ ...usual, noise: 0 })
    const decider = planner(env)
    stream(env, decider, 50)
    const settled = env.message(decider)
    expect(settled.bytes).toBeGreaterThan(0)
    const { device, transfer, cloud, tail, bytes } = env.steps(settled.plan, 500_000)
    const menu = only(settled.plan)
    const crossing = {
      at: settled.plan.cut as 'prepared',
      encoding: settled.plan.encoding as string,
      bytes,
      node: 'edge',
    }
    for (let i = 0; i < 1_000_000; i++) {
      env.now += 1
      const id = `same${i % 10}`
      if (i % 8 === 0)
        decider.decide(request({ id, now: env.now, bytes: 500_000, deadline: 300, remaining: 300 }), env.world, menu)
      const ms = device + transfer + cloud + tail
      env.now += ms
      const timings = { device, transfer, cloud, execute: tail }
      decider.observe?.(
        outcome(settled.plan, timings, { id, now: env.now, bytes: 500_000, latency: ms, crossing }),
        env.world,
      )
    }
    expect(crossed(stream(env, decider, 10))).toBe(10)
    env.truth = { ...slow, noise: 0 }
    stream(env, decider, 10)
    expect(crossed(stream(env, decider, 20))).toBe(0)
  }, 120_000)

  test('an edge that is left and found again is as it was known, another one starts fresh', () => {
    const env = new Environment(usual)
    const decider = planner(env, { tries: { every: Number.POSITIVE_INFINITY } })
    const onlyCloud = { menu: { ...everything, cuts: ['captured' as const] }, deadline: 2000 }
    stream(env, decider, 30, onlyCloud)
    const before = expected(decider)
    env.truth = { ...usual, base: 150, byte: 0.003, node: 'other' }
    stream(env, decider, 10, onlyCloud)
    expect(expected(decider)).toBeGreaterThan(2 * before)
    env.truth = usual
    stream(env, decider, 2, onlyCloud)
    expect(expected(decider) / before).toBeGreaterThan(0.7)
    expect(expected(decider) / before).toBeLessThan(1.4)
  })

  test('what was saved decides as what saved it', () => {
    const env = new Environment(usual)
    const tries = { every: Number.POSITIVE_INFINITY }
    const one = planner(env, { tries })
    stream(env, one, 100)
    const other = planner(env, { tries })
    other.restore?.(JSON.parse(JSON.stringify(one.save?.())))
    env.now += 60_000
    for (const bytes of [20_000, 200_000, 2_000_000]) {
      for (const deadline of [60, 150, 400]) {
        const asked = request({ bytes, deadline, remaining: deadline, now: env.now })
        const [a, b] = [one, other].map((decider) => planOf(decider.decide(asked, env.world, everything)))
        expect(b).toEqual(a)
      }
    }
    expect(() => other.restore?.({ version: 1, times: 1 })).toThrow(BadConfiguration)
  })
})

describe('tries', () => {
  test('send no more than their share of what was captured, after the first', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const env = new Environment({ ...usual, byte: 0.003 }, seed)
      const decider = planner(env)
      let tried = 0
      let captured = 0
      for (let i = 0; i < 500; i++) {
        const { bytes } = env.message(decider)
        const explained = decider.explain?.()
        captured += 500_000
        if (explained?.why === 'try') tried += bytes
      }
      expect(tried).toBeLessThanOrEqual(262_144 + 0.01 * captured)
    }
  })

  test('that nothing covers are not made where time does not allow', () => {
    const env = new Environment(slow)
    const decider = planner(env)
    env.probe(decider)
    expect(crossed(stream(env, decider, 100, { deadline: 150 }))).toBe(0)
  })
})

describe('what it may be told to want', () => {
  test('at least a chance: as accurate as it goes with that chance to be on time', () => {
    const env = new Environment(usual)
    const decider = planner(env, { goal: { atLeast: 0.9 }, tries: { every: Number.POSITIVE_INFINITY } })
    stream(env, decider, 60)
    env.message(decider)
    const { weighed = [], chosen = 0 } = decider.explain?.() ?? {}
    const own = weighed[chosen]
    expect(own?.onTime).toBeGreaterThanOrEqual(0.9)
    for (const { onTime = 0, accuracy = 0 } of weighed)
      if (onTime >= 0.9) expect(own?.accuracy).toBeGreaterThanOrEqual(accuracy)
  })

  test('a frugal profile spends less energy, a fast one less time, an accurate one is right more often', () => {
    const measured = (['fast', 'accurate', 'frugal'] as const).map((profile) => {
      const env = new Environment(usual, 3)
      const trained = planner(env)
      stream(env, trained, 150)
      const decider = planner(env, { goal: { profile }, tries: { every: Number.POSITIVE_INFINITY } })
      decider.restore?.(trained.save?.())
      env.message(decider)
      const { weighed = [], chosen = 0 } = decider.explain?.() ?? {}
      return weighed[chosen]
    })
    const [fast, accurate, frugal] = measured
    expect(fast?.ms).toBeLessThanOrEqual(Math.min(accurate?.ms ?? 0, frugal?.ms ?? 0))
    expect(frugal?.energy).toBeLessThanOrEqual(Math.min(accurate?.energy ?? 0, fast?.energy ?? 0))
    // As far as the model itself goes; how it is written costs some of it.
    expect(accurate?.accuracy).toBeGreaterThanOrEqual(0.9 * unmeasured)
    expect(accurate?.accuracy).toBeGreaterThanOrEqual(Math.max(fast?.accuracy ?? 1, frugal?.accuracy ?? 1))
  })

  test('the front holds the chosen arm of every profile, and nothing beats anything on it', () => {
    const env = new Environment(usual)
    const decider = planner(env)
    expect(decider.pareto()).toEqual([])
    stream(env, decider, 100)
    const front = decider.pareto()
    expect(front.length).toBeGreaterThan(1)
    const times = front.map(({ time }) => time)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    const asked = request({ bytes: 500_000, deadline: 300, remaining: 300, now: env.now })
    const given = decider.pareto({ request: asked, world: env.world, menu: only({ cut: 'answered', model: 'tiny' }) })
    expect(given.map(({ plan }) => plan.model)).toEqual(['tiny'])
    expect(decider.pareto()).toEqual(front)
  })

  test('a nearly empty battery makes energy dearer', () => {
    const spent = [1, 0.1].map((charge) => {
      const env = new Environment(usual, 2)
      const trained = planner(env)
      stream(env, trained, 100)
      env.world.set('battery', charge, 'test')
      const decider = planner(env, { weights: { energy: 4e-4 }, tries: { every: Number.POSITIVE_INFINITY } })
      decider.restore?.(trained.save?.())
      env.message(decider)
      const { weighed = [], chosen = 0 } = decider.explain?.() ?? {}
      return weighed[chosen]?.energy ?? 0
    })
    expect(spent[1]).toBeLessThan(spent[0] as number)
  })

  test('a stream that the best way cannot keep up with is spread, and one that it can is not', () => {
    const models = (gap: number) => {
      const env = new Environment({ ...usual, answers: false }, 5)
      const decider = planner(env, { leaves: 'nothing', weights: { debt: 20 } })
      const counts = new Map<string, number>()
      for (let i = 0; i < 100; i++) {
        const asked = request({ id: `f${i}`, bytes: 100_000, deadline: 500, remaining: 500, now: i * gap })
        const chosen = planOf(decider.decide(asked, env.world, everything))
        const ms = env.expected(chosen, 100_000)
        const timings = { device: 4, execute: ms - 4 }
        decider.observe?.(outcome(chosen, timings, { id: `f${i}`, now: i * gap + ms, bytes: 100_000 }), env.world)
        counts.set(chosen.model as string, (counts.get(chosen.model as string) ?? 0) + 1)
      }
      return counts
    }
    const easy = models(1000)
    const busy = models(60)
    expect(easy.get('medium') ?? 0).toBeGreaterThan(80)
    expect(busy.get('medium') ?? 0).toBeLessThan(50)
  })
})

describe('stand-ins', () => {
  const backed: Menu = { ...everything, backups: ['none', 'model:tiny'] }

  test('a backup is planned where the cloud may be late, and starts no later than it is still surely done', () => {
    const env = new Environment({ ...usual, noise: 0.6, byte: 0.003 })
    const decider = planner(env)
    stream(env, decider, 20, { menu: only({ model: 'tiny', cut: 'answered' }) })
    stream(env, decider, 200, { menu: { ...backed, models: ['tiny', 'large'] } })
    const asked = request({ id: 'x', bytes: 500_000, deadline: 300, remaining: 300, now: env.now })
    const chosen = planOf(decider.decide(asked, env.world, { ...backed, models: ['large'], cuts: ['prepared'] }))
    expect(chosen.backup).toBe('model:tiny')
    expect(chosen.backupAfter).toBeLessThanOrEqual(300 - env.expected({ model: 'tiny', cut: 'answered' }, 500_000))
    expect(chosen.backupAfter).toBeGreaterThan(0)
  })

  test('of the last answer only streams that stay the same make much', () => {
    const kept = ['same', 'changing'].map((kind) => {
      const env = new Environment(usual, 4)
      const decider = planner(env, { weights: { energy: 6e-4 }, tries: { every: Number.POSITIVE_INFINITY } })
      for (let i = 0; i < 300; i++) env.message(decider, { gap: 100, label: kind === 'same' ? 'cat' : String(i) })
      let again = 0
      for (let i = 0; i < 40; i++) {
        const { plan } = env.message(decider, {
          menu: { ...everything, lastAge: 100 },
          gap: 100,
          label: kind === 'same' ? 'cat' : `x${i}`,
        })
        if (plan.model === '@last') again++
      }
      return again
    })
    expect(kept[0]).toBeGreaterThan(20)
    expect(kept[1]).toBe(0)
  })

  test('a small model is asked first where its score tells whether it is right, and the next attempt asks another', () => {
    const env = new Environment({ ...usual, base: 150, noise: 0.05 }, 6)
    const decider = planner(env, {
      cascade: true,
      weights: { energy: 3e-4, debt: 0 },
      tries: { every: Number.POSITIVE_INFINITY },
    })
    const random = seededRandom(8)
    const small = { model: 'small', cut: 'answered' } as const
    // Its sure answers are confirmed by the large model, its unsure ones are not.
    for (let i = 0; i < 300; i++) {
      const sure = random() < 0.75
      const id = `c${i}`
      env.now += 400
      decider.decide(request({ id, now: env.now, bytes: 100_000 }), env.world, only(small))
      const small1 = { id, now: env.now + 64, bytes: 100_000, score: sure ? 0.95 : 0.45, label: 'a', settled: false }
      decider.observe?.(outcome(small, { device: 4, execute: 60 }, small1), env.world)
      const large = { model: 'large', cut: 'captured' } as const
      const large1 = { ...small1, attempt: 2, now: env.now + 400, score: 0.9, label: sure ? 'a' : 'b', settled: true }
      const timings = { transfer: 230, cloud: 1, execute: 50 }
      decider.observe?.(outcome(large, timings, { ...large1, crossing: { node: 'edge', bytes: 100_000 } }), env.world)
    }
    const asked = request({ id: 'x', bytes: 100_000, deadline: 1500, remaining: 1500, now: env.now + 400 })
    const first = planOf(decider.decide(asked, env.world, everything))
    expect(first.accept).toBeGreaterThanOrEqual(0.5)
    expect(decider.explain?.()?.why).toBe('cascade')
    const again = { ...asked, attempt: 2, elapsed: 70, remaining: 1430, tried: [{ plan: first, score: 0.4 }] }
    const second = planOf(decider.decide(again, env.world, everything))
    expect(second.model).not.toBe(first.model)
    expect(second.accept).toBeUndefined()
  })
})

describe('where it stands', () => {
  test('below the wire it chooses the model alone, within the time that is left', () => {
    const env = new Environment()
    const decider = planner(env)
    const menu: Menu = {
      models: everything.models,
      cuts: ['prepared'],
      encodings: ['jpeg'],
      targets: ['any'],
      backups: ['none'],
    }
    const ask = (remaining: number) => {
      const asked = request({ side: 'cloud', at: 'prepared', remaining, deadline: 1000, way: { up: 50, down: 20 } })
      return decider.decide(asked, env.world, menu)
    }
    expect(ask(1000).models).toEqual(['large'])
    expect(ask(1000).cuts).toEqual(['prepared'])
    expect(ask(60).models).toEqual(['tiny'])
  })

  test('without a deadline it takes the most accurate that does not take for ever', () => {
    const env = new Environment()
    const decider = planner(env, { tries: { every: Number.POSITIVE_INFINITY } })
    const asked = request({ deadline: Number.POSITIVE_INFINITY, remaining: Number.POSITIVE_INFINITY })
    expect(planOf(decider.decide(asked, env.world, everything)).model).toBe('large')
  })

  test('a menu that leaves nothing open is left as it is chosen, and one without models untouched', () => {
    const env = new Environment()
    const decider = planner(env)
    const none: Menu = { ...everything, models: [] }
    expect(decider.decide(request(), env.world, none)).toBe(none)
    const one = only({ model: 'tiny', cut: 'captured' })
    expect(planOf(decider.decide(request(), env.world, one))).toMatchObject({ model: 'tiny', cut: 'captured' })
  })

  test('bad options are named', () => {
    expect(() => plan({ limits: { accuracy: 2 } })).toThrow(/limits.accuracy/)
    expect(() => plan({ goal: { atLeast: -1 } })).toThrow(BadConfiguration)
  })
})

/** A menu with one choice in each field. */
function only({ model = 'tiny', cut = 'captured', encoding = 'jpeg' }: Plan): Menu {
  return { models: [model], cuts: [cut], encodings: [encoding], targets: ['any'], backups: ['none'] }
}

function expected(decider: Planner): number {
  const { weighed = [], chosen = 0 } = decider.explain?.() ?? {}
  return weighed[chosen]?.ms ?? Number.NaN
}

/** The most that can be right and on time, by one who knows the world but not the noise. */
function oracle(env: Environment, bytes: number, deadline: number): number {
  let best = 0
  for (const model of everything.models) {
    const cuts = ['captured', 'answered', ...(env.models.cuts?.(model) ?? [])] as const
    const plans: Plan[] = cuts.map((cut) => ({ model, cut }))
    plans.push(...everything.encodings.map((encoding): Plan => ({ model, cut: 'prepared', encoding })))
    for (const one of plans) {
      const { device, transfer, cloud, head, tail } = env.steps(one, bytes)
      const spread = env.truth.noise * Math.hypot(device, transfer, cloud, head, tail)
      const far = (deadline - env.expected(one, bytes)) / spread
      best = Math.max(best, env.models.entry(model).accuracy / (1 + Math.exp(-1.702 * far)))
    }
  }
  return best
}
