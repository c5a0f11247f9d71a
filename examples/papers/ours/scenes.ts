import { join } from 'node:path'
import { constantRate, type Rate, readTrace, steps } from '../../../adapters/link/index.ts'
import { random, type ScenarioInput } from '../../../adapters/simulation/index.ts'
import { phones, preparing } from '../pieslicer/index.ts'
import { pool, standIns } from './pool.ts'

/** A kind of link: traces to choose on, others to be tested on. */
export interface Ground {
  readonly name: string
  readonly tuning: readonly Rate[]
  readonly test: readonly Rate[]
  /** ms one way besides. */
  readonly delay: number
}

/** Deadlines, ms. */
export const deadlines = [300, 450, 800] as const
/** ms from one frame to the next. */
export const pause = 500

/** What the recorded traces make; a trace that is tested on was never chosen on. */
export async function grounds(assets: string): Promise<readonly Ground[]> {
  const read = (name: string) => readTrace(join(assets, 'network', name))
  const [att, verizon, mobile] = await Promise.all(
    ['ATT-LTE-driving-2016.up', 'Verizon-LTE-short.up', 'TMobile-LTE-short.up'].map(read),
  )
  const [bus1, bus10] = await Promise.all(['norway_bus_1', 'norway_bus_10'].map(read))
  if (!att || !verizon || !mobile || !bus1 || !bus10) return []
  return [
    { name: 'LTE', tuning: [att], test: [verizon, mobile], delay: 30 },
    { name: '3G', tuning: [bus1], test: [bus10], delay: 60 },
    {
      name: 'Wi-Fi and cellular',
      tuning: [handovers(att, 'Wi-Fi and ATT')],
      test: [handovers(verizon, 'Wi-Fi and Verizon')],
      delay: 20,
    },
  ]
}

/** Bins of a trace that is made one of steps, ms. */
const bin = 100
/** How long a phone stays with either network, and with none between them, ms. */
const [stay, none] = [20_000, 1000]
/** Wi-Fi at its best, bit/s. */
const wifi = 20e6

/** 20 s of Wi-Fi, a second of nothing, 20 s of a cellular trace, and so on (assumed: no trace of both was at hand). */
function handovers(cellular: Rate, name: string): Rate {
  const rounds = Math.max(1, Math.floor(Math.min(cellular.period, 400_000) / stay))
  const { bytes } = passed(cellular, rounds * stay)
  const made = [{ at: 0, bitsPerSecond: wifi }]
  let at = 0
  for (let round = 0; round < rounds; round++) {
    made.push({ at: at + stay, bitsPerSecond: 0 })
    for (let i = 0; i < stay / bin; i++) {
      made.push({
        at: at + stay + none + i * bin,
        bitsPerSecond: ((bytes[(round * stay) / bin + i] ?? 0) * 8000) / bin,
      })
    }
    at += 2 * stay + none
    made.push({ at, bitsPerSecond: wifi })
  }
  return steps(made, name)
}

/** Bytes that pass in each bin of a trace. */
function passed(rate: Rate, ms: number): { readonly bytes: readonly number[] } {
  const bytes = new Array<number>(Math.ceil(ms / bin)).fill(0)
  const bottleneck = rate.open()
  const piece = 1504
  for (let at = bottleneck.send(0, piece); at < ms; at = bottleneck.send(0, piece)) {
    bytes[Math.floor(at / bin)] = (bytes[Math.floor(at / bin)] as number) + piece
  }
  return { bytes }
}

const cv = { kind: 'lognormal', cv: 0.1 } as const

/** A Pixel 2 behind a trace, small pictures, a cloud with GPUs: where in the trace it begins is the seed's. */
export function scene(rate: Rate, delay: number, deadline: number, seed: number): ScenarioInput {
  const line = ([perMegabyte, ms]: readonly [number, number]) => ({ ms, perMegabyte, variation: cv })
  return {
    name: `${rate.name}, ${deadline} ms`,
    deadline,
    captures: {
      arrive: { kind: 'every', ms: pause },
      bytes: { kind: 'lognormal', median: 200e3, sigma: 0.9, most: 2e6 },
    },
    device: {
      prepare: line(phones.pixel2.prepare),
      models: Object.fromEntries(pool.map(({ id, device }) => [id, { ms: device, variation: cv }])),
      backups: [...standIns],
    },
    window: 4,
    link: {
      kind: 'rates',
      up: rate,
      down: constantRate(10e6),
      delay,
      from: Number.isFinite(rate.period) ? rate.period * random(seed, 'begin').uniform() : 0,
    },
    cloud: {
      prepare: line(preparing),
      models: Object.fromEntries(pool.map(({ id, cloud }) => [id, { ms: cloud, variation: cv }])),
      executors: 4,
    },
    accuracy: Object.fromEntries(pool.map(({ id, accuracy }) => [id, accuracy])),
  }
}
