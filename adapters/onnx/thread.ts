import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { readOptions, type Tensor } from '../../pipeline/index.ts'
import type { Executor, ExecutorFactory, ExecutorOptions } from '../../stages/execute/index.ts'
import { availableCores } from '../machine/index.ts'
import { threadEntry } from './entry.ts'
import { exitsWaitForCalls } from './exits.ts'
import { footprint } from './footprint.ts'
import { giveFreedMemoryBack } from './give-back.ts'
import './no-telemetry.ts'
import { executorOptionsSchema } from './options.ts'
import type { Packet, Reply, Request } from './protocol.ts'
import type { Channel, RemoteExecutor } from './remote.ts'
import { started } from './start.ts'
import type { ThreadData } from './thread-entry.ts'

export interface ThreadExecutorOptions {
  /** Longest a thread may take to be ready, in milliseconds. Default 20,000. */
  readonly startWithin?: number
}

const threadOptions = z.strictObject({ startWithin: z.number().positive().default(20_000) } satisfies Record<
  keyof ThreadExecutorOptions,
  z.ZodType
>)

let count = 0

/**
 * Executors that are threads of this process: cheaper to start and to talk to than processes. A run in a thread cannot
 * be interrupted: the runtime aborts the whole process when its thread is terminated meanwhile. So `kill()` and a
 * `close()` whose time is over give the work up at once, and the thread ends as soon as its run is over; the end of the
 * process waits for its runs, at most a minute, and keeps its exit code. A crash of the runtime takes the process along: trusted models only.
 *
 * `start` throws ExecutorLost when the thread is not ready in time.
 */
export function threadExecutors(options: ThreadExecutorOptions = {}): ExecutorFactory {
  const { startWithin } = readOptions(threadOptions, options, 'threadExecutors()')
  return {
    kind: 'thread',
    cores: availableCores(),
    async start(executorOptions: ExecutorOptions = {}): Promise<Executor> {
      readOptions(executorOptionsSchema, executorOptions, 'an executor')
      count += 1
      const id = `thread-${count}`
      if (executorOptions.sizes) giveFreedMemoryBack()
      const executor = await started(
        (receive) => connect(receive, executorOptions),
        () => id,
        startWithin,
      )
      return executorOptions.sizes ? sized(executor, executorOptions) : executor
    },
  }
}

/** The executor, which reports what each model takes as a process of its own measured it: this one's growth is others', too. */
function sized(executor: RemoteExecutor, options: ExecutorOptions): Executor {
  const load = executor.load.bind(executor)
  // The file is verified by then.
  executor.load = async (model) => {
    const report = await load(model)
    return { ...report, residentBytes: (await footprint(model, options)) ?? report.residentBytes }
  }
  return executor
}

function connect(receive: (packet: Packet<Reply>) => void, options: ExecutorOptions): Channel {
  const program = threadEntry()
  const workerData: ThreadData = { options, calls: exitsWaitForCalls() }
  const worker = new Worker(program.url, { execArgv: [...program.execArgv], workerData })
  let fault = ''
  const gone = new Promise<string>((resolve) => {
    worker.on('error', (error) => {
      fault = `: ${error instanceof Error ? error.message : error}`
    })
    worker.once('exit', (code) => resolve(`its thread ended with code ${code}${fault}`))
  })
  worker.on('message', receive)
  const send = (packet: Packet<Request>): void => {
    const tensors = packet.tensors.map((tensor) => ({ ...tensor, bytes: copied(tensor) }))
    worker.postMessage(
      { head: packet.head, tensors },
      tensors.map((tensor) => tensor.bytes.buffer),
    )
  }
  return { gone, send, kill: () => send({ head: { op: 'close' }, tensors: [] }) }
}

/** The thread gets a copy to own, which costs far less than having the message copied, and the caller keeps its own. */
function copied(tensor: Tensor): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(new ArrayBuffer(tensor.bytes.byteLength))
  copy.set(tensor.bytes)
  return copy
}
