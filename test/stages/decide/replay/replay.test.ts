import { describe, expect, test } from 'vitest'
import { type Cut, type Decider, fixed, inCloud, type Outcome, onDevice } from '../../../../pipeline/index.ts'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import {
  type Estimate,
  explore,
  type LogEntry,
  type LoggedDecision,
  logged,
  place,
  type ReplayedPolicy,
  replay,
  select,
} from '../../../../stages/index.ts'
import { menu, modelSet, outcome, request, world } from '../support.ts'
import { deadline, log, picture, took, truth } from './world.ts'

const models = modelSet([
  { id: 'a', accuracy: 0.5, latencyMs: 5 },
  { id: 'b', accuracy: 0.9, latencyMs: 20 },
])

/** Sends pictures below so many bytes as they are. */
const below = (bytes: number): Decider => ({
  name: `below ${bytes}`,
  decide: (asked, _world, given) => ({ ...given, cuts: [asked.bytes < bytes ? 'captured' : 'prepared'] }),
})

async function one(entries: Iterable<readonly LogEntry[]>, policy: Decider | Decider[], seed = 1) {
  const report = await replay(entries, [policy].flat(), { random: seededRandom(seed), models })
  return report.policies[0] as ReplayedPolicy
}

describe('what a replay estimates', () => {
  const policies: readonly (readonly [string, Decider, (bytes: number) => Cut])[] = [
    ['a policy that sends all as it is', inCloud(), () => 'captured'],
    ['a policy that prepares all', onDevice(), () => 'prepared'],
    ['a policy by size', below(3e5), (bytes) => (bytes < 3e5 ? 'captured' : 'prepared')],
  ]

  test.each(policies)('holds the truth about %s in nine of ten intervals and more', async (_name, policy, cut) => {
    const real = truth(cut, seededRandom(99))
    const held = { ips: 0, snips: 0, dr: 0 }
    const seeds = 40
    for (let seed = 1; seed <= seeds; seed++) {
      const found = await one(log(800, seededRandom(seed)), policy, seed)
      for (const estimator of ['ips', 'snips', 'dr'] as const) {
        for (const metric of ['onTime', 'latency', 'bytes'] as const) {
          const estimate = found.metrics[metric][estimator]
          // What never varies has an interval of no width.
          const slack = 1e-9 * real[metric]
          if (estimate && estimate.low - slack <= real[metric] && real[metric] <= estimate.high + slack)
            held[estimator]++
        }
      }
    }
    // Nominally 95 %; three metrics of one log are not independent.
    for (const count of Object.values(held)) expect(count / (3 * seeds)).toBeGreaterThanOrEqual(0.9)
  })

  test('is off where agreement goes with easy decisions, unless they are weighted', async () => {
    const real = truth(() => 'captured', seededRandom(99))
    const { metrics } = await one(log(20_000, seededRandom(5)), inCloud())
    const { matched, snips, dr } = metrics.latency
    expect(matched?.high).toBeLessThan(real.latency * 0.9)
    expect(Math.abs((snips?.value ?? 0) - real.latency)).toBeLessThan(0.03 * real.latency)
    expect(Math.abs((dr?.value ?? 0) - real.latency)).toBeLessThan(0.03 * real.latency)
  })

  test('is sharper with a model of the rewards than with weights alone', async () => {
    const { latency } = (await one(log(5000, seededRandom(6)), below(3e5))).metrics
    const width = ({ low, high }: { low: number; high: number } = { low: 0, high: 0 }) => high - low
    expect(width(latency.dr)).toBeLessThan(0.5 * width(latency.ips))
  })

  test('of the policy that wrote the log is what it had', async () => {
    const entries = [...log(3000, seededRandom(7))]
    const same = entries.map(([decision]) => (decision as LoggedDecision).left.cuts?.[0] as Cut)
    let next = 0
    const policy: Decider = { name: 'same', decide: (_r, _w, given) => ({ ...given, cuts: [same[next++] as Cut] }) }
    const found = await one(entries, policy)
    expect(found).toMatchObject({ decisions: 3000, agreed: 3000 })
    expect(found.metrics.latency.matched).toEqual(found.metrics.latency.logged)
  })

  test('counts a failure as a missed deadline, and an answer by the accuracy of its model', async () => {
    const entries = [...log(200, seededRandom(8))].map(([decision, came]): LogEntry[] => [
      decision as LogEntry,
      { ...(came as Outcome & LogEntry), kind: 'failure', onTime: false, latency: 3, score: undefined } as LogEntry,
    ])
    const failed = (await one(entries, below(3e5))).metrics
    expect(failed.latency.logged).toEqual({ value: deadline, low: deadline, high: deadline })
    expect(failed.accuracy.logged?.value).toBe(0)
    const fine = (await one(log(200, seededRandom(8)), below(3e5))).metrics
    expect(fine.accuracy.logged?.value).toBeCloseTo(0.5 * (fine.onTime.logged?.value ?? 0), 12)
  })
})

describe('a replay refuses to weigh', () => {
  test('where the log could not have chosen as the policy does', async () => {
    const entries = [...log(500, seededRandom(1))].map(([decision, came]): LogEntry[] => {
      const { explanations, ...rest } = decision as LoggedDecision
      const certain = explanations.map((one) => ({
        ...one,
        weighed: one.weighed.map((arm, i) => ({ ...arm, propensity: i === one.chosen ? 1 : 0 })),
      }))
      return [{ ...rest, explanations: certain } as LogEntry, came as LogEntry]
    })
    const found = await one(entries, inCloud())
    expect(found.refused).toContain('could not have chosen')
    expect(found.metrics.onTime).toMatchObject({ ips: undefined, snips: undefined, dr: undefined })
    expect(found.metrics.onTime.matched).toBeDefined()
  })

  test('where the log does not say with which chance', async () => {
    expect((await one(log(500, seededRandom(1), false), inCloud())).refused).toContain('does not say')
    // The logged decider weighs the cut alone: of what it leaves open nothing is known, and that is named.
    const found = await one(log(500, seededRandom(1)), fixed({ cut: 'captured', encoding: 'raw' }))
    expect(found.refused).toContain('would have chosen this encoding: log deciders that choose it')
  })

  test('where the log hardly ever chose as the policy does', async () => {
    expect((await one(log(20, seededRandom(1)), inCloud())).refused).toContain('too seldom')
  })
})

describe('a replayed policy', () => {
  test('learns in the order of time, from outcomes of what was really done alone', async () => {
    const seen: string[] = []
    const policy: Decider = {
      name: 'listening',
      decide(asked, _world, given) {
        seen.push(`? ${asked.id}`)
        return { ...given, cuts: ['answered'] }
      },
      observe: ({ id, plan }) => void seen.push(`${id} ${plan.cut}`),
    }
    const [[d0, o0], [d1, o1]] = [...log(2, seededRandom(2))] as LogEntry[][] as [LogEntry[], LogEntry[]]
    await one([[d0, d1, o1, o0] as LogEntry[]], policy)
    const cut = (entry: LogEntry | undefined) => (entry as Outcome & LogEntry as Outcome).plan.cut
    expect(seen).toEqual(['? m0', '? m1', `m1 ${cut(o1)}`, `m0 ${cut(o0)}`])
  })

  test('sees the world as it was, with the age that its facts had', async () => {
    const ages: number[] = []
    const policy: Decider = {
      name: 'looking',
      decide(_asked, known, given) {
        ages.push(known.age('link'), known.value('link')?.uplink ?? 0)
        return given
      },
    }
    const entries = [...log(2, seededRandom(2))].map(([decision, came]): LogEntry[] => [
      { ...(decision as LoggedDecision), world: { link: { value: { uplink: 5e6 }, age: 70, owner: 'wire' } } },
      came as LogEntry,
    ])
    await one(entries, policy)
    expect(ages).toEqual([70, 5e6, 70, 5e6])
  })

  test('that throws is counted, and leaves the others what they were', async () => {
    const broken: Decider = {
      name: 'broken',
      decide() {
        throw new Error('no')
      },
    }
    const { policies } = await replay(log(100, seededRandom(3)), [broken, inCloud()], { random: seededRandom(1) })
    expect(policies.map(({ faults, decisions }) => [faults, decisions])).toEqual([
      [100, 0],
      [0, 100],
    ])
    expect(policies[0]?.refused).toContain('no decision')
  })

  test('says which arms it took, and how often the log had done the same', async () => {
    const { arms, decisions, agreed } = await one(log(1000, seededRandom(4)), below(3e5))
    expect(arms.map(({ choice }) => choice.cut)).toEqual(['prepared', 'captured'])
    expect(arms.reduce((sum, arm) => sum + arm.decisions, 0)).toBe(decisions)
    expect(arms.reduce((sum, arm) => sum + arm.agreed, 0)).toBe(agreed)
  })
})

describe('a replayed log', () => {
  test('may miss outcomes, decisions and entries: they are counted, and change nothing else', async () => {
    const entries = [...log(100, seededRandom(3))]
    const torn = entries.map(([decision, came], i): LogEntry[] =>
      i === 10 ? [decision as LogEntry] : i === 20 ? [came as LogEntry] : ([decision, came] as LogEntry[]),
    )
    const report = await replay([...torn, [{ version: 1, type: 'lost', entries: 2 }]], [inCloud()])
    expect(report).toMatchObject({ decisions: 99, unanswered: 1, undecided: 1, policies: [{ decisions: 98 }] })
  })

  test('of several deciders is replayed for the first, or the one that was asked for', async () => {
    const other = [...log(10, seededRandom(3))].map((batch) => batch.map((entry) => ({ ...entry, by: 'other' })))
    const both = [...log(20, seededRandom(4)), ...(other as LogEntry[][])]
    expect((await replay(both, [inCloud()])).decisions).toBe(20)
    expect((await replay(both, [inCloud()], { by: 'other' })).decisions).toBe(10)
  })

  test('of a chain is weighed step by step, each given those before it', async () => {
    const random = seededRandom(12)
    const entries: LogEntry[] = []
    const decider = logged({ write: (entry) => void entries.push(entry) }, [
      explore(place(), { share: 0.4, random }),
      select({ models, rule: 'random', random }),
    ])
    for (let i = 0; i < 3000; i++) {
      const bytes = picture(random)
      const left = decider.decide(request({ id: `m${i}`, bytes, now: 300 * i, deadline }), world, menu)
      const [cut, model] = [left.cuts[0] as 'captured', left.models[0] as string]
      // The larger model answers 30 ms later, whatever the way.
      const ms = took(cut, bytes, random) + (model === 'b' ? 30 : 0)
      const came = outcome({ cut, model }, { transfer: ms }, { id: `m${i}`, bytes, latency: ms, crossing: { at: cut } })
      decider.observe?.(came, world)
    }
    const policies = [
      fixed({ cut: 'captured', model: 'b' }, 'both'),
      fixed({ model: 'b' }, 'model'),
      fixed({ cut: 'captured' }, 'cut'),
    ]
    const [both, model, cut] = (await replay([entries], policies, { random, models })).policies as ReplayedPolicy[]
    const mean = truth(() => 'captured', seededRandom(99)).latency
    const about = (policy: ReplayedPolicy | undefined, value: number) => {
      const { dr } = (policy as ReplayedPolicy).metrics.latency
      expect(policy?.refused).toBeUndefined()
      const { value: estimated, low, high } = dr as Estimate
      // Four standard errors.
      expect(Math.abs(estimated - value)).toBeLessThan(high - low)
    }
    about(both, mean + 30)
    // Either model, as often.
    about(cut, mean + 15)
    expect(model?.metrics.latency.dr?.value).toBeCloseTo((model?.metrics.latency.logged?.value ?? 0) + 15, -1)
  })
})
