/*
 * `npm run conformance:cuts [-- TEXT …]`: tries every cut that is offered of every model, or of those whose set and name hold
 * one of the texts, and writes what it found: all of it into the repository's page, a part of it to the screen.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { noAssets, real } from './assets.ts'
import type { Report, Subject } from './examine.ts'
import { generated } from './generated.ts'
import { noSuite, suite } from './suite.ts'
import { page } from './table.ts'

/** Longest that one model may take, ms. */
const within = 900_000

const written = fileURLToPath(new URL('../../adapters/onnx/graph/CONFORMANCE.md', import.meta.url))
const wanted = process.argv.slice(2)
const folder = await mkdtemp(join(tmpdir(), 'quintet-conformance-'))
let worker: ChildProcess | undefined
try {
  const skipped = [noSuite, noAssets].filter((reason) => reason !== undefined)
  for (const reason of skipped) console.log(`Skipped: ${reason}.`)
  const reports: Report[] = []
  const all = [...suite(), ...(await generated(folder)), ...real()]
  for (const subject of all) {
    const name = `${subject.set}: ${subject.name}`
    if (wanted.length > 0 && !wanted.some((text) => name.includes(text))) continue
    const report = await examined(subject)
    reports.push(report)
    console.log(`${name}: ${report.cuts} cuts${report.off.length > 0 ? `, ${report.off.length} OFF` : ''}`)
  }
  const found = page({ reports, skipped, wanted })
  if (wanted.length === 0) await writeFile(written, found)
  else console.log(found)
  if (reports.some(({ off }) => off.length > 0)) process.exitCode = 1
} finally {
  worker?.disconnect()
  await rm(folder, { recursive: true, force: true })
}

/** Has a model examined in a process that may crash; the next one is started when it is needed. */
function examined(subject: Subject): Promise<Report> {
  worker ??= fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] })
  const child = worker
  return new Promise((resolve) => {
    let slow = false
    const timer = setTimeout(() => {
      slow = true
      child.kill('SIGKILL')
    }, within)
    const exited = (code: number | null, signal: string | null): void => {
      clearTimeout(timer)
      worker = undefined
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
