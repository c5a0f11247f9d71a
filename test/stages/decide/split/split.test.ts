import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nodePlatform } from '../../../../adapters/platform/index.ts'
import { BadConfiguration, type Cut, type Menu, type Target, World, webPlatform } from '../../../../pipeline/index.ts'
import { seededRandom } from '../../../../pipeline/testing/index.ts'
import { split } from '../../../../stages/decide/index.ts'
import { type ManualClock, manualClock } from '../../../support/manual-clock.ts'
import { modelSet, outcome, request } from '../support.ts'
import { type Setting, surroundings } from './surroundings.ts'

const cuts = [
  { layer: 'conv1', bytes: 800_000, share: 0.1 },
  { layer: 'pool1', bytes: 200_000, share: 0.15 },
  { layer: 'conv2', bytes: 400_000, share: 0.5 },
  { layer: 'pool5', bytes: 36_864, share: 0.6 },
  { layer: 'fc7', bytes: 4_000, share: 0.95 },
]
const models = modelSet([{ id: 'a', accuracy: 0.8, latencyMs: 20, side: 224, cuts }])

const menu: Menu = {
  models: ['a'],
  cuts: ['captured', 'prepared', 'after:*', 'answered'],
  encodings: ['jpeg', 'raw', 'tensor'],
  targets: ['any'],
  backups: ['none'],
}

function known(clock: ManualClock, uplink: number, rtt: number, slowdown?: number): World {
  const world = new World(clock)
  world.set('link', { uplink, rtt }, 'test')
  if (slowdown !== undefined) world.set('cloud', { node: 'n', pending: 0, capacity: 8, slowdown }, 'test')
  return world
}

const quiet = { tryEvery: Number.POSITIVE_INFINITY } as const

/** After its first tries, of which nothing was ever heard. */
function decided(
  options: Parameters<typeof split>[0],
  world: World,
  asked: Partial<Parameters<typeof request>[0]>,
  from: Menu,
): Menu {
  const decider = split({ models, ...quiet, ...options })
  for (let i = 0; i < 2; i++) decider.decide(request(asked), world, menu)
  return decider.decide(request(asked), world, from)
}

const offers = (cuts: readonly Cut[], cut: Cut) =>
  cuts.includes(cut) || (cut.startsWith('after:') && cuts.includes('after:*'))

const share = fc.double({ min: 0, max: 1, noNaN: true })
const layered = fc
  .array(fc.record({ bytes: fc.integer({ min: 1, max: 2_000_000 }), share, floats: share }), { maxLength: 30 })
  .map((all) =>
    all
      .sort((a, b) => a.share - b.share)
      .map(({ bytes, share: one, floats }, i) => ({
        layer: `l${i}`,
        bytes,
        floats: Math.floor(bytes * floats),
        share: one,
      })),
  )

describe('split', () => {
  test('chooses what exhaustive search does, both ends included', () => {
    fc.assert(
      fc.property(
        layered,
        fc.double({ min: 0.5, max: 500, noNaN: true }),
        fc.double({ min: 1e5, max: 1e8, noNaN: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        fc.double({ min: 1, max: 20, noNaN: true }),
        fc.double({ min: 0.5, max: 20, noNaN: true }),
        fc.integer({ min: 1000, max: 1_000_000 }),
        fc.constantFrom('latency', 'heavy', 'energy'),
        (layers, latencyMs, uplink, rtt, k, slower, bytes, goal) => {
          const set = modelSet([{ id: 'a', accuracy: 1, latencyMs, side: 224, cuts: layers }])
          const world = known(manualClock(), uplink, rtt, k)
          const options = {
            models: set,
            slower,
            encodings: ['float32', 'float16'] as ('float32' | 'float16')[],
            answerBytes: 0,
            ...(goal === 'heavy' ? { load: 'heavy' as const } : {}),
            ...(goal === 'energy' ? { goal: 'energy' as const } : {}),
          }
          const asked = { bytes, remaining: Number.POSITIVE_INFINITY }
          const chosen = decided(options, world, asked, menu)

          const all: { name: string; value: number }[] = []
          const add = (name: string, device: number, sent: number | undefined, cloud: number) => {
            const up = sent === undefined ? 0 : (sent * 8000) / uplink
            const transfer = sent === undefined ? 0 : up + rtt
            // Wi-Fi of JointDNN's table, the processor of the defaults.
            const radio = sent === undefined ? 0 : sent * 8e-6 * 283.17 + (up * 132.86) / 1000
            const waits = sent === undefined ? 0 : rtt + cloud
            const value =
              goal === 'energy'
                ? (device * 3249) / 1000 + radio + (waits * 1081) / 1000
                : goal === 'heavy'
                  ? Math.max(device, transfer, cloud) + 1e-6 * (device + transfer + cloud)
                  : device + transfer + cloud
            all.push({ name, value })
          }
          add('captured', 0, bytes, latencyMs * k)
          for (const [encoding, perPixel] of Object.entries({ jpeg: 0.5, raw: 3, tensor: 12 }))
            add(`prepared ${encoding}`, 0, perPixel * 224 * 224, latencyMs * k)
          for (const { layer, bytes: sent, floats, share: one } of layers)
            for (const [encoding, ratio, codec] of [
              ['float32', 1, 1.3e-7],
              ['float16', 0.5, 1e-6],
            ] as const)
              add(
                `after:${layer} ${encoding}`,
                (one * latencyMs + codec * floats) * slower,
                sent - (1 - ratio) * floats,
                ((1 - one) * latencyMs + codec * floats) * k,
              )
          add('answered', latencyMs * slower, undefined, 0)
          const [cut] = chosen.cuts
          const name = cut === 'captured' || cut === 'answered' ? cut : `${cut} ${chosen.encodings[0]}`
          const value = all.find((one) => one.name === name)?.value as number
          expect(value).toBeLessThanOrEqual(Math.min(...all.map((one) => one.value)) * (1 + 1e-9))
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('never chooses outside the menu, whatever the world and whatever it has learned', () => {
    const names: Cut[] = ['captured', 'prepared', 'after:*', 'answered', 'after:pool1', 'after:fc7']
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.nat()),
        fc.array(
          fc.record({
            cuts: fc.subarray(names, { minLength: 1 }),
            encodings: fc.subarray(['jpeg', 'raw', 'tensor', 'float32', 'uint8+deflate'], { minLength: 1 }),
            targets: fc.subarray<Target>(['any', 'node:x', 'node:y'], { minLength: 1 }),
            models: fc.subarray(['@last', 'b', 'a'], { minLength: 1 }),
          }),
          { maxLength: 30 },
        ),
        (numbers, asked) => {
          const decider = split({ models, tryEvery: 3, encodings: ['float32', 'uint8+deflate'] })
          const clock = manualClock()
          const world = known(clock, 5e6, 30)
          for (const restricted of asked) {
            const from = { ...menu, ...restricted }
            const after = decider.decide(request({ now: clock.now() }), world, from)
            for (const list of ['models', 'targets', 'backups'] as const) {
              expect(after[list].length).toBeGreaterThan(0)
              for (const one of after[list]) expect(from[list]).toContain(one)
            }
            for (const cut of after.cuts) expect(offers(from.cuts, cut)).toBe(true)
            const named = from.encodings.some((one) => ['float32', 'uint8+deflate'].includes(one))
            if (!after.cuts[0]?.startsWith('after:') || named)
              for (const one of after.encodings) expect(from.encodings).toContain(one)
            const n = numbers.next().value as number
            const at = after.cuts[0] as Cut
            decider.observe?.(
              outcome(
                { cut: at, model: 'a' },
                { execute: n % 500, head: n % 90, transfer: n % 300, cloud: n % 20, device: n % 30 },
                { now: clock.now(), ...(at === 'answered' ? {} : { crossing: { at, bytes: n % 1e6, node: 'x' } }) },
              ),
              world,
            )
          }
        },
      ),
    )
  })

  test('a layer cut closes the model with it; what crosses before the model leaves it open', () => {
    const world = known(manualClock(), 2e6, 10)
    const from = { ...menu, models: ['a', 'other'] }
    const layer = decided({}, world, {}, { ...from, cuts: ['after:*'] })
    expect(layer.models).toEqual(['a'])
    expect(layer.cuts[0]).toMatch(/^after:(pool5|fc7)$/)
    expect(decided({}, world, {}, { ...from, cuts: ['captured'] }).models).toBe(from.models)
  })

  test('leaves alone what it cannot decide: below the wire, without models, with layers it does not know', () => {
    const decider = split({ models })
    const world = known(manualClock(), 2e6, 10)
    expect(decider.decide(request({ side: 'cloud' }), world, menu)).toBe(menu)
    const none = { ...menu, models: ['@last'] }
    expect(decider.decide(request(), world, none)).toBe(none)
    const strange = { ...menu, cuts: ['after:nowhere'] as Cut[] }
    expect(decider.decide(request(), world, strange)).toBe(strange)
    expect(() => split().open?.({ side: 'device', models: undefined })).toThrow(/no models/)
  })

  test('offers the packings that its half has, and no half that has none of them opens', () => {
    const plans = (platform: typeof webPlatform, encodings: Menu['encodings']) => {
      const decider = split({ models, ...quiet, encodings: ['uint8+brotli', 'float32+deflate'] })
      decider.open?.({ side: 'device', models, platform })
      const from: Menu = { ...menu, cuts: ['after:pool5'], encodings }
      return decider.decide(request(), known(manualClock(), 2e6, 10), from).encodings
    }
    expect(plans(nodePlatform, menu.encodings)).toEqual(['uint8+brotli'])
    expect(plans(webPlatform, menu.encodings)).toEqual(['float32+deflate'])
    expect(plans(nodePlatform, ['float16+brotli', 'float32+deflate'])).toEqual(['float16+brotli'])
    expect(plans(webPlatform, ['float16+brotli', 'float32+deflate'])).toEqual(['float32+deflate'])

    const alone = split({ models, encodings: ['uint8+brotli'] })
    alone.open?.({ side: 'device', models, platform: nodePlatform })
    expect(() => alone.open?.({ side: 'device', models, platform: webPlatform })).toThrow(/uint8\+brotli/)
  })

  test('the load of the cloud moves layers to the device, and a slow device moves them to the cloud', () => {
    const at = (slowdown: number, slower: number) =>
      models
        .cuts?.('a')
        .concat('answered')
        .indexOf(
          decided(
            { slower },
            known(manualClock(), 20e6, 5, slowdown),
            { bytes: 2e6 },
            {
              ...menu,
              cuts: ['after:*', 'answered'],
            },
          ).cuts[0] as Cut,
        ) as number
    expect(at(40, 4)).toBeGreaterThan(at(1, 4))
    expect(at(1, 40)).toBeLessThan(at(1, 1))
  })

  test('saves energy only within the time there is', () => {
    const world = known(manualClock(), 1e6, 10)
    const options = { goal: 'energy' as const, slower: 1, energy: { computing: 1, waiting: 1 } }
    const frugal = decided(options, world, { bytes: 1e5, remaining: 1e5 }, menu)
    expect(frugal.cuts).toEqual(['answered'])
    const costly = { ...options, energy: { computing: 1e6, waiting: 1 } }
    expect(decided(costly, world, { bytes: 1e5, remaining: 1e5 }, menu).cuts).not.toEqual(['answered'])
    expect(decided(costly, world, { bytes: 1e5, remaining: 50 }, menu).cuts).toEqual(['answered'])
  })

  test('explains itself: what it weighed, the chosen one first, chances summing to 1', () => {
    const world = known(manualClock(), 5e6, 20)
    const decider = split({ models, ...quiet })
    expect(decider.explain?.()).toBeUndefined()
    for (let i = 0; i < 3; i++) {
      const after = decider.decide(request({ bytes: 3e5 }), world, menu)
      const told = decider.explain?.()
      expect(told?.weighed.reduce((sum, { propensity }) => sum + propensity, 0)).toBe(1)
      expect(told?.weighed[told.chosen]?.choice.cut).toBe(after.cuts[0])
      expect(told?.weighed.length).toBeGreaterThan(3)
      expect(told?.why).toBe(['warm-up', 'warm-up', 'best'][i])
    }
  })

  test('refuses options that make no sense, and what it did not save', () => {
    expect(() => split({ goal: 'fun' as 'energy' })).toThrow(BadConfiguration)
    expect(() => split({ slower: 0 })).toThrow(/slower/)
    expect(() => split({ goal: 'energy', energy: { computing: -1 } })).toThrow(BadConfiguration)
    expect(() => split({ goal: 'energy', load: 'heavy' })).toThrow(/heavy/)
    expect(() => split().restore?.({ version: 1, some: 'thing' })).toThrow(BadConfiguration)
  })
})

describe('split learns', () => {
  const fast: Setting = { uplink: 50e6, rtt: 10, device: 8, cloud: 0.5, k: 1 }
  const slow: Setting = { ...fast, uplink: 0.3e6, rtt: 200 }

  test('a link that turns slow changes decisions within ten messages, and one that recovers within a probe interval', () => {
    const run = surroundings(models, { seed: 3, bytes: 400_000 })
    const decider = split({ models })
    run.messages(decider, fast, 100)
    expect(run.messages(decider, fast, 20).crossed).toBeGreaterThanOrEqual(19)
    run.messages(decider, slow, 10)
    expect(run.messages(decider, slow, 50).crossed).toBeLessThanOrEqual(2)
    run.probe(fast)
    run.messages(decider, fast, 10)
    expect(run.messages(decider, fast, 20).crossed).toBeGreaterThanOrEqual(19)
  })

  test('in a steady world comes within 3 % of the time of the best choice known beforehand', () => {
    const random = seededRandom(11)
    for (let i = 0; i < 12; i++) {
      const setting: Setting = {
        uplink: 10 ** (5.3 + 2.4 * random()),
        rtt: 5 + 60 * random(),
        device: 1 + 10 * random(),
        cloud: 0.2 + random(),
        k: 1 + 3 * random(),
      }
      const run = surroundings(models, { seed: i, bytes: 200_000, noise: 0.1 })
      const decider = split({ models })
      run.messages(decider, setting, 50)
      const { ms, least } = run.messages(decider, setting, 500)
      expect(ms / least).toBeLessThan(1.03)
    }
  })

  test('unlike nodes behind one name are told apart, and the better one is found again when it has changed', () => {
    const run = surroundings(models, { seed: 5, bytes: 50_000 })
    const decider = split({ models })
    const near: Setting = { uplink: 50e6, rtt: 5, device: 20, cloud: 1, k: 1 }
    const far: Setting = { ...near, cloud: 8, rtt: 60 }
    run.messages(decider, { x: near, y: far }, 50)
    expect(run.messages(decider, { x: near, y: far }, 50).to.x ?? 0).toBeGreaterThanOrEqual(48)
    run.messages(decider, { x: far, y: near }, 120)
    expect(run.messages(decider, { x: far, y: near }, 50).to.y ?? 0).toBeGreaterThanOrEqual(48)
  })

  test('one model’s runs tell about another’s', () => {
    const two = modelSet([
      { id: 'a', accuracy: 0.8, latencyMs: 20, side: 224, cuts },
      { id: 'b', accuracy: 0.9, latencyMs: 60, side: 224, cuts },
    ])
    const run = surroundings(two, { seed: 5, bytes: 400_000 })
    const decider = split({ models: two, ...quiet })
    const quickDevice: Setting = { uplink: 1e6, rtt: 50, device: 0.5, cloud: 0.5, k: 1 }
    run.messages(decider, quickDevice, 50)
    const after = decider.decide(request({ bytes: 400_000, now: 1e6 }), run.world, { ...menu, models: ['b'] })
    expect(after.cuts).toEqual(['answered'])
  })

  test('decides the same after a restore', () => {
    const run = surroundings(models, { seed: 5, bytes: 100_000 })
    const one = split({ models, ...quiet })
    run.messages(one, { uplink: 4e6, rtt: 20, device: 3, cloud: 0.5, k: 1 }, 60)
    const two = split({ models, ...quiet })
    two.restore?.(JSON.parse(JSON.stringify(one.save?.())))
    const random = seededRandom(2)
    for (let i = 0; i < 50; i++) {
      const asked = request({ bytes: Math.round(1e3 + 5e5 * random()), now: 1e7 })
      const other = { ...asked, now: 1e7 }
      expect(two.decide(other, new World(manualClock()), menu).cuts).toEqual(
        one.decide(asked, new World(manualClock()), menu).cuts,
      )
    }
  })

  test('survives 10⁵ equal messages, and then a device that is eight times slower', () => {
    const run = surroundings(models, { seed: 5, bytes: 400_000, noise: 0 })
    const decider = split({ models })
    const setting: Setting = { uplink: 2e6, rtt: 30, device: 1, cloud: 0.5, k: 1 }
    run.messages(decider, setting, 100_000)
    expect(run.messages(decider, setting, 20).crossed).toBeLessThanOrEqual(1)
    run.messages(decider, { ...setting, device: 30 }, 5)
    const { ms, least } = run.messages(decider, { ...setting, device: 30 }, 50)
    expect(ms / least).toBeLessThan(1.1)
  })
})
