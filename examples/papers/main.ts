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
import type { Paper } from './paper.ts'
import { type Chapter, chapter, printed, writeReport } from './report.ts'

const seeds = 20

const papers: Readonly<Record<string, () => Promise<Paper>>> = {
  pieslicer: async () => ({
    title: 'PieSlicer: where is a picture prepared?',
    run: (await import('./pieslicer/index.ts')).pieslicer,
  }),
  mdinference: async () => ({
    title: 'MDInference and ModiPick: which model answers?',
    run: (await import('./mdinference/index.ts')).mdinference,
  }),
  neurosurgeon: async () => ({
    title: 'Neurosurgeon: behind which layer does the wire cross?',
    run: (await import('./neurosurgeon/index.ts')).neurosurgeon,
  }),
  layercake: async () => ({
    title: 'LayerCake: device or cloud, under one deadline each',
    run: (await import('./layercake/index.ts')).layercake,
  }),
  modi: async () => ({
    title: 'MODI: edge or device, and cascades on a phone',
    run: (await import('./modi/index.ts')).modi,
  }),
  ours: async () => ({
    title: 'The joint planner beside all of them',
    run: (await import('./ours/index.ts')).ours,
  }),
  'edge-models': async () => ({
    title: 'CremeBrulee: many models at the edge, little memory',
    run: (await import('./edge-models/index.ts')).edgeModels,
  }),
}

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
  const chosen = (only?.split(',') ?? Object.keys(papers)).map((name) => {
    const load = papers[name]
    if (load) return { name, load }
    throw new BadConfiguration(`There is no paper "${name}". Use one of: ${Object.keys(papers).join(', ')}.`)
  })
  const folder = process.env.QUINTET_ASSETS ?? '../shared/assets'
  const assets = existsSync(folder) ? folder : undefined
  const chapters: Chapter[] = []
  for (const { name, load } of chosen) {
    process.stderr.write(`${name} … `)
    const started = performance.now()
    const done = await chapter(await load(), { seeds, quick, assets })
    process.stderr.write(`${((performance.now() - started) / 1000).toFixed(0)} s\n`)
    chapters.push(done)
    if (!json) console.log(printed(done))
  }
  if (json) console.log(JSON.stringify(chapters.flatMap(({ findings }) => findings.rows)))
  await writeReport(output, chapters)
  process.stderr.write(`${output}/papers.html, ${output}/papers.json\n`)
})
