/*
 * The pipeline as separate processes: a device and two cloud workers, over a NATS server. Starts a server of its own
 * where `NATS_URL` names none.
 *
 *   npx tsx examples/nats/main.ts [--count 60] [--json]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { natsServer } from '../../adapters/nats/index.ts'
import { beside } from './definition.ts'

const given = process.env.NATS_URL
const server = given ? undefined : await natsServer()
const url = given ?? (server?.url as string)
const json = process.argv.includes('--json')

/** Starts another file of this folder as a process, the way this one was started. */
function start(name: string, args: readonly string[] = []): ChildProcess {
  const child = spawn(process.execPath, [...process.execArgv, beside(name), ...args], {
    env: { ...process.env, NATS_URL: url },
    stdio: ['ignore', 'pipe', 'inherit'],
    // Of its own group: Ctrl-C is for this process, which ends the device first and the workers after it.
    detached: true,
  })
  process.once('exit', () => child.kill('SIGKILL'))
  return child
}

/** Resolves at the first line a process prints; the lines are passed on unless only JSON is wanted. */
async function ready(child: ChildProcess): Promise<void> {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  if (!json) lines.on('line', (line) => console.log(line))
  await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error('A worker ended before it served.'))),
  ])
}

const ended = (child: ChildProcess) =>
  child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined

const workers = [start('cloud'), start('cloud')]
try {
  await Promise.all(workers.map(ready))
  const device = start('device', process.argv.slice(2))
  device.stdout?.pipe(process.stdout)
  const interrupt = () => device.kill('SIGINT')
  process.on('SIGINT', interrupt)
  await once(device, 'exit')
  process.exitCode = device.exitCode ?? 1
  process.off('SIGINT', interrupt)
} finally {
  for (const worker of workers) worker.kill('SIGTERM')
  await Promise.all(workers.map(ended))
  await server?.stop()
}
