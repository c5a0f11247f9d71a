import type { CutCosts } from '../estimate/cuts.ts'
import type { EnergyModel } from '../estimate/energy.ts'

/** How one encoding writes what crosses behind a layer. */
export interface Writing {
  /** Bytes written for a byte of float32. */
  readonly ratio: number
  /** Milliseconds per byte of float32 for writing on the device and for reading in the cloud, by reference. */
  readonly encode: number
  readonly decode: number
}

/** As the model computes it, at no cost. */
export const plain: Writing = { ratio: 1, encode: 0, decode: 0 }

/** What holds for one message towards one target. Mutable: one object serves all decisions. */
export interface Conditions {
  /** Factor on what runs on the device, K_device and its slowness; and in the cloud, K and the node's. */
  device: number
  cloud: number
  /** Milliseconds per byte on the way up, and per crossing whatever its size, the way down included. */
  perByte: number
  perCrossing: number
  /** bit/s on the way down, for energy alone. */
  downlink: number
}

/** What one choice costs. Mutable: one object serves all. */
export interface Cost {
  /** Milliseconds per resource. */
  device: number
  transfer: number
  cloud: number
  /** Bytes that cross. */
  bytes: number
}

/** What a decision minimises. */
export type Objective = (cost: Cost) => number

/** T = T_device + T_transfer + T_cloud, ms (Neurosurgeon, latency; DADS, light load). */
export const latency: Objective = ({ device, transfer, cloud }) => device + transfer + cloud

/**
 * max(T_device, T_transfer, T_cloud), ms: the time between two answers of a stream (DADS, heavy load). Among equals the
 * shorter sum.
 */
export const bottleneck: Objective = ({ device, transfer, cloud }) =>
  Math.max(device, transfer, cloud) + 1e-6 * (device + transfer + cloud)

/**
 * E = T_device · P_compute + D · 8 · α_up + T_up · β + T_cloud · P_wait + what the answer costs on its way down, mJ
 * (Neurosurgeon, energy, with the waiting and the way down that it leaves out). The rest of the crossing is waited for.
 * @param answerBytes bytes of the answer
 */
export function energy(model: EnergyModel, conditions: Conditions, answerBytes: number): Objective {
  return ({ device, transfer, cloud, bytes }) => {
    if (transfer === 0 && bytes === 0) return model.compute(device)
    const { perByte, perCrossing, downlink } = conditions
    const up = perByte > 0 ? model.upload(bytes, 8000 / perByte) : 0
    return model.compute(device) + up + model.wait(perCrossing + cloud) + model.download(answerBytes, downlink)
  }
}

/**
 * Costs of the wire behind cut j, into `cost`: T_device = before_j · K_device + encode, T_transfer = D_j / B + round trip,
 * T_cloud = decode + behind_j · K_cloud. For `answered` nothing crosses.
 * @param bytes what crosses, where the message says it; else as the model computes it, written by `writing`
 */
export function costAt(
  costs: CutCosts,
  j: number,
  { device, cloud, perByte, perCrossing }: Conditions,
  writing: Writing,
  cost: Cost,
  bytes?: number,
): Cost {
  const floats = bytes === undefined ? (costs.floats[j] as number) : 0
  const crossing = bytes ?? (costs.bytes[j] as number) - (1 - writing.ratio) * floats
  const whole = j === costs.cuts.length - 1
  cost.bytes = crossing
  cost.device = ((costs.before[j] as number) + writing.encode * floats) * device
  cost.transfer = whole ? 0 : crossing * perByte + perCrossing
  cost.cloud = whole ? 0 : ((costs.behind[j] as number) + writing.decode * floats) * cloud
  return cost
}
