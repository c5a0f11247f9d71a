import { backdrop, distractor } from './clutter.ts'
import { anyColour, contrasting, css } from './colour.ts'
import type { Random } from './random.ts'
import { type Label, things } from './things.ts'

/** How hard the pictures are. The defaults make the ladder of the built-in models; the bounds are of uniform draws. */
export type Difficulty = {
  /** Side of the thing's box as a fraction of the picture's shorter side, log-uniform. */
  readonly size: readonly [number, number]
  /** How many distractors stand about. */
  readonly clutter: readonly [number, number]
  /** The chance that something hides part of the thing. */
  readonly hidden: number
  /** The least contrast between thing and backdrop, 0…1. */
  readonly contrast: readonly [number, number]
}

/** The difficulty that the built-in models were trained and measured on. */
export const DIFFICULTY: Difficulty = { size: [0.45, 0.92], clutter: [1, 6], hidden: 0.2, contrast: [0.16, 0.5] }

const n = (value: number) => value.toFixed(2)

/** The shorter side of every scene, in SVG units. */
const SHORT = 400

/**
 * Composes one scene as an SVG document of `width × height` pixels: a patterned backdrop, distractors behind, beside
 * and sometimes before the labelled thing, and uneven light. The thing stands inside the central square.
 */
export function scene(r: Random, label: Label, width: number, height: number, difficulty: Difficulty): string {
  const unit = Math.min(width, height) / SHORT
  const [w, h] = [Math.round(width / unit), Math.round(height / unit)]
  const ground = anyColour(r)
  const side = SHORT * r.scale(...difficulty.size)
  const thing = things[label]
  const slack = Math.max(0, (SHORT - side * 1.1) / 2)
  const [x, y] = [w / 2 + r.between(-slack, slack), h / 2 + r.between(-slack, slack)]

  const around = Array.from({ length: r.whole(...difficulty.clutter) }, () => beside(r, x, y, side, w, h))
  const paint = {
    base: contrasting(r, [ground], r.between(...difficulty.contrast)),
    accent: anyColour(r),
    flat: r.chance(0.3),
  }
  const turn = r.between(-thing.turn, thing.turn)
  const flip = r.chance(0.5) ? -1 : 1
  const [wide, tall, skew] = [r.between(0.82, 1.1), r.between(0.82, 1.1), r.between(-10, 10)]
  const pose = `translate(${n(x)} ${n(y)}) rotate(${n(turn)}) skewX(${n(skew)}) scale(${n((flip * side * wide) / 100)} ${n((side * tall) / 100)})`
  const shadow = r.chance(0.5)
    ? `<ellipse cx="${n(x + side * 0.06)}" cy="${n(y + side * 0.1)}" rx="${n(side * 0.42)}" ry="${n(side * 0.4)}" fill="#000" opacity="${n(r.between(0.05, 0.22))}"/>`
    : ''
  const before = r.chance(difficulty.hidden) ? occluder(r, x, y, side) : ''
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${w} ${h}">` +
    `${backdrop(r, ground, w, h)}${around.join('')}${shadow}<g transform="${pose}">${thing.draw(r, paint)}</g>${before}${light(r, w, h)}</svg>`
  )
}

/** A distractor whose middle keeps clear of the thing's middle, smaller than the thing as often as not. */
function beside(r: Random, x: number, y: number, side: number, w: number, h: number): string {
  const size = side * r.scale(0.25, 1)
  let [cx, cy] = [0, 0]
  for (let tries = 0; tries < 12; tries++) {
    ;[cx, cy] = [r.between(0, w), r.between(0, h)]
    if (Math.hypot(cx - x, cy - y) > (side + size) * 0.42) break
  }
  return `<g transform="translate(${n(cx)} ${n(cy)}) rotate(${n(r.between(0, 360))}) scale(${n(size / 100)})">${distractor(r)}</g>`
}

/** Something before the thing that covers a part of its box near an edge: a strip, or a distractor. */
function occluder(r: Random, x: number, y: number, side: number): string {
  const angle = r.between(0, 360)
  const away = side * r.between(0.3, 0.48)
  if (r.chance(0.5)) {
    const thick = side * r.between(0.05, 0.16)
    return `<rect x="${n(-side)}" y="${n(away - thick)}" width="${n(2 * side)}" height="${n(thick)}" fill="${css(anyColour(r))}" transform="translate(${n(x)} ${n(y)}) rotate(${n(angle)})"/>`
  }
  const size = side * r.between(0.25, 0.45)
  return `<g transform="translate(${n(x)} ${n(y)}) rotate(${n(angle)}) translate(0 ${n(away)}) scale(${n(size / 100)})">${distractor(r)}</g>`
}

/** Light from one side and darker corners. */
function light(r: Random, w: number, h: number): string {
  const [a, b] = [r.between(0, 0.35), r.between(0, 0.3)]
  const angle = r.between(0, 2 * Math.PI)
  const [dx, dy] = [0.5 + 0.5 * Math.cos(angle), 0.5 + 0.5 * Math.sin(angle)]
  return (
    `<defs><linearGradient id="sun" x1="${n(dx)}" y1="${n(dy)}" x2="${n(1 - dx)}" y2="${n(1 - dy)}"><stop offset="0" stop-color="#fff" stop-opacity="${n(b)}"/><stop offset="0.5" stop-color="#fff" stop-opacity="0"/><stop offset="1" stop-color="#000" stop-opacity="${n(a)}"/></linearGradient>` +
    `<radialGradient id="lens" r="0.75"><stop offset="0.55" stop-color="#000" stop-opacity="0"/><stop offset="1" stop-color="#000" stop-opacity="${n(r.between(0, 0.45))}"/></radialGradient></defs>` +
    `<rect width="${w}" height="${h}" fill="url(#sun)"/><rect width="${w}" height="${h}" fill="url(#lens)"/>`
  )
}
