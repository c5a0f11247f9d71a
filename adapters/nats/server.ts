import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { QuintetError, systemClock, within } from '../../pipeline/index.ts'
import { obtainNatsServer } from './obtain/index.ts'

/** The nats-server process did not come up. */
export class NatsServerFailed extends QuintetError {
  constructor(reason: string) {
    super('bad-configuration', `The NATS server did not start: ${reason}. Look at its options and at free ports.`)
  }
}

export interface NatsServerOptions {
  /** Path of the binary. Default: what `obtainNatsServer` finds. */
  readonly binary?: string
  /** Port for clients. Default: any free one. */
  readonly port?: number
  /** Also listens for WebSocket clients, without TLS: on any free port, or on this one. */
  readonly webSocket?: boolean | { readonly port: number }
  /** JetStream with its files in the server's own folder, or in this one, which then outlives it. */
  readonly jetStream?: boolean | { readonly folder: string }
  /** Largest message, bytes. Default: the server's, 1 MiB. */
  readonly maxPayload?: number
  /** Further lines of the server's own configuration language: accounts, permissions. */
  readonly configuration?: string
  /** How long it may take to come up, ms. Default 10,000. */
  readonly startWithin?: number
}

/** A server process that whoever started it must stop; it also ends with this process. */
export interface NatsServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Where WebSocket clients connect, when asked for. */
  readonly webSocketUrl: string | undefined
  /** Shuts down in order and removes the server's folder. Idempotent. */
  stop(): Promise<void>
  /** Ends it as a crash would (SIGKILL) and removes its folder. Idempotent. */
  kill(): Promise<void>
}

const stopWithin = 5000

/**
 * Starts a real nats-server on 127.0.0.1 and resolves when it takes clients.
 * @throws NatsServerMissing without a binary · NatsServerFailed when it does not come up in time
 */
export async function natsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const binary = options.binary ?? (await obtainNatsServer())
  const folder = await mkdtemp(join(tmpdir(), 'quintet-nats-'))
  const file = join(folder, 'server.conf')
  await writeFile(file, configuration(options, folder))
  // Of its own group: a terminal's Ctrl-C is for its owner, which may need it to end in order.
  const child = spawn(binary, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  const guard = child.pid === undefined ? undefined : guardian(child.pid, folder)
  child.once('exit', () => guard?.kill('SIGKILL'))
  const killWithParent = () => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.on('exit', killWithParent)

  let ending: Promise<void> | undefined
  const end = (signal: NodeJS.Signals): Promise<void> => {
    ending ??= (async () => {
      await terminate(child, signal)
      process.off('exit', killWithParent)
      await rm(folder, { recursive: true, force: true })
    })()
    return ending
  }

  try {
    const { port, webSocketPort } = await ready(child, options.startWithin ?? 10_000)
    return {
      url: `nats://127.0.0.1:${port}`,
      port,
      pid: child.pid as number,
      webSocketUrl: webSocketPort === undefined ? undefined : `ws://127.0.0.1:${webSocketPort}`,
      // SIGINT is the server's orderly end with exit code 0.
      stop: () => end('SIGINT'),
      kill: () => end('SIGKILL'),
    }
  } catch (error) {
    await end('SIGKILL')
    throw error
  }
}

/** Ends the server when this process is gone, also by a signal: a shell that waits for the end of its input. */
function guardian(pid: number, folder: string): ChildProcess | undefined {
  if (process.platform === 'win32') return undefined
  const script = 'cat >/dev/null; kill -9 "$1"; rm -rf "$2"'
  const guard = spawn('/bin/sh', ['-c', script, 'guard', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  // Without a shell the server still ends with an orderly exit of this process.
  guard.on('error', () => {})
  guard.stdin?.on('error', () => {})
  // Neither keeps this process alive.
  guard.unref()
  ;(guard.stdin as Socket | null)?.unref()
  return guard
}

function configuration(options: NatsServerOptions, folder: string): string {
  const lines = ['host: "127.0.0.1"', `port: ${options.port ?? -1}`]
  if (options.maxPayload !== undefined) {
    lines.push(`max_payload: ${options.maxPayload}`)
    // The server refuses a payload bound above what it may hold back for one client.
    if (options.maxPayload > 64 * 1024 * 1024) lines.push(`max_pending: ${options.maxPayload}`)
  }
  if (options.webSocket) {
    const port = typeof options.webSocket === 'object' ? options.webSocket.port : -1
    lines.push('websocket {', '  host: "127.0.0.1"', `  port: ${port}`, '  no_tls: true', '}')
  }
  if (options.jetStream) {
    const store = typeof options.jetStream === 'object' ? options.jetStream.folder : join(folder, 'jetstream')
    lines.push('jetstream {', `  store_dir: ${JSON.stringify(store)}`, '}')
  }
  if (options.configuration) lines.push(options.configuration)
  return `${lines.join('\n')}\n`
}

/** Reads the ports from what the server says of itself, so that nobody has to guess free ones or ask again and again. */
async function ready(child: ChildProcess, ms: number): Promise<{ port: number; webSocketPort: number | undefined }> {
  const said: string[] = []
  let port: number | undefined
  let webSocketPort: number | undefined
  const failed = (reason: string) => new NatsServerFailed([reason, ...said.slice(-3)].join(' | '))
  const up = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(failed(error.message)))
    child.once('exit', (code, signal) => reject(failed(`it ended at once (${code ?? signal})`)))
    // The pipe is read to its end, so that a talkative server never blocks on it.
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      if (said.length < 50) said.push(line)
      port ??= portIn(line, 'client connections')
      webSocketPort ??= portIn(line, 'websocket clients')
      if (line.includes('Server is ready')) resolve()
    })
  })
  if (!(await within(up, ms, systemClock))) throw failed(`nothing to connect to after ${ms} ms`)
  if (port === undefined) throw failed('it did not say where it listens')
  return { port, webSocketPort }
}

function portIn(line: string, whom: string): number | undefined {
  const found = new RegExp(`Listening for ${whom} on .*:(\\d+)\\s*$`).exec(line)
  return found ? Number(found[1]) : undefined
}

async function terminate(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  if (await within(gone, stopWithin, systemClock)) return
  child.kill('SIGKILL')
  await gone
}
