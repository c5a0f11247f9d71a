import { anyColour, type Colour, css, shade } from './colour.ts'
import type { Random } from './random.ts'

/** Draws something that is no labelled thing, inside the box −50…50; some resemble one at a glance. */
type Distractor = (r: Random, colour: Colour) => string

const n = (value: number) => value.toFixed(1)

const ball: Distractor = (_r, c) =>
  `<circle r="44" fill="${css(c)}"/><circle cx="-14" cy="-14" r="12" fill="${css(shade(c, 20))}"/>`

const plate: Distractor = (_r, c) =>
  `<circle r="46" fill="${css(c)}"/><circle r="30" fill="${css(shade(c, -10))}"/><circle r="27" fill="${css(shade(c, 6))}"/>`

const book: Distractor = (r, c) =>
  `<rect x="-34" y="-44" width="68" height="88" rx="3" fill="${css(c)}"/><rect x="-24" y="${n(r.between(-34, -10))}" width="48" height="${n(r.between(6, 18))}" fill="${css(shade(c, 30))}"/><path d="M-28 -44V44" stroke="${css(shade(c, -20))}" stroke-width="3"/>`

const spoon: Distractor = (_r, c) =>
  `<ellipse cy="-32" rx="12" ry="17" fill="${css(c)}"/><rect x="-3" y="-18" width="6" height="66" rx="3" fill="${css(c)}"/>`

const ring: Distractor = (r, c) =>
  `<circle r="36" fill="none" stroke="${css(c)}" stroke-width="${n(r.between(5, 16))}"/>`

const pencil: Distractor = (_r, c) =>
  `<rect x="-4" y="-34" width="8" height="80" fill="${css(c)}"/><path d="M-4 -34L0 -48L4 -34Z" fill="${css(shade(c, 30))}"/>`

const bowl: Distractor = (r, c) =>
  `<path d="M-46 -8C-40 ${n(r.between(30, 48))} 40 ${n(r.between(30, 48))} 46 -8Z" fill="${css(c)}"/><ellipse cy="-8" rx="46" ry="8" fill="${css(shade(c, -18))}"/>`

const triangle: Distractor = (r, c) => `<path d="M-40 36L${n(r.between(-30, 30))} -44L44 34Z" fill="${css(c)}"/>`

const cross: Distractor = (r, c) =>
  `<path d="M-40 0H40M0 -40V40" stroke="${css(c)}" stroke-width="${n(r.between(8, 24))}" fill="none"/>`

const ribbon: Distractor = (r, c) =>
  `<path d="M-48 ${n(r.between(-30, 30))}C-20 -60 10 60 48 ${n(r.between(-30, 30))}" stroke="${css(c)}" stroke-width="${n(r.between(3, 12))}" fill="none"/>`

const cloud: Distractor = (_r, c) =>
  `<g fill="${css(c)}"><circle cx="-20" cy="6" r="22"/><circle cx="8" cy="-8" r="26"/><circle cx="28" cy="10" r="18"/><rect x="-38" y="8" width="82" height="20" rx="10"/></g>`

const card: Distractor = (r, c) =>
  `<rect x="-46" y="-28" width="92" height="56" rx="6" fill="${css(c)}"/><path d="M-34 -10H${n(r.between(-10, 34))}M-34 2H${n(r.between(-10, 34))}M-34 14H${n(r.between(-10, 34))}" stroke="${css(shade(c, -30))}" stroke-width="4"/>`

const box: Distractor = (_r, c) =>
  `<path d="M-36 -14L0 -34L36 -14V26L0 46L-36 26Z" fill="${css(c)}"/><path d="M-36 -14L0 6L36 -14M0 6V46" stroke="${css(shade(c, -20))}" stroke-width="2" fill="none"/>`

const stalk: Distractor = (r, c) =>
  `<path d="M0 48Q${n(r.between(-20, 20))} 0 0 -48" stroke="${css(c)}" stroke-width="4" fill="none"/>${Array.from(
    { length: r.whole(2, 5) },
    (_, i) =>
      `<circle cx="${n(r.between(-12, 12))}" cy="${n(-44 + i * 16)}" r="${n(r.between(3, 8))}" fill="${css(c)}"/>`,
  ).join('')}`

const bolt: Distractor = (_r, c) => `<path d="M6 -48L-24 8H-2L-8 48L26 -12H4Z" fill="${css(c)}"/>`

const wheel: Distractor = (r, c) =>
  `<circle r="40" fill="none" stroke="${css(c)}" stroke-width="6"/>${Array.from(
    { length: r.whole(2, 4) },
    (_, i) => `<path d="M-40 0H40" stroke="${css(c)}" stroke-width="4" transform="rotate(${i * 45})"/>`,
  ).join('')}`

const distractors: readonly Distractor[] = [
  ball,
  plate,
  book,
  spoon,
  ring,
  pencil,
  bowl,
  triangle,
  cross,
  ribbon,
  cloud,
  card,
  box,
  stalk,
  bolt,
  wheel,
]

/** One distractor of any kind and colour, in the box −50…50. */
export function distractor(r: Random): string {
  return r.pick(distractors)(r, anyColour(r))
}

/** A backdrop of `width × height` units in shades of one colour: a surface with a pattern, and stains on it. */
export function backdrop(r: Random, colour: Colour, width: number, height: number): string {
  const [x2, y2] = [r.whole(0, 1), r.chance(0.5) ? 1 : 0]
  const far = shade(colour, r.between(-22, 22))
  const ground =
    `<defs><linearGradient id="ground" x1="0" y1="0" x2="${x2}" y2="${y2}"><stop offset="0" stop-color="${css(colour)}"/><stop offset="1" stop-color="${css(far)}"/></linearGradient></defs>` +
    `<rect width="${width}" height="${height}" fill="url(#ground)"/>`
  const ink = css(shade(colour, r.pick([-1, 1]) * r.between(6, 22)), r.between(0.4, 1))
  return `${ground}${stains(r, colour, width, height)}${r.pick(patterns)(r, ink, width, height)}`
}

type Pattern = (r: Random, ink: string, width: number, height: number) => string

const plain: Pattern = () => ''

/** Parallel lines, `gap` apart and turned by `turn`, as one path: many times quicker to rasterise than a pattern. */
function lines(gap: number, turn: number, ink: string, thick: number, width: number, height: number): string {
  const reach = Math.hypot(width, height) / 2
  const all = Array.from(
    { length: Math.ceil((2 * reach) / gap) },
    (_, i) => `M${n(-reach)} ${n(i * gap - reach)}H${n(reach)}`,
  )
  return `<path d="${all.join('')}" stroke="${ink}" stroke-width="${n(thick)}" transform="translate(${n(width / 2)} ${n(height / 2)}) rotate(${n(turn)})"/>`
}

/** The given mark at every point of a turned square lattice (or at every second one), as one path. */
function lattice(
  gap: number,
  turn: number,
  ink: string,
  mark: string,
  everySecond: boolean,
  width: number,
  height: number,
) {
  const count = Math.ceil(Math.hypot(width, height) / gap / 2)
  const marks: string[] = []
  for (let row = -count; row <= count; row++) {
    for (let column = -count; column <= count; column++) {
      if (everySecond && (row + column) % 2 !== 0) continue
      marks.push(`M${n(column * gap)} ${n(row * gap)}${mark}`)
    }
  }
  return `<path d="${marks.join('')}" fill="${ink}" transform="translate(${n(width / 2)} ${n(height / 2)}) rotate(${n(turn)})"/>`
}

const planks: Pattern = (r, ink, width, height) =>
  lines(r.scale(18, 90), r.between(0, 180), ink, r.between(1, 5), width, height)

const checks: Pattern = (r, ink, width, height) => {
  const s = r.scale(12, 50)
  return lattice(s, r.between(0, 90), ink, `h${n(s)}v${n(s)}h${n(-s)}Z`, true, width, height)
}

const dots: Pattern = (r, ink, width, height) => {
  const s = r.scale(12, 60)
  const d = s * r.between(0.24, 0.7)
  const dot = `a${n(d / 2)} ${n(d / 2)} 0 1 0 ${n(d)} 0a${n(d / 2)} ${n(d / 2)} 0 1 0 ${n(-d)} 0Z`
  return lattice(s, r.between(0, 90), ink, dot, r.chance(0.3), width, height)
}

const weave: Pattern = (r, ink, width, height) => {
  const [s, turn] = [r.scale(7, 30), r.between(0, 90)]
  const thick = s * r.between(0.08, 0.3)
  return lines(s, turn, ink, thick, width, height) + lines(s, turn + 90, ink, thick, width, height)
}

const strokes: Pattern = (r, ink, width, height) => {
  const lean = r.between(-20, 20)
  const blades = Array.from({ length: r.whole(60, 160) }, () => {
    const [x, y] = [r.between(0, width), r.between(0, height)]
    return `M${n(x)} ${n(y)}l${n(lean + r.between(-8, 8))} ${n(-r.between(10, 40))}`
  })
  return `<path d="${blades.join('')}" stroke="${ink}" stroke-width="${n(r.between(1, 4))}" fill="none"/>`
}

const chips: Pattern = (r, ink, width, height) => {
  const chips = Array.from({ length: r.whole(30, 90) }, () => {
    const [x, y, s] = [r.between(0, width), r.between(0, height), r.between(3, 16)]
    return `M${n(x)} ${n(y)}l${n(s)} ${n(r.between(-s, s))}l${n(r.between(-s, 0))} ${n(s)}Z`
  })
  return `<path d="${chips.join('')}" fill="${ink}"/>`
}

const horizon: Pattern = (r, ink, width, height) => {
  const y = r.between(0.3, 0.8) * height
  return `<rect y="${n(y)}" width="${width}" height="${n(height - y)}" fill="${ink}"/>`
}

const patterns: readonly Pattern[] = [plain, planks, checks, dots, weave, strokes, chips, horizon]

function stains(r: Random, colour: Colour, width: number, height: number): string {
  return Array.from({ length: r.whole(0, 6) }, () => {
    const tint = css(
      shade({ ...colour, h: (colour.h + r.between(-40, 40) + 360) % 360 }, r.between(-18, 18)),
      r.between(0.2, 0.6),
    )
    return `<ellipse cx="${n(r.between(0, width))}" cy="${n(r.between(0, height))}" rx="${n(r.between(20, 160))}" ry="${n(r.between(20, 120))}" fill="${tint}"/>`
  }).join('')
}
