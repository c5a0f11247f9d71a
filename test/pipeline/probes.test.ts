import { describe, expect, it } from 'vitest'
import { memoryBroker } from '../../adapters/memory/index.ts'
import {
  BadConfiguration,
  type Capture,
  type Decider,
  decide,
  type Link,
  type Menu,
  type Probe,
  pipeline,
  type World,
} from '../../pipeline/index.ts'
import { collect, type FakeClock, fakeClock, faulty } from '../../pipeline/testing/index.ts'
import { transfer } from '../../stages/index.ts'
import { type Ending, newLog, preparing, type Running, running } from './attempts.support.ts'

const pictureBytes = 200_000

/** All on the device, where it says so. */
function placing(local: () => boolean, seen: { probes: Probe[]; links: (Link | undefined)[]; menus: Menu[] }): Decider {
  return {
    name: 'placing',
    decide(_request, world: World, menu) {
      seen.links.push(world.value('link'))
      seen.menus.push(menu)
      return { ...menu, models: ['small'], cuts: [local() ? 'answered' : 'captured'] }
    },
    probed: (probe) => void seen.probes.push(probe),
  }
}

/** Pictures that come once a second, of which each takes the device 100 ms. */
function stream(count: number, clock: FakeClock) {
  return {
    name: 'stream',
    kind: 'pull' as const,
    async *open() {
      for (let n = 0; n < count; n++) {
        yield { payload: { form: 'image', at: 'captured', bytes: new Uint8Array(pictureBytes) } } as Capture
        await new Promise<void>((resolve) => clock.after(1000, resolve))
      }
    },
  }
}

async function play(options: {
  count: number
  local?: () => boolean
  probe?: Parameters<typeof transfer>[0]
  nodes?: string[]
}) {
  const clock = fakeClock()
  const broker = memoryBroker()
  const near = faulty(broker.connect({ clock }), [{ at: ['request'], delay: 20, bytesPerSecond: 1_000_000 }], { clock })
  const seen = { probes: [] as Probe[], links: [] as (Link | undefined)[], menus: [] as Menu[] }
  const log = newLog()
  const flow = pipeline(
    'flow',
    { clock, models: { ids: ['small', 'large'] }, deadline: 5000 },
    stream(options.count, clock),
    decide(placing(options.local ?? (() => true), seen)),
    preparing(),
    running<Running>(() => ({ ms: 100 }), log),
    transfer(options.probe),
    preparing(),
    running<Ending>(() => ({ ms: 10 }), log),
  )
  const clouds = await Promise.all(
    (options.nodes ?? ['cloud']).map((node) => flow.cloud(broker.connect({ clock }), { node })),
  )
  const device = await flow.device(near)
  const all = collect(device)
  await clock.advance((options.count + 20) * 1000)
  const result = await all
  for (const cloud of clouds) await cloud.drain()
  await near.drain()
  return { ...result, seen, device, clouds, clock }
}

describe('probes', () => {
  it('keep the way to the cloud known while nothing crosses it, at one per cent of the bytes captured', async () => {
    const { seen, device, clock, counts } = await play({ count: 300 })
    expect(counts.results).toBe(300)
    const { probes, probeBytes } = device.statistics as { probes: number; probeBytes: number }
    expect(probes).toBeGreaterThan(50)
    expect(probeBytes).toBeLessThanOrEqual(0.01 * 300 * pictureBytes + 4096)
    expect(probeBytes).toBe(seen.probes.reduce((sum, { bytes }) => sum + bytes, 0))
    expect(seen.probes.every(({ answered, node }) => answered && node === 'cloud')).toBe(true)
    const last = seen.links.at(-1)
    expect(last?.rtt).toBeGreaterThanOrEqual(20)
    expect(last?.rtt).toBeLessThan(22)
    expect(last?.uplink).toBeGreaterThan(6e6)
    expect(last?.uplink).toBeLessThan(10e6)
    expect(clock.pending).toBe(0)
  })

  it('are no messages: nobody counts, holds or answers them as such', async () => {
    const { clouds, counts } = await play({ count: 30 })
    const { received, probed, pending } = clouds[0]?.statistics.cloud ?? {}
    expect({ received, pending }).toEqual({ received: 0, pending: 0 })
    expect(probed).toBeGreaterThan(0)
    expect(counts).toEqual({ in: 30, results: 30, failures: 0, dropped: 0 })
  })

  it('are not sent while messages tell enough, nor where they are not wanted', async () => {
    const crossing = await play({ count: 60, local: () => false })
    expect(crossing.device.statistics.probes).toBe(0)
    const unwanted = await play({ count: 60, probe: { probe: false } })
    expect(unwanted.device.statistics.probes).toBe(0)
  })

  it('come no sooner than they were asked to', async () => {
    const { seen } = await play({ count: 60, probe: { probe: { every: 20_000 } } })
    const rounds = seen.probes.filter(({ bytes }) => bytes < 100)
    expect(rounds.length).toBeGreaterThanOrEqual(2)
    for (const [at, { now }] of rounds.entries())
      if (at > 0) expect(now - (rounds[at - 1]?.now ?? 0)).toBeGreaterThan(19_000)
  })

  it('ask each of several nodes, which are then targets by name', async () => {
    let n = 0
    const { seen } = await play({ count: 120, local: () => n++ > 10, nodes: ['a', 'b'] })
    expect(new Set(seen.probes.map(({ node }) => node))).toEqual(new Set(['a', 'b']))
    expect(seen.menus[0]?.targets).toEqual(['any'])
    expect([...(seen.menus.at(-1)?.targets ?? [])].sort()).toEqual(['any', 'node:a', 'node:b'])
    expect(seen.menus.at(-1)?.targets).toBe(seen.menus.at(-2)?.targets)
  })

  it('that nobody answers say so, and harm nothing', async () => {
    const { seen, counts, clock } = await play({ count: 30, nodes: [] })
    expect(counts.results).toBe(30)
    expect(seen.probes.length).toBeGreaterThan(1)
    expect(seen.probes.every(({ answered }) => !answered)).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it('are refused where their options are wrong', () => {
    expect(() => transfer({ probe: { every: -1 } })).toThrow(BadConfiguration)
    expect(() => transfer({ probe: { share: 2 } })).toThrow(/probe.share/)
  })
})
