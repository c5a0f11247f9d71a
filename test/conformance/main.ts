/* `npm run conformance:cuts [-- TEXT …]`: tries every cut that is offered of every model (whose name holds one of the texts). */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Report, Subject } from './examine.ts'
import { generated } from './generated.ts'
import { noSuite, suite } from './suite.ts'

const within = 600_000

const folder = await mkdtemp(join(tmpdir(), 'quintet-conformance-'))
let worker: ChildProcess | undefined
try {
  const wanted = process.argv.slice(2)
  if (noSuite !== undefined) console.log(`The backend suite is skipped: ${noSuite}.`)
  const all = [...suite(), ...(await generated(folder))]
  const subjects = all.filter(({ set, name }) => wanted.length === 0 || wanted.some((text) => `${set}: ${name}`.includes(text)))
  const reports: Report[] = []
  for (const subject of subjects) {
    const report = await examined(subject)
    reports.push(report)
    if (report.off.length > 0) console.log(`${report.set}: ${report.name}`, report.off.length, 'of', report.cuts, report.off[0])
  }
  const sum = (of: (report: Report) => number) => reports.reduce((total, one) => total + of(one), 0)
  console.log(reports.length, 'models', reports.filter((one) => one.cuts > 0).length, 'with cuts', sum((one) => one.cuts), 'cuts', sum((one) => one.off.length), 'off', sum((one) => one.roundedAtAll), 'rounded at all')
  await writeFile('/tmp/reports.json', JSON.stringify(reports, null, 1))
} finally {
  worker?.disconnect()
  await rm(folder, { recursive: true, force: true })
}

function examined(subject: Subject): Promise<Report> {
  worker ??= fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] })
  const child = worker
  return new Promise((resolve) => {
    const lost = (reason: string): void => {
      worker = undefined
      resolve({
        name: subject.name, set: subject.set, layers: 0, cuts: 0, refused: {}, roundedAtAll: 0, farthestAtAll: 0, off: [{ cut: '', level: 'extended', reason }],
      })
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), within)
    const exited = (code: number | null, signal: string | null) => {
      clearTimeout(timer)
      lost(signal === 'SIGKILL' ? `took more than ${within} ms` : `the process ended with ${signal ?? code}`)
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
