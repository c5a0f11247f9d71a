import type { Variation } from '../../../adapters/simulation/index.ts'

/*
 * MDInference (Ogden and Guo, 2020) and ModiPick: the authors' zoo and networks.
 * Source: cake-lab/MDInference at a30f83b, code/Simulation/Shared.py (Apache-2.0).
 */

/** Where the zoo was measured. */
export type Processor = 'gpu' | 'cpu'

/** Top-1 (%), then mean and deviation of a run (ms) on an AWS p2 (GPU) and on a c5 (CPU). */
const measured: readonly (readonly [
  id: string,
  top1: number,
  gpuMean: number,
  gpuDeviation: number,
  cpuMean: number,
  cpuDeviation: number,
])[] = [
  ['densenet', 64.2, 25.487, 0.144, 153.03, 29.69],
  ['inception-resnet-v2', 77.5, 50.851, 0.33, 500.99, 1.15],
  ['inception-v3', 77.9, 31.108, 0.191, 262.05, 0.89],
  ['inception-v4', 80.1, 59.214, 0.22, 540.75, 1.91],
  ['mobilenet-0-25-128', 41.4, 2.454, 0.191, 3.96, 0.2],
  ['mobilenet-0-25-160', 45.4, 3.148, 0.099, 6.63, 0.25],
  ['mobilenet-0-25-192', 47.1, 3.169, 0.077, 8.76, 0.4],
  ['mobilenet-0-25-224', 49.7, 3.207, 0.078, 10.98, 0.32],
  ['mobilenet-0-5-128', 56.2, 3.65, 0.113, 8.26, 0.2],
  ['mobilenet-0-5-160', 59.0, 3.826, 0.066, 11.59, 0.51],
  ['mobilenet-0-5-192', 61.7, 3.856, 0.065, 15.01, 0.27],
  ['mobilenet-0-5-224', 63.2, 4.211, 0.064, 19.86, 0.25],
  ['mobilenet-0-75-128', 62.0, 3.661, 0.112, 12.51, 0.55],
  ['mobilenet-0-75-160', 65.2, 4.349, 0.118, 17.31, 0.36],
  ['mobilenet-0-75-192', 67.1, 4.393, 0.073, 23.7, 0.34],
  ['mobilenet-0-75-224', 68.3, 4.672, 0.066, 31.51, 0.24],
  ['mobilenet-1-0-128', 65.2, 3.824, 0.086, 17.43, 0.43],
  ['mobilenet-1-0-160', 68.0, 4.177, 0.102, 25.29, 0.37],
  ['mobilenet-1-0-192', 69.9, 4.624, 0.082, 34.68, 0.27],
  ['mobilenet-1-0-224', 71.0, 5.431, 0.112, 46.18, 0.22],
  ['nasnet-large', 82.6, 112.606, 0.335, 1458.19, 6.66],
  ['nasnet-mobile', 73.9, 21.183, 0.166, 100.97, 1.01],
  ['squeezenet', 49.0, 4.908, 0.058, 38.09, 11.25],
]

/** A model of the zoo. */
export interface ZooModel {
  readonly id: string
  /** 0…1 */
  readonly accuracy: number
  /** ms */
  readonly mean: number
  readonly deviation: number
}

/** The 23 models of the zoo (the decoy of the authors' code left out). */
export function zoo(processor: Processor): readonly ZooModel[] {
  return measured.map(([id, top1, gpuMean, gpuDeviation, cpuMean, cpuDeviation]) => ({
    id,
    accuracy: top1 / 100,
    mean: processor === 'gpu' ? gpuMean : cpuMean,
    deviation: processor === 'gpu' ? gpuDeviation : cpuDeviation,
  }))
}

/** The 11 models of Fig. 1. */
export const figure1Pool: readonly string[] = [
  'squeezenet',
  'mobilenet-0-25-224',
  'mobilenet-0-5-224',
  'mobilenet-0-75-224',
  'mobilenet-1-0-224',
  'densenet',
  'nasnet-mobile',
  'nasnet-large',
  'inception-resnet-v2',
  'inception-v3',
  'inception-v4',
]

/** The model that a phone always runs beside the wire (Fig. 2). */
export const duplicate = { id: 'mobilenet-0-25-128', accuracy: 0.414 } as const

/** One-way times of the networks, normal and cut off at 0, ms. */
export const networks = {
  campus: { mean: 57.873, deviation: 30.787 },
  home: { mean: 92.021, deviation: 48.376 },
  lte: { mean: 364.66, deviation: 170.59 },
  artificial: { mean: 50, deviation: 25 },
  artificial2: { mean: 100, deviation: 50 },
} as const

/**
 * One-way time of the residential network of Fig. 2: half of the total, whose distribution was digitised from the
 * figure's curve of reliance on the device; the parametric network does not reproduce it.
 */
export const residential: Variation = {
  kind: 'empirical',
  below: [
    [42.5, 0],
    [43.5, 0.035],
    [48.5, 0.4],
    [53.5, 0.62],
    [58.5, 0.69],
    [63.5, 0.75],
    [73.5, 0.815],
    [83.5, 0.865],
    [93.5, 0.9],
    [103.5, 0.93],
    [123.5, 0.9684],
    [143.5, 0.982],
    [163.5, 0.99],
    [183.5, 0.994],
    [223.5, 0.997],
    [300, 1],
  ],
}

/**
 * Fig. 1 (one-way 50 ± 25 ms, drawn once for both ways): accuracy (%), latency (ms) and attainment of MDInference, and
 * attainment of static greedy, by SLA (ms). Reproduced with the authors' simulator: the figure has no table.
 */
export const figure1 = [
  { sla: 50, accuracy: 52.5, latency: 108, attainment: 0.12, greedy: 0.03 },
  { sla: 100, accuracy: 61.4, latency: 118, attainment: 0.46, greedy: 0.1 },
  { sla: 120, accuracy: 66.0, latency: 125, attainment: 0.62, greedy: 0.01 },
  { sla: 150, accuracy: 72.8, latency: 141, attainment: 0.82, greedy: 0.09 },
  { sla: 200, accuracy: 79.4, latency: 175, attainment: 0.97, greedy: 0.38 },
  { sla: 250, accuracy: 81.9, latency: 201, attainment: 0.998, greedy: 0.77 },
  { sla: 300, accuracy: 82.5, latency: 213, attainment: 1, greedy: 0.96 },
] as const

/**
 * Fig. 2 (22 models in the cloud, the duplicate on the phone): accuracy (%) of MDInference, share of answers that come
 * from the phone, accuracy (%) of static greedy. Digitised.
 */
export const figure2 = [
  { sla: 130, accuracy: 66, reliance: 0.25, greedy: 41.4 },
  { sla: 170, accuracy: 74, reliance: 0.135, greedy: 41.4 },
  { sla: 210, accuracy: 77.5, reliance: 0.07, greedy: 51 },
  { sla: 250, accuracy: 80.5, reliance: 0.0316, greedy: 73 },
  { sla: 330, accuracy: 82, reliance: 0.01, greedy: 80 },
  { sla: 490, accuracy: 82.4, reliance: undefined, greedy: 82 },
] as const

/** US dollars an hour, on demand: p2.xlarge and c5.large. Recalled; the paper names no sizes. */
export const hourly: Readonly<Record<Processor, number>> = { gpu: 0.9, cpu: 0.085 }
