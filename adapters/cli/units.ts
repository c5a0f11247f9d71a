import { BadConfiguration } from '../../pipeline/index.ts'

/** Reads a rate such as `5mbps`, `800 kbps`, `1.5Gbit/s`; a bare number is Mbit/s. @returns Mbit/s */
export function megabits(text: string): number {
  const factors: Readonly<Record<string, number>> = { k: 1e-3, m: 1, g: 1e3, '': 1 }
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmg])?(?:bps|bit\/s))?\s*$/i.exec(text)
  const value = match ? Number(match[1]) * (factors[(match[2] ?? '').toLowerCase()] ?? 1) : Number.NaN
  if (!(value > 0)) throw new BadConfiguration(`"${text}" is no rate. Write it as 5mbps, 800kbps or 1.5gbps.`)
  return value
}

/** Reads a duration such as `60ms`, `0.2s`; a bare number is milliseconds. @returns milliseconds */
export function milliseconds(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(ms|s)?\s*$/i.exec(text)
  const value = match ? Number(match[1]) * (match[2]?.toLowerCase() === 's' ? 1000 : 1) : Number.NaN
  if (!Number.isFinite(value)) throw new BadConfiguration(`"${text}" is no duration. Write it as 60ms or 0.2s.`)
  return value
}

/** Reads sizes of free dimensions, `N=1` each. @returns undefined where none are given */
export function dimensions(given: unknown): Record<string, number> | undefined {
  if (given === undefined) return undefined
  const pairs = (Array.isArray(given) ? given : [given]).map((one) => {
    const match = /^(.+)=(\d+)$/.exec(String(one))
    if (!match?.[1]) throw new BadConfiguration(`"${String(one)}" is no size of a dimension. Write it as N=1.`)
    return [match[1], Number(match[2])] as const
  })
  return Object.fromEntries(pairs)
}

/** Reads a recurrent model's states, `INPUT=OUTPUT` each. @returns undefined where none are given */
export function states(given: unknown): Record<string, string> | undefined {
  if (given === undefined) return undefined
  const pairs = [given].flat().map((one) => {
    const match = /^([^=]+)=([^=]+)$/.exec(String(one))
    if (!match?.[1] || !match[2]) throw new BadConfiguration(`"${String(one)}" is no state. Write it as INPUT=OUTPUT.`)
    return [match[1], match[2]] as const
  })
  return Object.fromEntries(pairs)
}

/**
 * Reads an option that is a whole number.
 * @throws BadConfiguration for anything else: words, fractions, numbers out of range, the option given twice
 */
export function whole(given: unknown, option: string, { least = 1, most = Number.MAX_SAFE_INTEGER } = {}): number {
  const value = typeof given === 'number' ? given : Number.NaN
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  const range = most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `from ${least} to ${most}`
  throw new BadConfiguration(`${option} ${[given].flat().join(', ')}: give one whole number ${range}.`)
}

/** Bytes for people: `36.9 kB`; `?` where they are not known. */
export function bytes(value: number | undefined): string {
  if (value === undefined) return '?'
  return scaled(value, ['B', 'kB', 'MB', 'GB'])
}

/** A shape for people: `1×256×6×6`, `scalar`, `?`. */
export function shapeOf(shape: readonly number[] | undefined): string {
  return shape === undefined ? '?' : shape.length === 0 ? 'scalar' : shape.join('×')
}

/** Counts for people: `655 M`; `?` where they are not known. */
export function count(value: number | undefined): string {
  if (value === undefined) return '?'
  return value === 0 ? '' : scaled(value, ['', 'k', 'M', 'G']).trim()
}

/** Milliseconds for people: three digits that matter. */
export function ms(value: number): string {
  return value >= 100
    ? value.toFixed(0)
    : value >= 10
      ? value.toFixed(1)
      : value >= 1
        ? value.toFixed(2)
        : value.toFixed(3)
}

function scaled(value: number, units: readonly string[]): string {
  let unit = 0
  let left = value
  while (left >= 1000 && unit < units.length - 1) {
    left /= 1000
    unit++
  }
  return `${unit === 0 || left >= 100 ? left.toFixed(0) : left.toFixed(1)} ${units[unit] ?? ''}`
}
