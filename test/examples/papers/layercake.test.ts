import { describe, expect, test } from 'vitest'
import { assumed, variants } from '../../../examples/papers/layercake/data.ts'
import { Device } from '../../../examples/papers/layercake/device.ts'
import { Endpoints } from '../../../examples/papers/layercake/endpoints.ts'
import { layercake } from '../../../examples/papers/layercake/index.ts'
import { policies } from '../../../examples/papers/layercake/layercake.ts'
import { simulate } from '../../../examples/papers/layercake/simulation.ts'
import { fakeClock } from '../../../pipeline/testing/index.ts'

const [b0, b1] = variants

describe('an endpoint in the cloud', () => {
  test('refuses while it loads, says how long, answers one request after the other, and is unloaded when unused', () => {
    const cloud = new Endpoints(assumed)
    expect(cloud.ask('b0', 0, 1)).toEqual({ kind: 'refusal', retryAfter: b0.load })
    expect(cloud.ask('b0', 1000, 1)).toEqual({ kind: 'refusal', retryAfter: b0.load - 1000 })
    const run = b0.run * assumed.cloud
    const at = b0.load
    expect(cloud.ask('b0', at, 1)).toEqual({ kind: 'answer', queue: 0, run, at: at + run })
    const second = cloud.ask('b0', at, 2)
    expect(second).toMatchObject({ kind: 'answer', run: 2 * run })
    expect(second.kind === 'answer' && [second.queue, second.at - at]).toEqual([
      expect.closeTo(run, 6),
      expect.closeTo(3 * run, 6),
    ])
    expect([cloud.loads, cloud.paid]).toEqual([1, expect.closeTo(b0.load + 3 * run, 6)])
    expect(cloud.ask('b0', at + 3 * run + assumed.keepWarm - 1, 1).kind).toBe('answer')
    expect(cloud.ask('b0', at + 1e6, 1).kind).toBe('refusal')
    expect(cloud.loads).toBe(2)
  })
})

describe('the device', () => {
  test('runs one after the other, loads what it does not hold, and skips what nobody waits for', async () => {
    const clock = fakeClock()
    const time = { now: () => clock.now(), after: (ms: number, then: () => void) => void clock.after(ms, then) }
    const device = new Device({ ...assumed, holds: 1 }, ['b0'], time)
    const done: unknown[] = []
    const job = (model: string, isWanted = true) =>
      device.run({ model, noise: 1, at: 0, isWanted: () => isWanted, done: (ran) => done.push([model, ran]) })
    job('b0')
    job('b1', false)
    job('b1')
    await clock.advance(1e5)
    const run = b0.run * assumed.device
    expect(done).toEqual([
      ['b0', { queue: 0, load: 0, run }],
      ['b1', { queue: run, load: b1.load * assumed.deviceLoad, run: b1.run * assumed.device }],
    ])
    expect(device.held).toEqual(['b1'])
  })
})

describe('the simulation', () => {
  test('gives the same for the same seed, other things for another', () => {
    const run = (seed: number) => simulate(policies.ours, assumed, seed, 300, 50)
    expect(run(1)).toEqual(run(1))
    expect(run(1)).not.toEqual(run(2))
  })

  test('what is met is at most what was asked, and on the device alone nothing is paid for', () => {
    const trial = simulate(policies.device, assumed, 3, 300, 50)
    expect(trial).toMatchObject({ requests: 250, loads: 0, paid: 0, byCloud: 0 })
    expect(trial.met).toBeLessThanOrEqual(250)
    expect(trial.accuracy).toBeLessThanOrEqual(0.843 * trial.met)
  })

  test('a device that is too slow and a cloud that is never warm meet nothing', () => {
    const hopeless = { ...assumed, device: 100, keepWarm: -1 }
    for (const policy of Object.values(policies)) expect(simulate(policy, hopeless, 1, 200, 0).met).toBe(0)
  })
})

test('LayerCake and offload meet the published share of targets; the rows say what of it was assumed', () => {
  const { rows, remarks } = layercake({ seeds: 2, quick: true, assets: undefined })
  const met = rows.filter(({ aim }) => aim === '≥ 0.964')
  expect(met.map(({ point, holds }) => [point, holds])).toEqual([
    ['LayerCake: targets met (share)', true],
    ['offload: targets met (share)', true],
  ])
  expect(remarks.join(' ')).toContain('Assumed')
})
