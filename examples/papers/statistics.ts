import { mean, quantileSorted } from 'simple-statistics'
import { type Random, random } from '../../adapters/simulation/index.ts'

/** A figure over paired seeds. */
export interface Estimate {
  readonly value: number
  /** 95 % bootstrap interval. */
  readonly interval: readonly [number, number]
}

const resamples = 1000

/**
 * A statistic of one figure per seed, with its 95 % percentile-bootstrap interval (Efron and Tibshirani 1993, ch. 13):
 * whole seeds are drawn with replacement, so that whatever was paired within a seed stays so.
 */
export function overSeeds<T>(perSeed: readonly T[], statistic: (drawn: readonly T[]) => number): Estimate {
  const draw = random(perSeed.length, 'bootstrap')
  const values = Array.from({ length: resamples }, () => statistic(perSeed.map(() => picked(perSeed, draw))))
  return { value: statistic(perSeed), interval: middle(values) }
}

/**
 * The mean of a series whose neighbours depend on each other, with the 95 % interval of the moving-block bootstrap
 * (Künsch 1989): blocks of `length` are drawn with replacement until the series is as long again.
 */
export function overBlocks(series: readonly number[], length: number): Estimate {
  const draw = random(series.length, 'blocks')
  const blocks = Math.max(1, series.length - length + 1)
  const sums = new Float64Array(series.length + 1)
  for (let i = 0; i < series.length; i++) sums[i + 1] = (sums[i] as number) + (series[i] as number)
  const values = Array.from({ length: resamples }, () => {
    let sum = 0
    let taken = 0
    while (taken < series.length) {
      const from = Math.floor(draw.uniform() * blocks)
      const to = Math.min(from + Math.min(length, series.length - taken), series.length)
      sum += (sums[to] as number) - (sums[from] as number)
      taken += to - from
    }
    return sum / taken
  })
  return { value: mean([...series]), interval: middle(values) }
}

/** Several quantiles of one list; sorts once. */
export function quantiles(values: Float64Array, shares: readonly number[]): number[] {
  const sorted = values.slice().sort() as unknown as number[]
  return shares.map((share) => quantileSorted(sorted, share))
}

const picked = <T>(list: readonly T[], { uniform }: Random) => list[Math.floor(uniform() * list.length)] as T

function middle(values: readonly number[]): readonly [number, number] {
  const sorted = [...values].sort((a, b) => a - b)
  return [quantileSorted(sorted, 0.025), quantileSorted(sorted, 0.975)]
}
