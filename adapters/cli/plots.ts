import { writeFile } from 'node:fs/promises'
import type { EChartsOption } from 'echarts'
import { BadConfiguration } from '../../pipeline/index.ts'
import { drawn, escaped, htmlPage } from '../plots/index.ts'

/**
 * Draws a chart into a file: `.svg` the picture alone, `.html` a page with it and its title.
 * @throws BadConfiguration for another kind of file
 */
export async function plot(path: string, title: string, option: EChartsOption): Promise<void> {
  if (!/\.(svg|html)$/.test(path))
    throw new BadConfiguration(`"${path}" is no .svg or .html file. Name one to draw into.`)
  const svg = await drawn(title, option)
  await writeFile(path, path.endsWith('.svg') ? svg : htmlPage(title, `<h1>${escaped(title)}</h1>\n${svg}`))
}
