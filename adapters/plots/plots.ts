import type { EChartsOption } from 'echarts'

export interface DrawOptions {
  /** Pixels. */
  readonly width?: number
  readonly height?: number
}

/** Draws a chart under its title. Returns it as SVG. */
export async function drawn(title: string, option: EChartsOption, options: DrawOptions = {}): Promise<string> {
  const { width = 1100, height = 560 } = options
  // Loaded where it is needed alone: it is larger than the rest of the program.
  const { init } = await import('echarts')
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      title: { text: title, left: 'center', top: 8, textStyle: { fontSize: 15 } },
      grid: { left: 80, right: 80, top: 80, bottom: 110 },
      ...option,
    })
    return chart.renderToSVGString()
  } finally {
    chart.dispose()
  }
}

/** A page that needs nothing but itself, around what is shown on it. @param body HTML */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escaped(title)}</title>
<style>
body { margin: 2rem; font-family: sans-serif } svg { max-width: 100%; height: auto }
table { border-collapse: collapse; font-size: 85% } td, th { padding: .15rem .7rem; text-align: right }
td:first-child, th:first-child { text-align: left } tr.missed td { background: #fbd5d0 } tr:hover td { background: #eef }
</style></head>
<body>
${body}
</body></html>
`
}

/** A table of a page, its first line the heads. @param missed which of the lines stand out as what has missed its aim */
export function htmlTable(
  lines: readonly (readonly string[])[],
  missed: (line: number) => boolean = () => false,
): string {
  const row = (cells: readonly string[], line: number) => {
    const tag = line === 0 ? 'th' : 'td'
    const written = cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')
    return `<tr${line > 0 && missed(line) ? ' class="missed"' : ''}>${written}</tr>`
  }
  return `<table>${lines.map(row).join('\n')}</table>`
}

/** Text as HTML. */
export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`)
}
