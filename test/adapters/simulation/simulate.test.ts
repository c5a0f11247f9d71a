import { describe, expect, test } from 'vitest'
import { constantRate, steps } from '../../../adapters/link/index.ts'
import { replay, type ScenarioInput, simulate } from '../../../adapters/simulation/index.ts'
import { BadConfiguration, inCloud } from '../../../pipeline/index.ts'
import { place } from '../../../stages/index.ts'

const cv = { kind: 'lognormal', cv: 0.1 } as const

const scene: ScenarioInput = {
  name: 'scene',
  deadline: 300,
  captures: { arrive: { kind: 'every', ms: 400 }, bytes: { kind: 'uniform', from: 1e4, to: 1e6 } },
  device: { prepare: { ms: 36, perMegabyte: 104, variation: cv } },
  link: { kind: 'times', up: { ms: 55, perMegabyte: 390, variation: cv } },
  cloud: {
    prepare: { ms: 4, perMegabyte: 58, variation: cv },
    models: { one: { ms: 20, variation: cv } },
    executors: 2,
  },
  accuracy: { one: 0.8 },
}

describe('a simulation through the real stages', () => {
  test('gives the same numbers for the same seed', async () => {
    const run = () => simulate(scene, { policy: { name: 'p', device: [place()] }, seed: 5, frames: 200 })
    expect(await run()).toEqual(await run())
  })

  test.each([
    ['in-cloud', inCloud],
    ['place', place],
  ])('agrees with a replay for deciders alone (%s)', async (_name, decider) => {
    const options = { seed: 2, frames: 1000 }
    const real = await simulate(scene, { ...options, policy: { name: 'p', device: [decider()] } })
    const alone = replay(scene, { ...options, policy: { name: 'p', device: [decider()] } })
    expect(real.counts).toMatchObject({ in: 1000, results: 1000, failures: 0, dropped: 0 })
    expect(real.latency / alone.latency).toBeGreaterThan(0.99)
    expect(real.latency / alone.latency).toBeLessThan(1.01)
    expect(Math.abs(real.onTime - alone.onTime)).toBeLessThan(15)
    expect(Math.abs(real.right - alone.right)).toBeLessThan(15)
  })

  test('queues at a bottleneck as a replay does', async () => {
    const link = {
      kind: 'rates',
      up: steps([
        { at: 0, bitsPerSecond: 8e6 },
        { at: 1000, bitsPerSecond: 2e6 },
        { at: 3000, bitsPerSecond: 12e6 },
      ]),
      down: constantRate(20e6),
      delay: 15,
    } as const
    const captures = { ...scene.captures, bytes: { kind: 'uniform', from: 1e4, to: 2e5 } } as const
    const slow: ScenarioInput = { ...scene, captures, link }
    const options = { seed: 2, frames: 600, policy: { name: 'p', device: [inCloud()] } }
    const real = await simulate(slow, { ...options, pipeline: { window: 1000 } })
    const alone = replay(slow, options)
    // Headers, and the signs of life of what takes long, use a little of the link.
    expect(real.latency / alone.latency).toBeGreaterThan(0.99)
    expect(real.latency / alone.latency).toBeLessThan(1.02)
  })

  test('of a live stream that is too much drops frames, and counts them', async () => {
    const crowded: ScenarioInput = { ...scene, captures: { ...scene.captures, arrive: { kind: 'every', ms: 5 } } }
    const { counts } = await simulate(crowded, {
      seed: 1,
      frames: 300,
      policy: { name: 'p', device: [inCloud()] },
      pipeline: { window: 2 },
    })
    expect(counts.dropped).toBeGreaterThan(100)
    expect(counts.results + counts.dropped + counts.failures).toBe(300)
  })

  test('refuses a link that nobody could build', async () => {
    const copied = { ...scene, link: { kind: 'times', up: {}, legs: 'one' } } as const
    await expect(simulate(copied, { seed: 1, frames: 1, policy: { name: 'p' } })).rejects.toThrow(BadConfiguration)
  })
})
