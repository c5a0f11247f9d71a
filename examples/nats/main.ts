/*
 * The pipeline as separate processes: a device and two cloud workers, over a NATS server. Starts a server of its own
 * where `NATS_URL` names none.
 *
 *   npx tsx examples/nats/main.ts [--count 60] [--json]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type NatsServer, natsServer } from '../../adapters/nats/index.ts'
import { TransportClosed } from '../../adapters/node/index.ts'
import { program } from '../program.ts'
import { beside, deviceOptions } from './definition.ts'

await program(async () => {
  const { json } = deviceOptions()
  const children = new Set<ChildProcess>()
  let interrupted = false
  // The device ends first, and the workers after it; before there is a device, the workers end at once.
  const interrupt = () => {
    interrupted = true
    if (device) device.kill('SIGINT')
    else for (const child of children) child.kill('SIGTERM')
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)
  process.once('exit', () => {
    for (const child of children) child.kill('SIGKILL')
  })

  let server: NatsServer | undefined
  let device: ChildProcess | undefined
  try {
    if (!process.env.NATS_URL) server = await natsServer()
    const url = process.env.NATS_URL ?? server?.url
    /** Starts another file of this folder as a process, the way this one was started. */
    const start = (name: string, args: readonly string[] = []): ChildProcess => {
      const child = spawn(process.execPath, [...process.execArgv, beside(name), ...args], {
        env: { ...process.env, NATS_URL: url },
        stdio: ['ignore', 'pipe', 'inherit'],
        // Of its own group: Ctrl-C is for this process, which ends them in order.
        detached: true,
      })
      children.add(child)
      child.once('exit', () => children.delete(child))
      return child
    }

    if (!interrupted) await Promise.all([start('cloud'), start('cloud')].map((worker) => serving(worker, json)))
    if (interrupted) return
    device = start('device', process.argv.slice(2))
    device.stdout?.pipe(process.stdout)
    await once(device, 'exit')
    // An interrupt that comes before the device listens for it ends it by the signal: nothing had begun yet.
    process.exitCode = device.exitCode ?? (interrupted ? 0 : 1)
  } catch (error) {
    if (!interrupted) throw error
  } finally {
    for (const worker of children) worker.kill('SIGTERM')
    await Promise.all([...children].map((child) => once(child, 'exit')))
    await server?.stop()
  }
})

/** Resolves at the first line a worker prints; the lines are passed on unless only JSON is wanted. */
async function serving(worker: ChildProcess, json: boolean): Promise<void> {
  const lines = createInterface({ input: worker.stdout as NodeJS.ReadableStream })
  if (!json) lines.on('line', (line) => console.log(line))
  const ended = once(worker, 'exit').then(() => {
    throw new TransportClosed('A worker ended before it served. What it says above is why.')
  })
  await Promise.race([once(lines, 'line'), ended])
}
