import { constantRate } from '../../../adapters/link/index.ts'
import type { ScenarioInput } from '../../../adapters/simulation/index.ts'

/** What is short at a point of the overload curve. */
export type Bound = 'stage' | 'decode' | 'model' | 'uplink 0.5' | 'uplink 1' | 'uplink 2' | 'uplink 10'

/** One point of the overload curve. */
export interface Point {
  readonly bound: Bound
  /** Offered load as a multiple of what the part that is short can do. */
  readonly load: number
  /** ms from capture to answer. */
  readonly deadline: number
  /** Messages between capture and settlement of each device; undefined: the pipeline's default, 8. */
  readonly window: number | undefined
}

/** Devices that share the node; each has a link of its own. */
export const devices = 4
/** Decoders and executors of the node. */
export const decoders = 2
export const executors = 1

/** ms and bytes of the work of one message, before chance. */
export interface Work {
  /** On the device, one at a time. */
  readonly stage: number
  readonly bytes: number
  /** Bit/s of each device's uplink. */
  readonly uplink: number
  readonly decode: number
  readonly model: number
}

const light: Work = { stage: 0, bytes: 65_000, uplink: 1e9, decode: 2, model: 2 }
const works: Readonly<Record<Bound, Work>> = {
  stage: { ...light, stage: 25 },
  decode: { ...light, decode: 25 },
  model: { ...light, model: 12.5 },
  'uplink 0.5': { ...light, uplink: 0.5e6 },
  'uplink 1': { ...light, uplink: 1e6 },
  'uplink 2': { ...light, uplink: 2e6 },
  'uplink 10': { ...light, uplink: 10e6 },
}

export const workOf = ({ bound }: Point): Work => works[bound]

/** Messages a second that the part which is short can do, for all devices together. */
export function service(point: Point): number {
  const { stage, bytes, uplink, decode, model } = workOf(point)
  const per = (ms: number, of: number) => (ms === 0 ? Number.POSITIVE_INFINITY : (1000 * of) / ms)
  const upload = (8000 * bytes) / uplink
  return Math.min(per(stage, devices), per(upload, devices), per(decode, decoders), per(model, executors))
}

/** One way besides the bottleneck, ms. */
export const delay = 5

/** The point as a scenario of one device. */
export function scenarioOf(point: Point): ScenarioInput {
  const { stage, bytes, uplink, decode, model } = workOf(point)
  const variation = { kind: 'lognormal', cv: 0.1 } as const
  const rate = constantRate(uplink)
  return {
    name: `${point.bound} × ${point.load}`,
    deadline: point.deadline,
    captures: {
      arrive: { kind: 'poisson', ms: (1000 * devices) / (point.load * service(point)) },
      bytes: { kind: 'constant', bytes },
      preparedBytes: bytes,
    },
    device: { prepare: { ms: stage, variation } },
    link: { kind: 'rates', up: rate, down: rate, delay },
    cloud: { prepare: { ms: decode, variation }, models: { one: { ms: model, variation } }, executors },
    accuracy: { one: 1 },
  }
}
