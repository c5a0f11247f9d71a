import { type ChildProcess, spawn } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { readOptions } from '../../pipeline/index.ts'
import type { Executor, ExecutorFactory, ExecutorOptions } from '../../stages/execute/index.ts'
import { availableCores } from '../machine/index.ts'
import { processEntry } from './entry.ts'
import { defaultBounds, encodeFrame, FrameReader } from './framing.ts'
import { executorOptionsSchema } from './options.ts'
import type { Packet, Reply } from './protocol.ts'
import type { Channel } from './remote.ts'
import { SharedBodies, sharedFile } from './shared.ts'
import { started } from './start.ts'

export interface ProcessExecutorOptions {
  /** Longest a process may take to be ready, in milliseconds. Default 20,000. */
  readonly startWithin?: number
  /** Largest tensors of one run together, inputs or outputs, in bytes. Default 256 MiB. */
  readonly largest?: number
}

const processOptions = z.strictObject({
  startWithin: z.number().positive().default(20_000),
  largest: z.number().positive().default(defaultBounds.body),
} satisfies Record<keyof ProcessExecutorOptions, z.ZodType>)

/**
 * Executors that are child processes: a run never blocks the caller's event loop, can be killed in its middle, and a
 * crash of the runtime takes nothing else along. Tensors travel as raw bytes over a socket pair. A process ends by
 * itself when its parent is gone; it ignores SIGINT and SIGTERM, which a terminal sends to the whole group, because
 * its parent lets it finish and then ends it. Each executor is closed by who started it.
 *
 * `start` throws ExecutorLost when the process is not ready in time.
 */
export function processExecutors(options: ProcessExecutorOptions = {}): ExecutorFactory {
  const { startWithin, largest } = readOptions(processOptions, options, 'processExecutors()')
  const bounds = { ...defaultBounds, body: largest }
  return {
    kind: 'process',
    cores: availableCores(),
    async start(executorOptions: ExecutorOptions = {}): Promise<Executor> {
      readOptions(executorOptionsSchema, executorOptions, 'an executor')
      return started(
        (receive) => connect(receive, executorOptions, bounds),
        ({ pid }) => `process-${pid ?? 'none'}`,
        startWithin,
      )
    },
  }
}

function connect(
  receive: (packet: Packet<Reply>) => void,
  options: ExecutorOptions,
  bounds: typeof defaultBounds,
): Channel & { readonly pid: number | undefined } {
  const program = processEntry()
  const file = sharedFile()
  const shared = file === undefined ? undefined : new SharedBodies(file, 'parent')
  const start = JSON.stringify({ options, bounds, shared: file !== undefined })
  const child = spawn(process.execPath, [...program.execArgv, fileURLToPath(program.url), start], {
    stdio: ['ignore', 'inherit', 'pipe', 'pipe', ...(file === undefined ? [] : [file])],
    // glibc then returns freed memory to the system, so that unloading a model really makes room.
    env: { ...process.env, MALLOC_TRIM_THRESHOLD_: '65536' },
    windowsHide: true,
  })
  giveWay(child)
  const socket = child.stdio[3] as Duplex
  const lastWords = tail(child)
  let broken: string | undefined
  let over = false

  const gone = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`it cannot be started (${error.message})`))
    child.once('exit', (code, signal) => {
      over = true
      // What it wrote last arrives behind its exit.
      setImmediate(() => {
        socket.destroy()
        const how = signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`
        resolve(`${broken ?? how}${lastWords()}`)
      })
    })
  })

  gone.then(() => shared?.close())
  const reader = new FrameReader<Reply>({ bounds, shared })
  socket.on('data', (chunk: Uint8Array) => {
    try {
      for (const packet of reader.push(chunk)) receive(packet)
    } catch (error) {
      broken = `it sent what cannot be read (${error instanceof Error ? error.message : error})`
      child.kill('SIGKILL')
    }
  })
  // Writing to a process that just died: its exit says the same.
  socket.on('error', () => {})

  return {
    pid: child.pid,
    gone,
    kill: () => void child.kill('SIGKILL'),
    send(packet) {
      if (over || !socket.writable) return
      writeAll(socket, encodeFrame(packet, { bounds, shared }))
    },
  }
}

/** Hands parts over as one. */
export function writeAll(socket: Duplex, parts: readonly Uint8Array[]): void {
  socket.cork()
  for (const part of parts) socket.write(part)
  socket.uncork()
}

/** Passes the child's error stream on, and remembers its end for the sentence about its death. */
function tail(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk)
    text = (text + chunk.toString()).slice(-400)
  })
  return () => (text.trim() === '' ? '' : `; it last said "${text.trim()}"`)
}

/** Runs go behind the thread that moves messages, where cores are short: it wants little, and at once. */
function giveWay({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // Gone already, or a system that does not allow it.
  }
}
