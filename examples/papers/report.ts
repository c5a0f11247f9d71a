import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Table from 'cli-table3'
import { drawn, escaped, htmlPage, htmlTable } from '../../adapters/plots/index.ts'
import type { Findings, Paper } from './paper.ts'
import type { Row } from './rows.ts'

/** One paper's findings, under its title. */
export interface Chapter {
  readonly title: string
  readonly findings: Findings
}

const heads = ['', 'published', 'ours', '95 %', 'difference', 'aim', ''] as const

/** Rows for the terminal: those that have something to be held against; the others are counted. */
export function printed({ title, findings }: Chapter): string {
  const table = new Table({
    head: [...heads],
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
      const rows = findings.rows.filter(({ table }) => table === name)
      bodies.push(
        `<h2>${escaped(name)}</h2>`,
        htmlTable([heads, ...rows.map(cells)], (line) => rows[line - 1]?.holds === false),
      )
    }
  }
  return htmlPage('Published tables, computed again', bodies.join('\n'))
}

/** Runs one paper. */
export async function chapter({ title, run }: Paper, effort: Parameters<Paper['run']>[0]): Promise<Chapter> {
  return { title, findings: await run(effort) }
}
