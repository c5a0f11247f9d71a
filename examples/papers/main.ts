/*
 * Tables of the field's papers, computed again by the same deciders, in virtual time: published beside ours, point by
 * point. Same numbers every run.
 *
 *   npm run papers                     all of them; writes papers.html and papers.json into .cache/papers
 *   npm run papers -- --only NAME      one of them (or several, by commas)
 *   npm run papers -- --json           rows {table, point, published, ours, difference, aim, holds} on standard output
 *   npm run papers -- --quick          shorter runs: for a look
 *   npm run papers -- --output FOLDER  where the report goes
 */
import { existsSync } from 'node:fs'
import { BadConfiguration } from '../../pipeline/index.ts'
import { commandLine, program } from '../program.ts'
import { computed } from './computed.ts'
import { papers } from './registry.ts'
import { printed, writeReport } from './report.ts'

const seeds = 20

await program(async () => {
  const {
    only,
    json,
    quick,
    output = '.cache/papers',
  } = commandLine({
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    output: { type: 'string' },
  })
  const names = only?.split(',') ?? Object.keys(papers)
  const unknown = names.find((name) => !(name in papers))
  if (unknown !== undefined) {
    throw new BadConfiguration(`There is no paper "${unknown}". Use one of: ${Object.keys(papers).join(', ')}.`)
  }
  const folder = process.env.QUINTET_ASSETS ?? '../shared/assets'
  const assets = existsSync(folder) ? folder : undefined
  const chapters = await computed(names, { seeds, quick, assets }, (name, took) =>
    process.stderr.write(`${name}: ${took.toFixed(0)} s\n`),
  )
  if (!json) for (const chapter of chapters) console.log(printed(chapter))
  if (json) console.log(JSON.stringify(chapters.flatMap(({ findings }) => findings.rows)))
  await writeReport(output, chapters)
  process.stderr.write(`${output}/papers.html, ${output}/papers.json\n`)
})
