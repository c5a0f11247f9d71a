import type { Colour } from './colour.ts'
import { css, shade } from './colour.ts'
import type { Random } from './random.ts'

/** What a thing is painted with: its own colour and a second one for lids, labels, saddles and the like. */
export type Paint = { readonly base: Colour; readonly accent: Colour; readonly flat: boolean }

/** Draws one thing as SVG inside the box −50…50 on both axes, upright, y pointing down. */
export type Drawing = (r: Random, paint: Paint) => string

/** A thing to tell apart: how it is drawn, and how far (degrees to either side) it may be turned from upright. */
export type Thing = { readonly draw: Drawing; readonly turn: number }

const n = (value: number) => value.toFixed(1)

/** The tones of one paint; `flat` things are silhouettes in one colour, with no inner detail to go by. */
function tones({ base, accent, flat }: Paint) {
  const tone = (by: number) => css(flat ? base : shade(base, by))
  return {
    base: css(base),
    light: tone(16),
    dark: tone(-18),
    accent: css(flat ? base : accent),
    line: flat ? 'none' : css(shade(base, -26)),
  }
}

const mug: Drawing = (r, paint) => {
  const t = tones(paint)
  const [w, h, taper] = [r.between(22, 31), r.between(25, 38), r.between(-3, 6)]
  const [x, rim] = [-8, r.between(4, 8)]
  const handle = r.between(9, 15)
  const body = `M${n(x - w)} ${n(-h)}L${n(x - w + taper)} ${n(h)}Q${n(x)} ${n(h + rim)} ${n(x + w - taper)} ${n(h)}L${n(x + w)} ${n(-h)}Z`
  const band = r.chance(0.4)
    ? `<rect x="${n(x - w + taper)}" y="${n(r.between(-10, 6))}" width="${n(2 * (w - taper))}" height="${n(r.between(5, 14))}" fill="${t.accent}"/>`
    : ''
  return (
    `<ellipse cx="${n(x + w)}" cy="${n(r.between(-3, 5))}" rx="${n(handle)}" ry="${n(handle * r.between(1, 1.5))}" fill="none" stroke="${t.dark}" stroke-width="${n(r.between(5, 8))}"/>` +
    `<path d="${body}" fill="${t.base}"/>${band}` +
    `<ellipse cx="${n(x)}" cy="${n(-h)}" rx="${n(w)}" ry="${n(rim)}" fill="${t.light}"/>` +
    `<ellipse cx="${n(x)}" cy="${n(-h + 1)}" rx="${n(w - 3)}" ry="${n(rim - 2)}" fill="${t.dark}"/>`
  )
}

const bottle: Drawing = (r, paint) => {
  const t = tones(paint)
  const [w, neck, shoulder, top] = [r.between(11, 19), r.between(4, 6.5), r.between(-22, -6), r.between(-44, -38)]
  const body = `M${n(-neck)} ${n(top)}L${n(-neck)} ${n(shoulder - 12)}Q${n(-w)} ${n(shoulder - 6)} ${n(-w)} ${n(shoulder + 8)}L${n(-w)} 44Q${n(-w)} 48 ${n(-w + 4)} 48L${n(w - 4)} 48Q${n(w)} 48 ${n(w)} 44L${n(w)} ${n(shoulder + 8)}Q${n(w)} ${n(shoulder - 6)} ${n(neck)} ${n(shoulder - 12)}L${n(neck)} ${n(top)}Z`
  const label = r.chance(0.7)
    ? `<rect x="${n(-w)}" y="${n(r.between(6, 14))}" width="${n(2 * w)}" height="${n(r.between(12, 24))}" fill="${t.accent}"/>`
    : ''
  return (
    `<path d="${body}" fill="${t.base}" stroke="${t.line}" stroke-width="1"/>${label}` +
    `<rect x="${n(-neck - 1.5)}" y="${n(top - 5)}" width="${n(2 * neck + 3)}" height="8" rx="1.5" fill="${t.dark}"/>` +
    `<rect x="${n(-w + 3)}" y="${n(shoulder + 8)}" width="3" height="30" rx="1.5" fill="${t.light}"/>`
  )
}

const key: Drawing = (r, paint) => {
  const t = tones(paint)
  const [bow, shaft] = [r.between(12, 18), r.between(2.4, 4.2)]
  const x = -46 + bow
  const hole = r.between(0.35, 0.6) * bow
  const sides = r.pick([0, 6, 4])
  const outline =
    sides === 0 ? circlePath(x, 0, bow) : polygonPath(x, 0, bow * 1.08, sides, r.pick([0, Math.PI / sides]))
  const teeth = Array.from({ length: r.whole(2, 4) }, (_, i) => {
    const tooth = r.between(6, 13)
    return `<rect x="${n(40 - i * 8)}" y="0" width="${n(r.between(4, 6))}" height="${n(shaft + tooth)}" fill="${t.base}"/>`
  })
  return (
    `<rect x="${n(x + bow - 2)}" y="${n(-shaft)}" width="${n(48 - x - bow)}" height="${n(2 * shaft)}" fill="${t.base}"/>${teeth.join('')}` +
    `<path fill-rule="evenodd" d="${outline}${circlePath(x - bow * 0.15, 0, hole)}" fill="${t.base}" stroke="${t.line}" stroke-width="1.2"/>`
  )
}

const leaf: Drawing = (r, paint) => {
  const t = tones(paint)
  const [w, bulge] = [r.between(13, 30), r.between(-14, 22)]
  const teeth = r.chance(0.35) ? r.whole(5, 8) : 0
  const reach = n(w * 1.3)
  const smooth = `M0 -46C${reach} ${n(bulge - 22)} ${reach} ${n(bulge + 12)} 0 32C-${reach} ${n(bulge + 12)} -${reach} ${n(bulge - 22)} 0 -46Z`
  const outline = teeth === 0 ? smooth : sawnOutline(teeth, w)
  const veins = Array.from({ length: r.whole(3, 6) }, (_, i) => {
    const y = -28 + i * 10
    return `<path d="M0 ${n(y + 8)}L${n(-w * 0.6)} ${n(y)}M0 ${n(y + 8)}L${n(w * 0.6)} ${n(y)}" stroke="${t.dark}" stroke-width="1.1" fill="none"/>`
  })
  return (
    `<path d="${outline}" fill="${t.base}"/>${paint.flat ? '' : veins.join('')}` +
    `<path d="M0 -40Q${n(r.between(-4, 4))} 0 0 32Q${n(r.between(-3, 3))} 40 ${n(r.between(-8, 8))} 48" stroke="${t.dark}" stroke-width="2.4" fill="none"/>`
  )
}

/** A leaf's outline with sawn edges, `teeth` on either side. */
function sawnOutline(teeth: number, w: number): string {
  const right = Array.from({ length: teeth }, (_, i) => {
    const at = (i + 0.5) / teeth
    const reach = w * Math.sin(Math.PI * at) ** 0.8
    return [
      [reach, -46 + 78 * at],
      [reach * 0.78, -46 + 78 * (at + 0.35 / teeth)],
    ] as const
  }).flat()
  const left = right.map(([x, y]) => [-x, y] as const).reverse()
  return `M0 -46${[...right, [0, 32] as const, ...left].map(([x, y]) => `L${n(x)} ${n(y)}`).join('')}Z`
}

const fish: Drawing = (r, paint) => {
  const t = tones(paint)
  const [h, tail] = [r.between(12, 24), r.between(10, 20)]
  const fork = r.between(30, 44)
  const stripes = r.chance(0.4)
    ? Array.from({ length: r.whole(2, 4) }, (_, i) => {
        const x = -12 + i * 11
        return `<path d="M${x} ${n(-h * 0.6)}Q${x + 4} 0 ${x} ${n(h * 0.6)}" stroke="${t.accent}" stroke-width="4" fill="none"/>`
      }).join('')
    : ''
  return (
    `<path d="M22 0L48 ${n(-tail)}L${n(fork)} 0L48 ${n(tail)}Z" fill="${t.dark}"/>` +
    `<path d="M${n(r.between(-14, -4))} ${n(-h * 0.7)}Q6 ${n(-h - r.between(8, 16))} ${n(r.between(12, 20))} ${n(-h * 0.5)}Z" fill="${t.dark}"/>` +
    `<path d="M-48 0Q-16 ${n(-h * 1.7)} 30 0Q-16 ${n(h * 1.7)} -48 0Z" fill="${t.base}"/>${stripes}` +
    `<path d="M-24 ${n(-h * 0.5)}Q-18 0 -24 ${n(h * 0.5)}" stroke="${t.dark}" stroke-width="1.6" fill="none"/>` +
    `<circle cx="-34" cy="${n(-h * 0.15)}" r="${n(r.between(2, 3.4))}" fill="${paint.flat ? t.base : '#fff'}"/><circle cx="-34" cy="${n(-h * 0.15)}" r="1.4" fill="${paint.flat ? t.base : '#111'}"/>`
  )
}

const house: Drawing = (r, paint) => {
  const t = tones(paint)
  const [w, eaves, peak] = [r.between(27, 40), r.between(-14, 4), r.between(-47, -30)]
  const over = r.between(2, 8)
  const chimney = r.chance(0.6)
    ? `<rect x="${n(r.pick([-1, 1]) * r.between(12, 18) - 4)}" y="${n(peak + 1)}" width="8" height="${n(eaves - peak)}" fill="${t.dark}"/>`
    : ''
  const pane = (x: number) =>
    `<rect x="${n(x)}" y="${n(eaves + 9)}" width="11" height="11" fill="${paint.flat ? t.base : css(paint.accent)}" stroke="${t.line}" stroke-width="1.5"/>`
  const door = r.between(-8, 8)
  return (
    `${chimney}<rect x="${n(-w)}" y="${n(eaves)}" width="${n(2 * w)}" height="${n(46 - eaves)}" fill="${t.base}"/>` +
    `<path d="M${n(-w - over)} ${n(eaves)}L${n(r.between(-6, 6))} ${n(peak)}L${n(w + over)} ${n(eaves)}Z" fill="${t.accent}" stroke="${t.line}" stroke-width="1"/>` +
    `${pane(-w + 5)}${pane(w - 16)}<rect x="${n(door - 6)}" y="${n(r.between(20, 26))}" width="12" height="22" fill="${t.dark}"/>`
  )
}

const star: Drawing = (r, paint) => {
  const t = tones(paint)
  const [points, inner] = [r.pick([5, 5, 5, 6, 4]), r.between(0.34, 0.55)]
  const outline = (reach: number) =>
    Array.from({ length: points * 2 }, (_, i) => {
      const radius = i % 2 === 0 ? reach : reach * inner
      const angle = (Math.PI * i) / points - Math.PI / 2
      return `${n(radius * Math.cos(angle))},${n(radius * Math.sin(angle))}`
    }).join(' ')
  const rim = r.chance(0.4) ? `<polygon points="${outline(30)}" fill="${t.accent}"/>` : ''
  return `<polygon points="${outline(48)}" fill="${t.base}" stroke="${t.line}" stroke-width="${n(r.between(0.5, 3))}" stroke-linejoin="round"/>${rim}`
}

const umbrella: Drawing = (r, paint) => {
  const t = tones(paint)
  const [h, scallops] = [r.between(26, 42), r.whole(3, 5)]
  const base = r.between(-6, 4)
  const step = 92 / scallops
  const hem = Array.from({ length: scallops }, () => `q${n(-step / 2)} ${n(-r.between(6, 10))} ${n(-step)} 0`).join('')
  const ribs = Array.from({ length: scallops - 1 }, (_, i) => {
    const x = -46 + step * (i + 1)
    return `<path d="M0 ${n(base - h)}Q${n(x * 0.9)} ${n(base - h * 0.75)} ${n(x)} ${n(base)}" stroke="${t.dark}" stroke-width="1.4" fill="none"/>`
  }).join('')
  const hook = r.between(5, 8)
  return (
    `<path d="M0 ${n(base - h - 4)}L0 ${n(40 - hook)}q0 ${n(hook * 1.5)} ${n(hook)} ${n(hook * 1.5)}t${n(hook)} ${n(-hook * 1.2)}" stroke="${t.dark}" stroke-width="${n(r.between(2.5, 4))}" fill="none"/>` +
    `<path d="M-46 ${n(base)}C-44 ${n(base - h * 1.3)} 44 ${n(base - h * 1.3)} 46 ${n(base)}${hem}Z" fill="${t.base}"/>${paint.flat ? '' : ribs}`
  )
}

const scissors: Drawing = (r, paint) => {
  const t = tones(paint)
  const open = r.between(9, 24)
  const ring = r.between(8, 11)
  const half = (sign: number) =>
    `<g transform="rotate(${n(sign * open)} 0 6)"><path d="M-3.5 12L${n(-sign * 2)} -47L3.5 12Z" fill="${css(paint.flat ? paint.base : shade(paint.base, sign > 0 ? 14 : 4))}"/>` +
    `<path d="M0 10L${n(sign * 2)} 26" stroke="${t.accent}" stroke-width="5"/><ellipse cx="${n(sign * 2)}" cy="36" rx="${n(ring * 0.8)}" ry="${n(ring)}" fill="none" stroke="${t.accent}" stroke-width="4.5"/></g>`
  return `${half(1)}${half(-1)}<circle cx="0" cy="6" r="2.2" fill="${t.dark}"/>`
}

const bicycle: Drawing = (r, paint) => {
  const t = tones(paint)
  const [wheel, thick] = [r.between(17, 21), r.between(1.8, 3.4)]
  const y = 40 - wheel
  const spokes = paint.flat ? 0 : r.whole(0, 6)
  const round = (x: number) =>
    `<circle cx="${x}" cy="${n(y)}" r="${n(wheel)}" fill="none" stroke="${t.dark}" stroke-width="${n(thick)}"/>` +
    Array.from({ length: spokes }, (_, i) => {
      const [dx, dy] = [wheel * Math.cos((Math.PI * i) / spokes), wheel * Math.sin((Math.PI * i) / spokes)]
      return `<path d="M${n(x - dx)} ${n(y - dy)}L${n(x + dx)} ${n(y + dy)}" stroke="${t.dark}" stroke-width="0.6"/>`
    }).join('')
  const bar = r.between(-18, -10)
  return (
    `${round(-28)}${round(28)}<path d="M-28 ${n(y)}L-12 ${n(bar)}L18 ${n(bar)}L-2 ${n(y)}ZL-12 ${n(bar)}M28 ${n(y)}L15 ${n(bar - 10)}" fill="none" stroke="${t.base}" stroke-width="${n(thick + 0.8)}"/>` +
    `<path d="M-2 ${n(y)}L-14 ${n(bar - 8)}M15 ${n(bar - 10)}L${n(r.between(20, 26))} ${n(bar - r.between(10, 16))}" stroke="${t.base}" stroke-width="${n(thick)}" fill="none"/>` +
    `<path d="M-22 ${n(bar - 9)}L-7 ${n(bar - 9)}" stroke="${t.accent}" stroke-width="5" stroke-linecap="round"/>`
  )
}

/** The things that stand in the pictures, by label. */
export const things = {
  bicycle: { draw: bicycle, turn: 30 },
  bottle: { draw: bottle, turn: 75 },
  fish: { draw: fish, turn: 70 },
  house: { draw: house, turn: 20 },
  key: { draw: key, turn: 70 },
  leaf: { draw: leaf, turn: 70 },
  mug: { draw: mug, turn: 30 },
  scissors: { draw: scissors, turn: 70 },
  star: { draw: star, turn: 180 },
  umbrella: { draw: umbrella, turn: 50 },
} as const satisfies Record<string, Thing>

/** The name of one class of picture. */
export type Label = keyof typeof things

/** The classes, in the order of the models' outputs. */
export const LABELS: readonly Label[] = Object.freeze(Object.keys(things).sort() as Label[])

function circlePath(x: number, y: number, radius: number): string {
  return `M${n(x - radius)} ${n(y)}a${n(radius)} ${n(radius)} 0 1 0 ${n(2 * radius)} 0a${n(radius)} ${n(radius)} 0 1 0 ${n(-2 * radius)} 0Z`
}

function polygonPath(x: number, y: number, radius: number, sides: number, turn: number): string {
  const corners = Array.from({ length: sides }, (_, i) => {
    const angle = turn + (2 * Math.PI * i) / sides
    return `${n(x + radius * Math.cos(angle))} ${n(y + radius * Math.sin(angle))}`
  })
  return `M${corners.join('L')}Z`
}
