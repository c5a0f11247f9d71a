import type { ScenarioInput } from '../../../adapters/simulation/index.ts'

/*
 * PieSlicer (Ogden et al., ICPE'21): the lines its authors fitted, ms = slope · MB + constant, 1 MB = 10⁶ bytes.
 * Source: cake-lab/PieSlicer at 1d69864, ImageConverter.java (MIT). Medians: the authors' talk.
 */

type Line = readonly [slope: number, constant: number]

export type Phone = 'nexus5' | 'motox4' | 'pixel2'
export type Network = 'campus' | 'home'

export const phones: Readonly<Record<Phone, { readonly name: string; readonly prepare: Line }>> = {
  nexus5: { name: 'Nexus 5', prepare: [103.982, 36.018] },
  motox4: { name: 'Moto X4', prepare: [68.355, 73.46] },
  pixel2: { name: 'Pixel 2', prepare: [39.143, 63.091] },
}

/** Transfer of a picture and its answer. */
export const transfers: Readonly<Record<Network, Readonly<Record<Phone, Line>>>> = {
  campus: { nexus5: [389.698, 104.983], motox4: [153.665, 93.489], pixel2: [94.797, 98.585] },
  home: { nexus5: [1124.668, 86.308], motox4: [1086.079, 108.006], pixel2: [1529.267, 112.212] },
}

/** Preparing in the cloud. */
export const cloud: Line = [58.049, 3.824]

export const networks = Object.keys(transfers) as readonly Network[]

/** Mean bytes of a picture that was prepared on the device. */
export const preparedBytes = 53_982

/** Medians of the talk: ms of the optimum, and what sending all to the cloud took in percent of it. */
export const published: Readonly<
  Record<Network, Readonly<Record<Phone, { readonly optimal: number; readonly inCloud: number }>>>
> = {
  home: {
    nexus5: { optimal: 713.2, inCloud: 923 },
    motox4: { optimal: 582.4, inCloud: 1082 },
    pixel2: { optimal: 448.7, inCloud: 1458 },
  },
  campus: {
    nexus5: { optimal: 707.2, inCloud: 274 },
    motox4: { optimal: 502.4, inCloud: 275 },
    pixel2: { optimal: 384.2, inCloud: 235 },
  },
}

/**
 * Pictures: the talk's own evaluation has them evenly between 0 and 10 MB, where at most 6 % belong in the cloud. The
 * small files are assumed, as those of a picture site are: below 1 MB it matters who decides.
 */
export const mixes = {
  '0–10 MB': { kind: 'uniform', from: 1000, to: 10e6 },
  'small files': { kind: 'lognormal', median: 200e3, sigma: 0.9, most: 10e6 },
} as const satisfies Record<string, ScenarioInput['captures']['bytes']>

export type Mix = keyof typeof mixes

/** What is expected of both ways, ms. */
export function costs(phone: Phone, network: Network, bytes: number): { local: number; remote: number } {
  const prepared = Math.min(preparedBytes, bytes)
  const transfer = transfers[network][phone]
  return {
    local: at(phones[phone].prepare, bytes) + at(transfer, prepared) + at(cloud, prepared),
    remote: at(transfer, bytes) + at(cloud, bytes),
  }
}

/** One phone on one network; every time varies by itself with this coefficient of variation. */
export function setting(phone: Phone, network: Network, mix: Mix, cv: number): ScenarioInput {
  const duration = ([perMegabyte, ms]: Line) => ({ ms, perMegabyte, variation: { kind: 'lognormal', cv } as const })
  return {
    name: `${phones[phone].name}, ${network}, ${mix}, CV ${cv}`,
    deadline: Number.POSITIVE_INFINITY,
    captures: { arrive: { kind: 'when-settled' }, bytes: mixes[mix], preparedBytes },
    device: { prepare: duration(phones[phone].prepare) },
    link: { kind: 'times', up: duration(transfers[network][phone]) },
    cloud: { prepare: duration(cloud) },
  }
}

const at = ([slope, constant]: Line, bytes: number) => (slope * bytes) / 1e6 + constant
