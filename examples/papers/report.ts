import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Table from 'cli-table3'
import type { EChartsOption } from 'echarts'
import type { Findings, Paper } from './paper.ts'
import type { Row } from './rows.ts'

/** One paper's findings, under its title. */
export interface Chapter {
  readonly title: string
  readonly findings: Findings
}

/** Rows for the terminal: those that have something to be held against; the others are counted. */
export function printed({ title, findings }: Chapter): string {
  const table = new Table({
    head: ['', 'published', 'ours', '95 %', 'difference', 'aim', ''],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  })
  const told = findings.rows.filter(({ published, aim }) => published !== null || aim !== '')
  let under = ''
  for (const row of told) {
    if (row.table !== under) table.push([{ colSpan: 7, content: row.table }])
    under = row.table
    table.push(['  ', '', '', '', '', '', ''].map((indent, i) => indent + (cells(row)[i] ?? '')))
  }
  const missed = told.filter(({ holds }) => !holds).length
  const more = findings.rows.length - told.length
  return [
    `\n${title}`,
    table.toString(),
    ...findings.remarks.map((remark) => `· ${remark}`),
    `${told.filter(({ aim }) => aim !== '').length} aims, ${missed} missed; ${more} more rows in the report.`,
  ].join('\n')
}

function cells({ point, published, ours, interval, difference, aim, holds, mark }: Row): string[] {
  return [
    point,
    published === null ? '' : `${published}${mark ? ` (${mark})` : ''}`,
    String(ours),
    interval ? `${interval[0]} … ${interval[1]}` : '',
    difference === null ? '' : String(difference),
    aim,
    aim === '' ? '' : holds ? 'holds' : 'MISSED',
  ]
}

/** Writes `papers.json` (all rows) and `papers.html` (tables and plots) into a folder. */
export async function writeReport(folder: string, chapters: readonly Chapter[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  const rows = chapters.flatMap(({ findings }) => findings.rows)
  await writeFile(join(folder, 'papers.json'), `${JSON.stringify(rows, null, 1)}\n`)
  await writeFile(join(folder, 'papers.html'), await page(chapters))
}

async function page(chapters: readonly Chapter[]): Promise<string> {
  const bodies: string[] = []
  for (const { title, findings } of chapters) {
    bodies.push(`<h1>${escaped(title)}</h1>`)
    bodies.push(`<ul>${findings.remarks.map((remark) => `<li>${escaped(remark)}</li>`).join('')}</ul>`)
    for (const plot of findings.plots) bodies.push(await drawn(plot.title, plot.option))
    for (const name of new Set(findings.rows.map(({ table }) => table))) {
      bodies.push(`<h2>${escaped(name)}</h2>`, htmlTable(findings.rows.filter(({ table }) => table === name)))
    }
  }
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Published tables, computed again</title>
<style>
body { margin: 2rem; font-family: sans-serif } svg { max-width: 100%; height: auto }
table { border-collapse: collapse; font-size: 85% } td, th { padding: .15rem .7rem; text-align: right }
td:first-child, th:first-child { text-align: left } tr.missed td { background: #fbd5d0 } tr:hover td { background: #eef }
</style></head>
<body>
${bodies.join('\n')}
</body></html>
`
}

function htmlTable(rows: readonly Row[]): string {
  const head = ['', 'published', 'ours', '95 % interval', 'difference', 'aim', '']
  const line = (row: Row) =>
    `<tr${row.holds ? '' : ' class="missed"'}>${cells(row)
      .map((cell) => `<td>${escaped(cell)}</td>`)
      .join('')}</tr>`
  return `<table><tr>${head.map((cell) => `<th>${cell}</th>`).join('')}</tr>\n${rows.map(line).join('\n')}</table>`
}

async function drawn(title: string, option: EChartsOption): Promise<string> {
  const { init } = await import('echarts')
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 1000, height: 480 })
  try {
    chart.setOption({
      animation: false,
      title: { text: title, left: 'center', top: 4, textStyle: { fontSize: 14 } },
      grid: { left: 70, right: 40, top: 80, bottom: 120 },
      ...option,
    })
    return chart.renderToSVGString()
  } finally {
    chart.dispose()
  }
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`)
}

/** Runs one paper. */
export async function chapter({ title, run }: Paper, effort: Parameters<Paper['run']>[0]): Promise<Chapter> {
  return { title, findings: await run(effort) }
}
