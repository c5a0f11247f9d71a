import { describe, expect, test } from 'vitest'
import { BadConfiguration, type Menu } from '../../../pipeline/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { backup } from '../../../stages/index.ts'
import { modelSet, normal, outcome, request, menu as someMenu, world } from './support.ts'

const models = modelSet([
  { id: 'tiny', accuracy: 0.41, latencyMs: 20 },
  { id: 'small', accuracy: 0.55, latencyMs: 60 },
  { id: 'huge', accuracy: 0.8, latencyMs: 5000 },
])
const menu: Menu = {
  ...someMenu,
  models: models.ids,
  cuts: ['captured'],
  backups: ['none', 'model:tiny', 'model:small', 'model:huge'],
}
const asked = request({ deadline: 250, bytes: 100_000 })

/** Teaches that the cloud takes so long, and both quick models as long as the catalogue says. */
function taught(decider: ReturnType<typeof backup>, cloudMs: () => number, count = 60) {
  decider.open?.({ side: 'device', models })
  for (let i = 0; i < count; i++) {
    const ms = cloudMs()
    decider.observe?.(
      outcome(
        { cut: 'captured', model: 'huge' },
        { transfer: ms * 0.7, execute: ms * 0.3 },
        { bytes: 100_000, latency: ms, crossing: { at: 'captured', bytes: 100_000 } },
      ),
      world,
    )
    for (const [model, took] of [
      ['tiny', 20],
      ['small', 60],
    ] as const) {
      decider.observe?.(outcome({ cut: 'answered', model }, { execute: took }, { latency: took, backup: true }), world)
    }
  }
  return decider
}

describe('backup', () => {
  test('always, it starts at once, with the most accurate model that is in time', () => {
    const decider = taught(backup({ when: 'always' }), () => 50)
    expect(decider.decide(asked, world, menu)).toMatchObject({ backups: ['model:small'], backupAfter: 0 })
  })

  test('waits while the cloud is surely in time, so long that it hardly ever begins', () => {
    const { backupAfter } = taught(backup(), () => 50).decide(asked, world, menu)
    expect(backupAfter).toBeGreaterThan(3 * 50)
  })

  test('pays when the cloud may be late, and starts no later than it can still be in time', () => {
    const random = seededRandom(1)
    const decider = taught(backup(), () => normal(random, 240, 40))
    const { backups, backupAfter } = decider.decide(asked, world, menu)
    expect(backups).toEqual(['model:small'])
    expect(backupAfter).toBeGreaterThan(0)
    expect(backupAfter).toBeLessThanOrEqual(250 - 60)
  })

  test('pays while nothing is known of the cloud, and as soon as attempts there end without an answer', () => {
    const fresh = backup()
    fresh.open?.({ side: 'device', models })
    expect(fresh.decide(asked, world, menu).backups).not.toEqual(['none'])
    const decider = taught(backup(), () => 50)
    for (let i = 0; i < 3; i++) {
      const given = {
        kind: 'failure',
        error: 'deadline-exceeded',
        latency: 246,
        settled: false,
        bytes: 100_000,
      } as const
      decider.observe?.(outcome({ cut: 'captured' }, {}, given), world)
    }
    expect(decider.decide(asked, world, menu).backups).toEqual(['model:small'])
  })

  test('weighs energy: what is hardly needed is not worth a dear joule', () => {
    const random = seededRandom(2)
    const sometimes = () => normal(random, 180, 40)
    const cheap = taught(backup({ price: 0 }), sometimes)
    const dear = taught(backup({ price: 20 }), sometimes)
    expect(cheap.decide(asked, world, menu).backups).toEqual(['model:small'])
    expect(dear.decide(asked, world, menu).backups).toEqual(['none'])
  })

  test('begins earlier when it was not done in time: what was ended was no shorter', () => {
    const random = seededRandom(4)
    const decider = taught(backup({ model: 'small' }), () => 400)
    let inTime = 0
    for (let i = 0; i < 2000; i++) {
      const { backupAfter = 0 } = decider.decide(asked, world, menu)
      const done = backupAfter + normal(random, 60, 12)
      if (i >= 1000 && done <= 250) inTime++
      const end = done <= 250 ? {} : ({ kind: 'failure', error: 'deadline-exceeded' } as const)
      const change = { began: backupAfter, latency: Math.min(done, 250), backup: true, ...end } as const
      decider.observe?.(outcome({ cut: 'answered', model: 'small' }, {}, change), world)
    }
    expect(inTime).toBeGreaterThan(900)
  })

  test('a stand-in that never ran starts as soon as the cloud is later than it mostly is, and not by a guess', () => {
    const slow = 1500
    const decider = backup({ model: 'tiny' })
    decider.open?.({ side: 'device', models })
    const random = seededRandom(5)
    for (let i = 0; i < 60; i++) {
      const ms = Math.max(20, normal(random, 50, 5))
      const crossed = { bytes: 100_000, latency: ms, crossing: { at: 'captured', bytes: 100_000 } } as const
      decider.observe?.(outcome({ cut: 'captured', model: 'huge' }, { transfer: ms }, crossed), world)
    }
    const long = request({ deadline: 2000, remaining: 2000, bytes: 100_000 })
    const { backupAfter } = decider.decide(long, world, menu)
    // By the catalogue's 20 ms it would start 1900 ms later, and be late.
    expect(backupAfter).toBeGreaterThan(50)
    expect(backupAfter).toBeLessThan(100)
    const ran = { latency: (backupAfter ?? 0) + slow, began: backupAfter ?? 0, backup: true } as const
    decider.observe?.(outcome({ cut: 'answered', model: 'tiny' }, { execute: slow }, ran), world)
    expect(decider.decide(long, world, menu).backupAfter ?? 0).toBeLessThanOrEqual(2000 - slow)
  })

  test('where the menu says that something must stand in, it chooses what pays best, whatever that costs', () => {
    const decider = taught(backup({ price: 1000 }), () => 50)
    expect(decider.decide(asked, world, menu).backups).toEqual(['none'])
    const must = { ...menu, backups: ['model:huge', 'model:tiny'] as const }
    expect(decider.decide(asked, world, must).backups).toEqual(['model:tiny'])
    expect(decider.explain?.()?.weighed.map(({ choice }) => choice.backup)).toEqual(must.backups)
    const here = { ...must, cuts: ['answered'] as const }
    expect(decider.decide(asked, world, here)).toBe(here)
  })

  test('does not begin what can hardly be in time any more', () => {
    const decider = taught(backup(), () => 400)
    const late = request({ deadline: 250, elapsed: 248, bytes: 100_000 })
    expect(decider.decide(late, world, menu).backups).toEqual(['none'])
  })

  test('leaves alone what the device answers, and what offers no backup', () => {
    const decider = taught(backup({ when: 'always' }), () => 400)
    expect(decider.decide(asked, world, { ...menu, cuts: ['answered'] }).backups).toEqual(['none'])
    const without = { ...menu, backups: ['none'] as const }
    expect(decider.decide(asked, world, without)).toBe(without)
  })

  test('takes the model it is told to, and refuses one that there is not', () => {
    const decider = taught(backup({ when: 'always', model: 'tiny' }), () => 50)
    expect(decider.decide(asked, world, menu).backups).toEqual(['model:tiny'])
    expect(() => backup({ model: 'none' }).open?.({ side: 'device', models })).toThrow(BadConfiguration)
    expect(() => backup({ quantile: 2 })).toThrow(/quantile/)
  })

  test('says what it weighed: the choices sum to one, and the chosen one is what it did', () => {
    const decider = taught(backup(), () => 400)
    const { backups } = decider.decide(asked, world, menu)
    const explained = decider.explain?.()
    expect(explained?.weighed.reduce((sum, { propensity }) => sum + propensity, 0)).toBe(1)
    expect(explained?.weighed[explained.chosen]?.choice.backup).toBe(backups[0])
  })

  test('decides after a restore as before', () => {
    const random = seededRandom(3)
    const decider = taught(backup(), () => normal(random, 240, 40))
    const other = backup()
    other.open?.({ side: 'device', models })
    other.restore?.(JSON.parse(JSON.stringify(decider.save?.())))
    expect(other.decide(asked, world, menu)).toEqual(decider.decide(asked, world, menu))
    expect(() => other.restore?.({ version: 1, nonsense: 1 })).toThrow(BadConfiguration)
  })
})
