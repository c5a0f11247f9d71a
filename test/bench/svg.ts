const colours = ['#0b6e99', '#c4501b', '#4f7d2c', '#8a5aa8', '#777777']

/** A line of a chart. */
export interface Series {
  readonly name: string
  readonly points: readonly (readonly [number, number])[]
}

/** A chart; both axes begin at 0. */
export interface Panel {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly to: readonly [number, number]
  readonly series: readonly Series[]
}

/** Panels side by side, each a chart of lines. */
export function svg(panels: readonly Panel[]): string {
  const [width, height, left, top] = [380, 240, 50, 30]
  const parts = panels.map(({ title, x, y, to, series }, index) => {
    const x0 = index * (width + 80) + left
    const at = ([px, py]: readonly [number, number]) =>
      `${(x0 + (px / to[0]) * width).toFixed(1)},${(top + height - (py / to[1]) * height).toFixed(1)}`
    const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
      const [tx, ty] = [x0 + share * width, top + height - share * height]
      return `<text x="${tx}" y="${top + height + 16}" text-anchor="middle">${share * to[0]}</text>
<text x="${x0 - 6}" y="${ty + 4}" text-anchor="end">${share * to[1]}</text>
<path d="M${x0} ${ty}h${width}" stroke="#ddd"/>`
    })
    const lines = series.map(({ name, points }, i) => {
      const colour = colours[i % colours.length]
      return `<polyline points="${points.map(at).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>
<text x="${x0 + width - 6}" y="${top + height - 12 - 15 * (series.length - 1 - i)}" text-anchor="end" fill="${colour}" stroke="white" stroke-width="3" paint-order="stroke">${name}</text>`
    })
    return `<text x="${x0}" y="18" font-weight="bold">${title}</text>
${ticks.join('\n')}
${lines.join('\n')}
<text x="${x0 + width / 2}" y="${top + height + 34}" text-anchor="middle">${x}</text>
<text x="${x0 - 38}" y="${top + height / 2}" text-anchor="middle" transform="rotate(-90 ${x0 - 38} ${top + height / 2})">${y}</text>`
  })
  const all = panels.length * (width + 80) + 10
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${all} ${top + height + 44}" font-family="sans-serif" font-size="11">
<title>${panels.map(({ title }) => title).join(', ')}</title>
<rect width="100%" height="100%" fill="white"/>
${parts.join('\n')}
</svg>
`
}
