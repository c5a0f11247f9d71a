import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { readOptions, type Tensor } from '../../pipeline/index.ts'
import type { Executor, ExecutorFactory, ExecutorOptions } from '../../stages/execute/index.ts'
import { threadEntry } from './entry.ts'
import type { Packet, Reply, Request } from './protocol.ts'
import type { Channel } from './remote.ts'
import { started } from './start.ts'

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
 * `close()` whose time is over give the work up at once, and the thread ends as soon as its run is over; whoever calls
 * `process.exit()` closes the executors first. A crash of the runtime takes the process along: trusted models only.
 *
 * `start` throws ExecutorLost when the thread is not ready in time.
 */
export function threadExecutors(options: ThreadExecutorOptions = {}): ExecutorFactory {
  const { startWithin } = readOptions(threadOptions, options, 'threadExecutors()')
  return {
    kind: 'thread',
    cores: availableParallelism(),
    start(executorOptions: ExecutorOptions = {}): Promise<Executor> {
      count += 1
      const id = `thread-${count}`
      return started(
        (receive) => connect(receive, executorOptions),
        () => id,
        startWithin,
      )
    },
  }
}

function connect(receive: (packet: Packet<Reply>) => void, options: ExecutorOptions): Channel {
  const program = threadEntry()
  const worker = new Worker(program.url, { execArgv: [...program.execArgv], workerData: options })
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
