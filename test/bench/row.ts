import { quantile } from 'simple-statistics'

/** One line of a benchmark. */
export interface Row {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** In words, `≤ 1.15` or `≥ 0.97`; empty for a figure that only informs. */
  readonly aim: string
  readonly holds: boolean
}

/** A figure, rounded to three digits behind the point, held against its aim. */
export function row(name: string, figure: number, unit: string, aim = ''): Row {
  const value = Number(figure.toFixed(3))
  const bound = Number(aim.slice(2))
  const holds = aim === '' || (aim.startsWith('≤') ? value <= bound : value >= bound)
  return { name, value, unit, aim, holds }
}

export const median = (values: readonly number[]) => quantile([...values], 0.5)
export const p99 = (values: readonly number[]) => quantile([...values], 0.99)
