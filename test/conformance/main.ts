/*
 * `npm run conformance:cuts [-- TEXT …] [--opsets N,N] [--minutes N]`: tries every cut that is offered of every model, or of
 * those whose set and name hold one of the texts, and writes what it found: into the repository's page where no text is
 * given, else to the screen. The page says which opsets were generated, and what was not reached in the minutes given.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { noAssets, real } from './assets.ts'
import type { Report, Subject } from './examine.ts'
import { everyOpset, generated } from './generated.ts'
import { noSuite, suite } from './suite.ts'
import { page } from './table.ts'

/** Longest that one model may take, ms. */
const within = 900_000

const written = fileURLToPath(new URL('../../adapters/onnx/graph/CONFORMANCE.md', import.meta.url))
const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { opsets: { type: 'string' }, minutes: { type: 'string' } },
})
const opsets = values.opsets?.split(',').map(Number) ?? everyOpset()
const until = performance.now() + Number(values.minutes ?? Infinity) * 60_000
const folder = await mkdtemp(join(tmpdir(), 'quintet-conformance-'))
const lanes: Lane[] = Array.from({ length: availableParallelism() }, () => ({}))
try {
  const skipped = [noSuite, noAssets].filter((reason) => reason !== undefined)
  for (const reason of skipped) console.log(`Skipped: ${reason}.`)
  const all = [...suite(), ...(await generated(folder, opsets)), ...real()]
  const chosen = all.filter(
    ({ set, name }) => wanted.length === 0 || wanted.some((text) => `${set}: ${name}`.includes(text)),
  )
  const results = new Map<Subject, Report>()
  const waiting = [...chosen]
  await Promise.all(
    lanes.map(async (lane) => {
      while (performance.now() < until) {
        const subject = waiting.shift()
        if (!subject) return
        const report = await examined(subject, lane)
        results.set(subject, report)
        const off = report.off.length > 0 ? `, ${report.off.length} OFF` : ''
        console.log(`${subject.set}: ${subject.name}: ${report.cuts} cuts${off}`)
      }
    }),
  )
  const reports = chosen.flatMap((subject) => results.get(subject) ?? [])
  const found = page({ reports, skipped, called: process.argv.slice(2), opsets, unreached: waiting })
  if (wanted.length === 0) await writeFile(written, found)
  else console.log(found)
  if (reports.some(({ off }) => off.length > 0)) process.exitCode = 1
} finally {
  for (const { worker } of lanes) worker?.disconnect()
  await rm(folder, { recursive: true, force: true })
}

/** One model after another, in a process that is started when it is needed. */
interface Lane {
  worker?: ChildProcess
}

/** Has a model examined in a process that may crash; the next one is started when it is needed. */
function examined(subject: Subject, lane: Lane): Promise<Report> {
  lane.worker ??= fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] })
  const child = lane.worker
  return new Promise((resolve) => {
    let slow = false
    const timer = setTimeout(() => {
      slow = true
      child.kill('SIGKILL')
    }, within)
    const exited = (code: number | null, signal: string | null): void => {
      clearTimeout(timer)
      delete lane.worker
      const reason = slow ? `it took more than ${within} ms` : `its process ended with ${signal ?? `code ${code}`}`
      const off = [{ cut: '', level: 'extended' as const, reason }]
      const { name, set } = subject
      resolve({ name, set, layers: 0, cuts: 0, off, refused: {}, inexactBy: 0, roundedAtAll: 0, farthestAtAll: 0 })
    }
    child.once('exit', exited)
    child.once('message', (report) => {
      clearTimeout(timer)
      child.off('exit', exited)
      resolve(report as Report)
    })
    child.send(subject)
  })
}
