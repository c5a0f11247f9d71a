import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { constantRate } from '../../../adapters/link/index.ts'
import { type Frame, type Policy, replay, type ScenarioInput } from '../../../adapters/simulation/index.ts'
import { BadConfiguration, type Decider, fixed, inCloud, onDevice } from '../../../pipeline/index.ts'
import { place } from '../../../stages/index.ts'

const varying: ScenarioInput = {
  name: 'varying',
  deadline: 300,
  captures: { arrive: { kind: 'poisson', ms: 60 }, bytes: { kind: 'lognormal', median: 2e5, sigma: 1, most: 5e6 } },
  device: { prepare: { ms: 20, perMegabyte: 60, variation: { kind: 'lognormal', cv: 0.2 } } },
  link: { kind: 'times', up: { ms: 30, perMegabyte: 200, variation: { kind: 'normal', cv: 0.5 } } },
  cloud: { prepare: { ms: 4, perMegabyte: 50 }, models: { one: { ms: 20 }, two: { ms: 60 } }, executors: 2 },
  accuracy: { one: 0.6, two: 0.9 },
}

function settled(scenario: ScenarioInput, device: readonly Decider[], frames: number, cloud: readonly Decider[] = []) {
  const all: Frame[] = []
  const policy: Policy = { name: 'test', device, cloud }
  const report = replay(scenario, {
    policy,
    seed: 3,
    frames,
    onSettled: (frame) => all.push({ ...frame, fate: { ...frame.fate } }),
  })
  return { all, report }
}

describe('a replay', () => {
  test('gives the same numbers for the same seed', () => {
    const once = settled(varying, [place()], 500)
    const again = settled(varying, [place()], 500)
    expect(again.all).toEqual(once.all)
    expect(again.report).toEqual(once.report)
  })

  test('gives two policies the same frames, at the same times, with the same chances', () => {
    const world = ({ seq, captured, bytes, fate }: Frame) => ({ seq, captured, bytes, fate })
    const bySeq = (a: Frame, b: Frame) => a.seq - b.seq
    const cloud = settled(varying, [inCloud()], 300).all.sort(bySeq).map(world)
    const device = settled(varying, [onDevice()], 300).all.sort(bySeq).map(world)
    expect(device).toEqual(cloud)
  })

  test('settles every frame once, and its times add up', () => {
    const arrive = fc.constantFrom<ScenarioInput['captures']['arrive']>(
      { kind: 'when-settled' },
      { kind: 'every', ms: 5 },
      { kind: 'poisson', ms: 40 },
    )
    fc.assert(
      fc.property(arrive, fc.integer({ min: 1, max: 80 }), (how, frames) => {
        const { all, report } = settled(
          { ...varying, captures: { ...varying.captures, arrive: how } },
          [place()],
          frames,
        )
        expect(new Set(all.map(({ seq }) => seq)).size).toBe(frames)
        expect(all.length).toBe(frames)
        for (const { device, up, cloud, queue, load, run, down, latency } of all)
          expect(device + up + cloud + queue + load + run + down).toBeCloseTo(latency, 6)
        expect(report.onTime).toBe(all.filter(({ latency }) => latency <= 300).length)
        expect(report.right).toBe(all.filter(({ onTime, right }) => onTime && right).length)
      }),
      { numRuns: 60, seed: 4 },
    )
  })

  test('lets frames wait for the link, one after the other', () => {
    // 10,000 bytes at 1 byte/µs take 10 ms; frames come every 4.
    const { all } = settled(
      {
        name: 'link',
        deadline: 100,
        captures: { arrive: { kind: 'every', ms: 4 }, bytes: { kind: 'constant', bytes: 10_000 } },
        link: { kind: 'rates', up: constantRate(8e6), down: constantRate(8e6), delay: 3, answerBytes: 1000 },
      },
      [inCloud()],
      3,
    )
    expect(all.map(({ up, down, latency }) => ({ up, down, latency }))).toEqual([
      { up: 13, down: 4, latency: 17 },
      { up: 19, down: 4, latency: 23 },
      { up: 25, down: 4, latency: 29 },
    ])
  })

  test('lets frames wait for an executor, and loads what it does not hold', () => {
    const base: ScenarioInput = {
      name: 'executors',
      deadline: 1000,
      captures: { arrive: { kind: 'every', ms: 10 }, bytes: { kind: 'constant', bytes: 1 } },
      link: { kind: 'times', up: {} },
      cloud: { models: { a: { ms: 30 }, b: { ms: 30 } }, load: { ms: 100 }, holds: 1 },
    }
    let count = 0
    const byTurns: Decider = {
      name: 'turns',
      decide: (_request, _world, menu) => ({ ...menu, models: [['a', 'a', 'b', 'a'][count++] as string] }),
    }
    const { all } = settled(base, [inCloud(), byTurns], 4)
    expect(all.map(({ queue, load, run }) => [queue, load, run])).toEqual([
      [0, 100, 30],
      [120, 0, 30],
      [140, 100, 30],
      [260, 100, 30],
    ])
    const two = settled({ ...base, cloud: { ...base.cloud, executors: 2 } }, [inCloud(), fixed({ model: 'a' })], 3)
    expect(two.all.map(({ queue, load }) => [queue, load])).toEqual([
      [0, 100],
      [0, 100],
      [110, 0],
    ])
  })

  test('a decider observes what came of a frame when it came, neither earlier nor later', () => {
    const seen: number[] = []
    const log: { decided: number; observed: number }[] = []
    const watching: Decider = {
      name: 'watching',
      decide(request, _world, menu) {
        log.push({ decided: request.now, observed: seen.length })
        return { ...menu, cuts: ['captured'] }
      },
      observe: ({ now }) => void seen.push(now),
    }
    settled(
      {
        name: 'times',
        deadline: 100,
        captures: { arrive: { kind: 'every', ms: 10 }, bytes: { kind: 'constant', bytes: 1 } },
        link: { kind: 'times', up: { ms: 25 } },
      },
      [watching],
      5,
    )
    expect(seen).toEqual([25, 35, 45, 55, 65])
    expect(log.map(({ observed }) => observed)).toEqual([0, 0, 0, 1, 2])
  })

  test('names what is wrong with a scenario', () => {
    const wrong = { ...varying, captures: { ...varying.captures, bytes: { kind: 'constant', bytes: -1 } } } as const
    expect(() => settled(wrong, [], 1)).toThrow(BadConfiguration)
    expect(() => settled(wrong, [], 1)).toThrow(/captures\.bytes/)
  })

  test('refuses a model that nobody holds', () => {
    expect(() => settled(varying, [inCloud(), fixed({ model: 'three' })], 1)).toThrow(/cannot run "three"/)
  })
})
