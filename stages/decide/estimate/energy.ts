import { z } from 'zod'
import { readOptions } from '../../../pipeline/index.ts'

const milliwatts = z.number().min(0)

/** Power of a radio: α · rate + β while it sends or receives, mW with the rate in Mbit/s. */
const radio = z.strictObject({
  /** α while sending, mW per Mbit/s. */
  up: milliwatts,
  /** α while receiving, mW per Mbit/s. */
  down: milliwatts,
  /** β, mW. */
  base: milliwatts,
})

export type Radio = z.output<typeof radio>

/** Radios as JointDNN measured them (Eshratifar et al., IEEE TMC 2019, Table 3). */
export const radios = {
  '3g': { up: 868.98, down: 122.12, base: 817.88 },
  '4g': { up: 438.39, down: 51.97, base: 1288.04 },
  wifi: { up: 283.17, down: 137.01, base: 132.86 },
} as const satisfies Readonly<Record<string, Radio>>

export type RadioName = keyof typeof radios

const settings = z.strictObject({
  /** Default `wifi`. */
  radio: z
    .enum(Object.keys(radios) as [RadioName, ...RadioName[]])
    .or(radio)
    .default('wifi'),
  /** Power of the device while it computes, mW. Default 3249: a Nexus 5 running Caffe (Guo, IC2E 2018). */
  computing: milliwatts.default(3249),
  /** Power of the device while it waits for the cloud, mW. Default 1081: a Nexus 5, idle with its screen on (ibid.). */
  waiting: milliwatts.default(1081),
  /** A full battery, mWh. Default 8740: 2,300 mAh at 3.8 V. */
  battery: z.number().positive().default(8740),
})

/** Plain values; every field has a default. */
export type EnergyOptions = z.input<typeof settings>

/** One message as the device's battery sees it. What does not happen is absent. */
export interface Spending {
  /** Milliseconds the device computes, preparing and encoding included. */
  readonly compute?: number
  /** Bytes sent, and the rate at which they go, bit/s. */
  readonly bytes?: number
  readonly uplink?: number
  /** Milliseconds the device waits while the cloud works. */
  readonly wait?: number
  /** Bytes received, and the rate at which they come, bit/s. */
  readonly bytesDown?: number
  readonly downlink?: number
}

/**
 * Energy of the device, mJ: E = t_compute · P_compute + t_up · P_up + t_wait · P_wait + t_down · P_down, with
 * P = α · rate + β for the radio (JointDNN). What the cloud spends is not counted.
 */
export class EnergyModel {
  /** mW */
  readonly computing: number
  readonly waiting: number
  readonly radio: Radio
  /** mJ of a full battery. */
  readonly capacity: number

  /** @throws BadConfiguration a bad option */
  constructor(options: EnergyOptions = {}) {
    const { radio, computing, waiting, battery } = readOptions(settings, options, 'energy()')
    this.radio = typeof radio === 'string' ? radios[radio] : radio
    this.computing = computing
    this.waiting = waiting
    this.capacity = battery * 3600
  }

  /** mJ of so many milliseconds of computing. */
  compute(ms: number): number {
    return (ms * this.computing) / 1000
  }

  /** mJ of so many milliseconds of waiting. */
  wait(ms: number): number {
    return (ms * this.waiting) / 1000
  }

  /** mJ of sending so many bytes at a rate in bit/s; Infinity over a link that carries nothing. */
  upload(bytes: number, rate: number): number {
    return moved(bytes, rate, this.radio.up, this.radio.base)
  }

  /** mJ of receiving so many bytes at a rate in bit/s; Infinity over a link that carries nothing. */
  download(bytes: number, rate: number): number {
    return moved(bytes, rate, this.radio.down, this.radio.base)
  }

  /** mJ of a whole message. Bytes whose rate is absent go over a link that carries nothing. */
  total({ compute = 0, bytes = 0, uplink = 0, wait = 0, bytesDown = 0, downlink = 0 }: Spending): number {
    return this.compute(compute) + this.upload(bytes, uplink) + this.wait(wait) + this.download(bytesDown, downlink)
  }

  /** The share of a full battery that so many mJ are, 0…1 and more. */
  charge(mJ: number): number {
    return mJ / this.capacity
  }
}

/** (8 · bytes ÷ rate) s · (α · rate ÷ 10⁶ + β) mW = mJ */
function moved(bytes: number, rate: number, alpha: number, beta: number): number {
  if (bytes <= 0) return 0
  return rate > 0 ? 8 * bytes * (alpha / 1e6 + beta / rate) : Number.POSITIVE_INFINITY
}
