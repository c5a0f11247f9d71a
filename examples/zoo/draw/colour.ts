import type { Random } from './random.ts'

/** A colour by hue (degrees), saturation and lightness (both 0…100). */
export type Colour = { readonly h: number; readonly s: number; readonly l: number }

/** The colour as SVG writes it, with an opacity of 0…1. */
export function css(colour: Colour, opacity = 1): string {
  const { h, s, l } = colour
  return `hsla(${h.toFixed(0)},${s.toFixed(0)}%,${l.toFixed(0)}%,${opacity.toFixed(2)})`
}

/** A lighter (positive) or darker (negative) shade of the same hue. */
export function shade(colour: Colour, by: number): Colour {
  return { ...colour, l: Math.min(97, Math.max(3, colour.l + by)) }
}

/** Any colour a thing about the house may have; greys and muted tones are as likely as strong ones. */
export function anyColour(r: Random): Colour {
  return { h: r.between(0, 360), s: r.chance(0.3) ? r.between(0, 12) : r.between(15, 85), l: r.between(12, 88) }
}

/** How unlike two colours are, 0…1: distance in RGB, with brightness counted twice. */
export function contrast(a: Colour, b: Colour): number {
  const [x, y] = [rgb(a), rgb(b)]
  const d = [0, 1, 2].map((i) => (x[i] ?? 0) - (y[i] ?? 0))
  const brightness = 0.3 * (d[0] ?? 0) + 0.59 * (d[1] ?? 0) + 0.11 * (d[2] ?? 0)
  return Math.min(1, Math.sqrt(d.reduce((sum, v) => sum + v * v, 0) / 3) * 0.5 + Math.abs(brightness))
}

/** A colour at least `least` unlike each of the others, as long as sixty tries find one; else the best of them. */
export function contrasting(r: Random, others: readonly Colour[], least: number): Colour {
  let best = anyColour(r)
  let bestContrast = -1
  for (let i = 0; i < 60; i++) {
    const candidate = anyColour(r)
    const worst = Math.min(...others.map((other) => contrast(candidate, other)))
    if (worst >= least) return candidate
    if (worst > bestContrast) [best, bestContrast] = [candidate, worst]
  }
  return best
}

function rgb({ h, s, l }: Colour): [number, number, number] {
  const a = (s / 100) * Math.min(l / 100, 1 - l / 100)
  const channel = (n: number) => {
    const k = (n + h / 30) % 12
    return l / 100 - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))
  }
  return [channel(0), channel(8), channel(4)]
}
