import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Backup,
  BadConfiguration,
  type Decider,
  ExecutorLost,
  lastAnswer,
  type Menu,
  NodeLost,
  type Outcome,
  type Plan,
  type RunningDevice,
} from '../../pipeline/index.ts'
import { camera, collect, type FakeClock, frames, seededRandom } from '../../pipeline/testing/index.ts'
import { type Behaviour, scene } from './attempts.support.ts'

async function played(running: RunningDevice, clock: FakeClock, ms = 60_000) {
  const all = collect(running)
  await clock.advance(ms)
  return all
}

/** Plans what it is told, and keeps what it learns. */
function planning(plan: Plan | ((attempt: number, menu: Menu) => Plan), outcomes: Outcome[] = []): Decider {
  return {
    name: 'planning',
    decide({ attempt }, _world, menu) {
      const { model, cut, backup, backupAfter, accept } = typeof plan === 'function' ? plan(attempt, menu) : plan
      return {
        ...menu,
        ...(model === undefined ? {} : { models: [model] }),
        ...(cut === undefined ? {} : { cuts: [cut] }),
        ...(backup === undefined ? {} : { backups: [backup] }),
        ...(backupAfter === undefined ? {} : { backupAfter }),
        ...(accept === undefined ? {} : { accept }),
      }
    },
    observe: (outcome) => void outcomes.push(outcome),
  }
}

const dead = [{ at: ['request' as const], drop: 1 }]
const raced: Plan = { cut: 'captured', model: 'large', backup: 'model:small' }
const took =
  (device: Behaviour, cloud: Behaviour) =>
  (_message: unknown, side: 'device' | 'cloud'): Behaviour =>
    side === 'device' ? device : cloud

describe('a backup', () => {
  it('answers every message within its deadline when the cloud is dead', async () => {
    const all = scene(frames(20), [planning(raced)], took({ ms: 30 }, {}), { window: 4 })
    all.use(dead)
    const { answers, counts } = await played(all.pipe.run(), all.clock)
    expect(counts).toEqual({ in: 20, results: 20, failures: 0, dropped: 0 })
    expect(answers.every(({ onTime, backup, label }) => onTime && backup && label === 'device small')).toBe(true)
    expect(answers.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, seq) => seq))
    expect(all.clock.pending).toBe(0)
  })

  it('missing, a message fails with a typed error within its deadline when the cloud is dead', async () => {
    const all = scene(frames(5), [planning({ cut: 'captured' })], took({}, {}))
    all.use(dead)
    const { failures, counts, events } = await played(all.pipe.run(), all.clock)
    expect(counts).toEqual({ in: 5, results: 0, failures: 5, dropped: 0 })
    expect(failures.map(({ error }) => error.code)).toEqual(Array(5).fill('deadline-exceeded'))
    expect(events.filter(({ type }) => type === 'settled')).toHaveLength(5)
    expect(all.clock.now()).toBeGreaterThan(0)
    expect(all.clock.pending).toBe(0)
  })

  it('is not shown when the cloud answers in time, however early it was ready', async () => {
    const all = scene(frames(1), [planning(raced)], took({ ms: 5 }, { ms: 150 }))
    const { answers } = await played(all.pipe.run(), all.clock)
    expect(answers).toMatchObject([{ label: 'cloud large', backup: false, attempts: 2, onTime: true }])
  })

  it('is shown as late as the deadline allows, and no later, when the cloud is late', async () => {
    const all = scene(frames(3), [planning(raced)], took({ ms: 5 }, { ms: 500 }), { window: 1 })
    const { answers } = await played(all.pipe.run(), all.clock)
    for (const { latency, backup } of answers) {
      expect(backup).toBe(true)
      expect(latency).toBeGreaterThan(180)
      expect(latency).toBeLessThanOrEqual(200)
    }
    expect(answers).toHaveLength(3)
  })

  it('is shown as soon as it is there where the first answer counts', async () => {
    const all = scene(frames(1), [planning(raced)], took({ ms: 5 }, { ms: 50 }), { showBackup: 'first' })
    const { answers } = await played(all.pipe.run(), all.clock)
    expect(answers).toMatchObject([{ backup: true, latency: 5 }])
  })

  it('is shown at once when the cloud fails, or nobody serves', async () => {
    const failing = scene(frames(1), [planning(raced)], took({ ms: 20 }, { ms: 40, error: new Error('broken') }))
    expect((await played(failing.pipe.run(), failing.clock)).answers).toMatchObject([{ backup: true, latency: 40 }])
    const quick = scene(frames(1), [planning(raced)], took({ ms: 20 }, { error: new Error('broken') }))
    expect((await played(quick.pipe.run(), quick.clock)).answers).toMatchObject([{ backup: true, latency: 20 }])
  })

  it('starts when it was planned to, or as soon as it is needed', async () => {
    const later = planning({ ...raced, backupAfter: 120 })
    const spared = scene(frames(1), [later], took({ ms: 10 }, { ms: 60 }))
    expect((await played(spared.pipe.run(), spared.clock)).answers).toMatchObject([{ backup: false, attempts: 1 }])
    expect(spared.log.runs).toEqual(['cloud large 0'])
    const needed = scene(frames(1), [later], took({ ms: 10 }, { ms: 60, error: new Error('broken') }))
    expect((await played(needed.pipe.run(), needed.clock)).answers).toMatchObject([{ backup: true, latency: 70 }])
  })

  it('that fails leaves the planned answer alone, and the planned failure is what is told', async () => {
    const broken = new ExecutorLost('gone')
    const answered = scene(frames(1), [planning(raced)], took({ error: broken }, { ms: 60 }))
    expect((await played(answered.pipe.run(), answered.clock)).answers).toMatchObject([{ backup: false }])
    const both = scene(
      frames(1),
      [planning(raced)],
      took({ ms: 90, error: broken }, { ms: 60, error: new Error('no') }),
    )
    const { failures } = await played(both.pipe.run(), both.clock)
    expect(failures.map(({ error }) => error.code)).toEqual(['stage-failed'])
    expect(both.clock.pending).toBe(0)
  })

  it('that has lost holds no work, and a cloud that has lost neither', async () => {
    const slowBackup = scene(frames(1), [planning(raced)], took({ ms: 5000 }, { ms: 20 }))
    await played(slowBackup.pipe.run(), slowBackup.clock, 25)
    expect(slowBackup.log).toMatchObject({ under: { device: 0, cloud: 0 }, cancelled: 1 })
    const slowCloud = scene(frames(1), [planning(raced)], took({ ms: 5 }, { ms: 5000 }), { late: 'answer' })
    await played(slowCloud.pipe.run(), slowCloud.clock, 205)
    expect(slowCloud.log).toMatchObject({ under: { device: 0, cloud: 0 }, cancelled: 1 })
  })

  it('lets nobody see a late answer, counts it, and tells deciders that it was late', async () => {
    const outcomes: Outcome[] = []
    const all = scene(frames(2), [planning(raced, outcomes)], took({ ms: 5 }, { ms: 500 }), { window: 1 })
    const running = all.pipe.run()
    const { answers } = await played(running, all.clock)
    expect(answers.map(({ id, backup }) => [id, backup])).toEqual(answers.map(({ id }) => [id, true]))
    expect(outcomes.map(({ attempt, backup = false, settled, error }) => [attempt, backup, settled, error])).toEqual([
      [2, true, true, undefined],
      [1, false, false, 'deadline-exceeded'],
      [2, true, true, undefined],
      [1, false, false, 'deadline-exceeded'],
    ])
    expect(outcomes[0]).toMatchObject({ plan: { cut: 'answered', model: 'small' }, latency: 5, onTime: true })
    expect(running.statistics).toMatchObject({ attempts: 4, backups: 2, shown: 2, abandoned: 2 })
  })

  it('keeps the order of its source: nothing overtakes what was captured before it', async () => {
    const all = scene(
      frames(6),
      [planning(raced)],
      ({ seq }, side) => (side === 'device' ? { ms: 5 } : { ms: seq % 2 === 0 ? 900 : 10 }),
      { window: 6 },
    )
    const { answers } = await played(all.pipe.run(), all.clock)
    expect(answers.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5])
    expect(answers.every(({ onTime }) => onTime)).toBe(true)
  })
})

describe('the last answer', () => {
  it('stands in for one that is late, from the second message on', async () => {
    const shown = camera()
    const all = scene(
      shown,
      [
        planning((_attempt, { lastAge }) => ({
          cut: 'captured',
          ...(lastAge === undefined ? {} : { backup: 'last' }),
        })),
      ],
      ({ seq }) => ({ ms: seq === 0 ? 20 : 900 }),
    )
    const running = all.pipe.run()
    const collected = collect(running)
    await all.clock.advance(0)
    shown.show()
    await all.clock.advance(100)
    shown.show()
    shown.end()
    await all.clock.advance(5000)
    const { answers } = await collected
    expect(answers).toMatchObject([
      { backup: false, repeated: false },
      { backup: true, repeated: true, label: 'cloud open', onTime: true },
    ])
    expect(running.statistics).toMatchObject({ repeated: 1 })
  })

  it('is given again without running a model, where it is planned and there is one', async () => {
    const ages: (number | undefined)[] = []
    const deciding = planning((_attempt, { lastAge }) => {
      ages.push(lastAge)
      return lastAge === undefined ? { cut: 'captured', model: 'large' } : { model: lastAnswer }
    })
    const all = scene(frames(3), [deciding], took({}, { ms: 10 }), { window: 1 })
    const { answers } = await played(all.pipe.run(), all.clock)
    expect(ages).toEqual([undefined, 0, 0])
    expect(all.log.runs).toEqual(['cloud large 0'])
    expect(answers.map(({ repeated, place, label }) => [repeated, place, label])).toEqual([
      [false, 'captured', 'cloud large'],
      [true, 'answered', 'cloud large'],
      [true, 'answered', 'cloud large'],
    ])
  })

  it('planned where there is none, or over the wire, fails the message and says why', async () => {
    const all = scene(frames(1), [planning({ model: lastAnswer })], took({}, {}))
    const { failures } = await played(all.pipe.run(), all.clock)
    expect(failures[0]?.error).toBeInstanceOf(BadConfiguration)
    const odd = planning((_attempt, { lastAge }) =>
      lastAge === undefined ? { cut: 'captured' } : { model: lastAnswer, cut: 'captured' },
    )
    const wired = scene(frames(2), [odd], took({}, {}), { window: 1 })
    expect((await played(wired.pipe.run(), wired.clock)).failures[0]?.error.message).toContain('"answered"')
  })
})

describe('a cascade', () => {
  const sure: Readonly<Record<string, Behaviour>> = {
    small: { ms: 10, score: 0.4 },
    middle: { ms: 20, score: 0.6 },
    large: { ms: 40, score: 0.9 },
  }
  const bySize = ({ plan }: { plan: Plan }) => sure[plan.model ?? 'large'] ?? {}
  const smallest = (accept: number): Decider =>
    planning((_attempt, { models }) => ({ cut: 'answered', model: models[0] as string, accept }))

  it('escalates until an answer is sure enough, and says how many attempts it took', async () => {
    const all = scene(frames(1), [smallest(0.8)], bySize)
    const { answers } = await played(all.pipe.run(), all.clock)
    expect(all.log.runs).toEqual(['device small 0', 'device middle 0', 'device large 0'])
    expect(answers).toMatchObject([{ model: 'large', attempts: 3, backup: false, latency: 70 }])
  })

  it('stops at the first answer that is accepted', async () => {
    const all = scene(frames(1), [smallest(0.5)], bySize)
    expect((await played(all.pipe.run(), all.clock)).answers).toMatchObject([{ model: 'middle', attempts: 2 }])
  })

  it('shows the surest answer where none is accepted', async () => {
    const falling = ({ plan }: { plan: Plan }) => ({ ms: 10, score: plan.model === 'middle' ? 0.7 : 0.3 })
    const all = scene(frames(1), [smallest(0.99)], falling)
    expect((await played(all.pipe.run(), all.clock)).answers).toMatchObject([{ model: 'middle', attempts: 3 }])
  })

  it('shows the answer in hand when a better one does not come in time', async () => {
    const slow = ({ plan }: { plan: Plan }) => (plan.model === 'small' ? { ms: 10, score: 0.4 } : { ms: 900 })
    const all = scene(frames(1), [smallest(0.8)], slow)
    const { answers } = await played(all.pipe.run(), all.clock)
    expect(answers).toMatchObject([{ model: 'small', attempts: 2, onTime: true }])
    expect(all.log).toMatchObject({ under: { device: 0 }, cancelled: 1 })
  })

  it('makes no more attempts than the pipeline allows', async () => {
    const all = scene(frames(1), [smallest(0.8)], bySize, { attempts: 2 })
    expect((await played(all.pipe.run(), all.clock)).answers).toMatchObject([{ model: 'middle', attempts: 2 }])
  })

  it('tells deciders of each attempt, and which one settled', async () => {
    const outcomes: Outcome[] = []
    const deciding = planning(
      (_a, { models }) => ({ cut: 'answered', model: models[0] as string, accept: 0.5 }),
      outcomes,
    )
    const all = scene(frames(1), [deciding], bySize)
    await played(all.pipe.run(), all.clock)
    expect(outcomes.map(({ attempt, settled, score, began }) => [attempt, settled, score, began])).toEqual([
      [2, true, 0.6, 10],
      [1, false, 0.4, undefined],
    ])
  })
})

describe('a failed attempt', () => {
  const lost = new NodeLost('it closes')

  it('is decided anew with the budget that is left, and what was tried is known', async () => {
    const asked: unknown[] = []
    const remoteFirst: Decider = {
      name: 'remote-first',
      decide({ attempt, remaining, tried }, _world, menu) {
        asked.push([attempt, remaining, tried.map(({ plan, error }) => [plan.cut, error]), menu.cuts])
        return { ...menu, cuts: menu.cuts.slice(0, 1), models: ['small'] }
      },
    }
    const failing = scene(frames(1), [remoteFirst], took({ ms: 10 }, { ms: 30, error: lost }), { deadline: 2000 })
    const { answers } = await played(failing.pipe.run(), failing.clock)
    expect(answers).toMatchObject([{ place: 'answered', label: 'device small', backup: false, onTime: true }])
    const [first, second] = asked as [unknown[], unknown[]]
    expect(first).toEqual([1, 2000, [], ['captured', 'prepared', 'answered']])
    expect(second[1]).toBe(2000 - 5 * 30)
    expect(second.slice(2)).toEqual([[['captured', 'node-lost']], ['answered']])
  })

  it('is final where nobody decides, or the device cannot answer', async () => {
    const stubborn = planning({ cut: 'captured' })
    const all = scene(frames(1), [stubborn], took({}, { error: lost }), { deadline: 2000 })
    const { failures, counts } = await played(all.pipe.run(), all.clock)
    expect(counts).toMatchObject({ failures: 1, results: 0 })
    expect(failures[0]?.error.code).toBe('node-lost')
  })

  it('that cost two executors is final: the message runs nowhere again, and is kept with what it cost', async () => {
    const remoteFirst: Decider = {
      name: 'remote-first',
      decide: (_request, _world, menu) => ({ ...menu, cuts: menu.cuts.slice(0, 1), models: ['small'] }),
    }
    const all = scene(frames(1), [remoteFirst], took({}, { error: new ExecutorLost('killed') }), { deadline: 2000 })
    const running = all.pipe.run()
    const { failures, counts } = await played(running, all.clock)
    expect(counts).toMatchObject({ in: 1, failures: 1, results: 0 })
    expect(failures[0]?.error).toMatchObject({ code: 'quarantined', retryable: false })
    expect(all.log.runs.every((run) => run.startsWith('cloud'))).toBe(true)
    expect(running.quarantined).toMatchObject([
      {
        id: failures[0]?.id,
        evidence: [{ code: 'executor-lost' }, { code: 'executor-lost' }],
        bytes: expect.any(Number),
      },
    ])
  })

  it('that no other plan could repair is final', async () => {
    const all = scene(
      frames(1),
      [planning((_a, { cuts }) => ({ cut: cuts[0] as 'captured' }))],
      took({}, { error: new Error('no') }),
    )
    expect((await played(all.pipe.run(), all.clock)).failures[0]?.error.code).toBe('stage-failed')
    expect(all.log.runs).toHaveLength(1)
  })
})

describe('attempts of many kinds at once', () => {
  it('leave in = results + failures + dropped, one end for each message, in order, and nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1e9 }), async (seed) => {
        const random = seededRandom(seed)
        const pick = <T>(...of: readonly T[]) => of[Math.floor(random() * of.length)] as T
        const plans = planning((_attempt, { models, cuts }) => ({
          ...(random() < 0.8 ? { cut: pick(...cuts) } : {}),
          model: pick(...models),
          ...(random() < 0.6 ? { backup: pick<Backup>('none', 'last', 'model:small', 'model:large') } : {}),
          ...(random() < 0.3 ? { backupAfter: random() * 200 } : {}),
          ...(random() < 0.4 ? { accept: random() } : {}),
        }))
        const behave = () => ({
          ms: Math.floor(random() * 150),
          score: random(),
          ...(random() < 0.2 ? { error: pick(new ExecutorLost('lost'), new Error('broken')) } : {}),
        })
        const all = scene(frames(25), [plans], behave, {
          window: pick(1, 3, 8),
          showBackup: pick('first', 'at-deadline'),
          late: pick('fail', 'answer'),
        })
        all.use([{ drop: random() * 0.3, duplicate: random() * 0.2, delay: [0, random() * 120], reorder: true }])
        const running = all.pipe.run()
        const { answers, failures, dropped, counts, events } = await played(running, all.clock)
        expect(counts.in).toBe(25)
        expect(answers.length + failures.length + dropped.length).toBe(25)
        const ids = [...answers, ...failures, ...dropped].map(({ id }) => id)
        expect(new Set(ids).size).toBe(25)
        expect(events.filter(({ type }) => type === 'settled')).toHaveLength(25)
        // Nothing overtakes but what would have been late otherwise.
        const early = answers.filter(({ latency }) => latency < 150)
        for (const [at, { seq }] of answers.entries())
          for (const later of early) if (later.seq > seq) expect(answers.indexOf(later)).toBeGreaterThan(at)
        expect(all.log.under).toEqual({ device: 0, cloud: 0 })
        expect(all.clock.pending).toBe(0)
      }),
      { numRuns: 60 },
    )
  })
})
