import { describe, expect, test } from 'vitest'
import { constantRate, steps } from '../../../adapters/link/index.ts'
import { type Frame, type Insight, replay, type ScenarioInput } from '../../../adapters/simulation/index.ts'
import { BadConfiguration, type Decider, type Menu, type Outcome, type Probe } from '../../../pipeline/index.ts'

/** A cloud that takes 200 ms, a phone that takes 10 ms to prepare and 40 ms for the small model. */
const scene: ScenarioInput = {
  name: 'stand-ins',
  deadline: 100,
  captures: { arrive: { kind: 'every', ms: 1000 }, bytes: { kind: 'constant', bytes: 1000 } },
  device: { prepare: { ms: 10 }, models: { small: { ms: 40 } }, backups: ['small'] },
  link: { kind: 'times', up: { ms: 20 } },
  cloud: { models: { large: { ms: 200 } } },
  accuracy: { small: 0.5, large: 0.9 },
}

const choosing = (choice: Partial<Menu>): Decider => ({
  name: 'choosing',
  decide: (_request, _world, menu) => ({ ...menu, ...choice }),
})

function settled(scenario: ScenarioInput, device: readonly Decider[], frames = 1) {
  const all: Frame[] = []
  const policy = { name: 'p', device }
  const report = replay(scenario, {
    policy,
    seed: 1,
    frames,
    onSettled: (frame) => all.push({ ...frame, fate: { ...frame.fate } }),
  })
  return { all, report }
}

const remote: Partial<Menu> = { models: ['large'], cuts: ['captured'] }

describe('a model that stands in', () => {
  test('is shown at the deadline where the planned answer is late', () => {
    const { all, report } = settled(scene, [choosing({ ...remote, backups: ['model:small'], backupAfter: 30 })])
    expect(all[0]).toMatchObject({
      shown: 'backup',
      backupAfter: 80,
      backupWork: 50,
      planned: 220,
      latency: 100,
      onTime: true,
      accuracy: 0.5,
    })
    expect(report.onTime).toBe(1)
  })

  test('is not shown where it is late itself', () => {
    const { all } = settled(scene, [choosing({ ...remote, backups: ['model:small'], backupAfter: 51 })])
    expect(all[0]).toMatchObject({ shown: 'planned', latency: 220, onTime: false, accuracy: 0.9 })
  })

  test('does not even begin where the planned answer came before', () => {
    const quick = { ...scene, cloud: { models: { large: { ms: 5 } } } }
    const { all } = settled(quick, [choosing({ ...remote, backups: ['model:small'], backupAfter: 30 })])
    expect(all[0]).toMatchObject({ shown: 'planned', latency: 25, backupWork: 0 })
  })

  test('waits for the device, which may be preparing the same frame for the wire', () => {
    const { all } = settled(scene, [
      choosing({ models: ['large'], cuts: ['prepared'], backups: ['model:small'], backupAfter: 0 }),
    ])
    expect(all[0]).toMatchObject({ device: 10, backupAfter: 60 })
  })

  test('is observed as one, when it is done', () => {
    const seen: Outcome[] = []
    const decider = {
      ...choosing({ ...remote, backups: ['model:small'], backupAfter: 30 }),
      observe: (o: Outcome) => seen.push(o),
    }
    settled(scene, [decider])
    expect(
      seen.map(({ backup, now, began, latency, plan }) => [backup ?? false, now, began, latency, plan.model]),
    ).toEqual([
      [true, 80, 30, 80, 'small'],
      [false, 220, undefined, 220, 'large'],
    ])
  })

  test('is refused where the device does not hold it', () => {
    const wrong = { ...scene, device: { ...scene.device, backups: ['large'] } }
    const run = () => settled(wrong, [choosing({ ...remote, backups: ['model:large'] })])
    expect(run).toThrow(BadConfiguration)
  })
})

describe('a window', () => {
  test('drops what is captured while all places are taken, and counts it', () => {
    const busy = { ...scene, window: 2, captures: { ...scene.captures, arrive: { kind: 'every', ms: 100 } as const } }
    const { all, report } = settled(busy, [choosing(remote)], 30)
    const dropped = all.filter(({ shown }) => shown === 'dropped')
    expect(all.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i))
    expect(dropped.length).toBeGreaterThan(5)
    expect(report.dropped).toBe(dropped.length)
    expect(dropped.every(({ onTime }) => !onTime)).toBe(true)
  })
})

describe('probes', () => {
  /** Good for 10 s, too slow for 10 s, and so on. */
  const link: ScenarioInput['link'] = {
    kind: 'rates',
    up: steps([
      { at: 0, bitsPerSecond: 8e6 },
      { at: 10_000, bitsPerSecond: 8e4 },
      { at: 20_000, bitsPerSecond: 8e6 },
    ]),
    down: constantRate(8e6),
    delay: 10,
  }
  const many = { ...scene, link, captures: { ...scene.captures, bytes: { kind: 'constant', bytes: 1e6 } as const } }

  test('tell of a way that nothing crosses, with no more than a hundredth of what was captured', () => {
    const probes: Probe[] = []
    const local: Decider = {
      ...choosing({ models: ['small'], cuts: ['answered'] }),
      observe: () => {},
      probed: (probe) => probes.push(probe),
    }
    settled(many, [local], 60)
    expect(probes.some(({ answered, ms }) => answered && ms < 50)).toBe(true)
    expect(probes.some(({ answered, bytes }) => answered && bytes > 16_384)).toBe(true)
    expect(probes.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(4096 + 0.01 * 60e6)
  })

  test('are not sent while messages cross, nor for deciders that learn nothing', () => {
    const probes: Probe[] = []
    settled(many, [{ ...choosing(remote), observe: () => {}, probed: (probe) => probes.push(probe) }], 10)
    settled(
      many,
      [{ ...choosing({ models: ['small'], cuts: ['answered'] }), probed: (probe) => probes.push(probe) }],
      60,
    )
    expect(probes).toEqual([])
  })
})

describe('what is hidden from deciders', () => {
  test('is what happens then', () => {
    const crowded: ScenarioInput = {
      ...scene,
      captures: { arrive: { kind: 'every', ms: 4 }, bytes: { kind: 'constant', bytes: 10_000 } },
      link: { kind: 'rates', up: constantRate(8e6), down: constantRate(8e6), delay: 3 },
    }
    const told: { seq: number; uplink: number; queued: number }[] = []
    let sees: Insight | undefined
    replay(crowded, {
      seed: 1,
      frames: 3,
      policy: (insight) => {
        sees = insight
        const look: Decider = {
          name: 'look',
          decide: (request, _world, menu) => {
            told.push({ seq: request.seq, uplink: insight.uplink, queued: insight.queued })
            return { ...menu, ...remote }
          },
        }
        return { name: 'looking', device: [look] }
      },
    })
    // 10 ms each at the bottleneck, one every 4 ms.
    expect(told).toEqual([
      { seq: 0, uplink: 0, queued: 0 },
      { seq: 1, uplink: 6, queued: 10_000 },
      { seq: 2, uplink: 12, queued: 20_000 },
    ])
    expect(sees?.scenario.name).toBe('stand-ins')
  })
})
