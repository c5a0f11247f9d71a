/*
 * npx tsx test/bench/split-picture.ts
 *
 * Draws the picture of split()'s page and prints the figures of its table: simulated messages through AlexNet as
 * Neurosurgeon measured it.
 */
import { writeFileSync } from 'node:fs'
import { fixed, inCloud, layerOf } from '../../pipeline/index.ts'
import { seededRandom } from '../../pipeline/testing/index.ts'
import { type SplitOptions, split } from '../../stages/index.ts'
import { modelSet, normal, outcome, request, world } from '../stages/decide/support.ts'
import { type Panel, svg } from './svg.ts'

/** AlexNet on a mobile GPU and on a server's: ms of the whole, and bytes and share of the work behind some layers. */
const mobile = 81
const server = 6
const input = 152_000
const prepared = 140_000
const cuts = [
  { layer: 'conv1', bytes: 1_161_600, share: 0.14 },
  { layer: 'pool1', bytes: 279_936, share: 0.2 },
  { layer: 'conv2', bytes: 746_496, share: 0.38 },
  { layer: 'pool2', bytes: 173_056, share: 0.42 },
  { layer: 'conv3', bytes: 259_584, share: 0.54 },
  { layer: 'conv4', bytes: 259_584, share: 0.64 },
  { layer: 'conv5', bytes: 173_056, share: 0.71 },
  { layer: 'pool5', bytes: 36_864, share: 0.72 },
  { layer: 'fc6', bytes: 16_384, share: 0.88 },
  { layer: 'fc7', bytes: 16_384, share: 0.96 },
] as const
const models = modelSet([{ id: 'alexnet', accuracy: 0.57, latencyMs: mobile, side: 227, cuts: [...cuts] }])
const rtt = 20
const all = ['captured', 'prepared', ...cuts.map(({ layer }) => `after:${layer}` as const), 'answered'] as const
type Where = (typeof all)[number]

/** What a cut takes in truth: on each resource, ms, at so many bit/s, on a device d times as slow as that GPU. */
function takes(cut: Where, rate: number, d: number) {
  const found = cuts.find(({ layer }) => layer === layerOf(cut))
  const share = cut === 'answered' ? 1 : (found?.share ?? 0)
  const bytes = cut === 'captured' ? input : cut === 'prepared' ? prepared : (found?.bytes ?? 0)
  const crosses = cut !== 'answered'
  return {
    device: share * mobile * d,
    transfer: crosses ? rtt + (8000 * bytes) / rate : 0,
    cloud: crosses ? (1 - share) * server : 0,
    bytes,
  }
}

const sum = ({ device, transfer, cloud }: ReturnType<typeof takes>) => device + transfer + cloud
const longest = ({ device, transfer, cloud }: ReturnType<typeof takes>) => Math.max(device, transfer, cloud)

/** Mean of what a decider's choices cost in truth, over the second half of 800 messages with 10 % noise. */
function played(decider: ReturnType<typeof split>, rate: number, d: number, cost: typeof sum): number {
  const random = seededRandom(Math.round(rate))
  const noisy = (ms: number) => ms * Math.max(0.5, normal(random, 1, 0.1))
  let total = 0
  for (let i = 0; i < 800; i++) {
    const now = i * 100
    const menu = {
      models: ['alexnet'],
      cuts: ['captured', 'prepared', 'after:*', 'answered'] as const,
      encodings: ['jpeg'],
      targets: ['any'] as const,
      backups: ['none'] as const,
    }
    const cut = decider.decide(request({ bytes: input, now }), world, menu).cuts[0] as Where
    const truth = takes(cut, rate, d)
    if (i >= 400) total += cost(truth) / 400
    const [head, tail] = [noisy(truth.device), noisy(truth.cloud)]
    const crosses = cut !== 'answered'
    const timings = {
      execute: head + tail,
      ...(layerOf(cut) ? { head } : {}),
      ...(cut === 'captured' ? {} : { device: 0 }),
      ...(crosses ? { transfer: noisy(truth.transfer), cloud: 0 } : {}),
    }
    const encoding = layerOf(cut) ? 'float32' : 'jpeg'
    const crossing = crosses ? { at: cut, bytes: truth.bytes, encoding, node: 'edge' } : undefined
    decider.observe?.(outcome({ model: 'alexnet', cut }, timings, { bytes: input, now, crossing }), world)
  }
  return total
}

const own = (options: SplitOptions) => split({ models, slower: 1, ...options })
const panels: Panel[] = []
const rates = Array.from({ length: 19 }, (_, i) => 1 + 2 * i)
for (const [title, d, options, cost] of [
  ['Light load: the sum of times', 1, {}, sum],
  ['Light load, on a CPU', 382 / 81, {}, sum],
  ['Heavy load: the longest of the times', 1, { load: 'heavy' }, longest],
] as const) {
  const series = [
    ['in-cloud', () => inCloud()],
    ['all on the device', () => fixed({ cut: 'answered' })],
    ['split()', () => own(options)],
  ] as const
  const lines = series.map(([name, make]) => ({
    name,
    points: rates.map((rate) => [rate, Math.min(400, played(make(), rate * 1e6, d, cost))] as const),
  }))
  const best = rates.map((rate) => [rate, Math.min(...all.map((cut) => cost(takes(cut, rate * 1e6, d))))] as const)
  panels.push({
    title,
    x: 'uplink, Mbit/s',
    y: 'ms',
    to: [40, 200],
    series: [...lines, { name: 'best cut', points: best }],
  })
  for (const rate of [1, 5, 11, 21, 37]) {
    const at = (points: readonly (readonly [number, number])[]) => points.find(([x]) => x === rate)?.[1].toFixed(0)
    const which = all.reduce((one, other) =>
      cost(takes(other, rate * 1e6, d)) < cost(takes(one, rate * 1e6, d)) ? other : one,
    )
    console.log(
      title,
      `${rate} Mbit/s:`,
      ...lines.map(({ name, points }) => `${name} ${at(points)}`),
      `best ${at(best)} ${which}`,
    )
  }
}
const clipped = panels.map(({ series, ...panel }) => ({
  ...panel,
  series: series.map(({ name, points }) => ({ name, points: points.filter(([, ms]) => ms <= 200) })),
}))
writeFileSync(new URL('../../stages/decide/split/split.svg', import.meta.url), svg(clipped))
