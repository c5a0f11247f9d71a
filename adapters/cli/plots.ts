import { writeFile } from 'node:fs/promises'
import type { EChartsOption } from 'echarts'
import { BadConfiguration } from '../../pipeline/index.ts'

const width = 1100
const height = 560

/**
 * Draws a chart into a file: `.svg` the picture alone, `.html` a page with it and its title.
 * @throws BadConfiguration for another kind of file
 */
export async function plot(path: string, title: string, option: EChartsOption): Promise<void> {
  if (!/\.(svg|html)$/.test(path))
    throw new BadConfiguration(`"${path}" is no .svg or .html file. Name one to draw into.`)
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
    const svg = chart.renderToSVGString()
    await writeFile(path, path.endsWith('.svg') ? svg : page(title, svg))
  } finally {
    chart.dispose()
  }
}

function page(title: string, svg: string): string {
  const name = escaped(title)
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${name}</title>
<style>body { margin: 2rem; font-family: sans-serif } svg { max-width: 100%; height: auto }</style></head>
<body><h1>${name}</h1>
${svg}
</body></html>
`
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`)
}
