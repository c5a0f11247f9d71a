// The program of an executor thread: answers the parent's messages, ends when it is told to close.
import { parentPort, workerData } from 'node:worker_threads'
import type { ExecutorOptions } from '../../stages/execute/index.ts'
import { CallGate } from './exits.ts'
import type { Packet, Reply, Request } from './protocol.ts'

/** What the thread is told at its start. */
export interface ThreadData {
  readonly options: ExecutorOptions
  /** What `exitsWaitForCalls()` gave. */
  readonly calls: Int32Array
}

const port = parentPort
if (port === null) throw new Error('This program is the body of an executor thread; start it with threadExecutors().')

const send = (packet: Packet<Reply>): void => {
  // Handed over, not copied. Outputs may share memory, which can be handed over only once.
  const owned = new Set(packet.tensors.map((tensor) => tensor.bytes.buffer as ArrayBuffer))
  port.postMessage(packet, [...owned])
}
const { options, calls } = workerData as ThreadData
const gate = new CallGate(calls)
// The runtime is loaded inside the gate, too: an end in the middle of that aborts the process as well.
const answer = await gate.call(async () => {
  const { openSessions, warmUp } = await import('./session.ts')
  const { serve } = await import('./serve.ts')
  await warmUp()
  const sessions = openSessions(options)
  return serve(
    {
      load: (model) => gate.call(() => sessions.load(model)),
      unload: (key) => gate.call(() => sessions.unload(key)),
      run: (key, inputs, outputs) => gate.call(() => sessions.run(key, inputs, outputs)),
      close: () => gate.call(() => sessions.close()),
    },
    { send, end: () => port.close() },
  )
})
port.on('message', (packet: Packet<Request>) => answer(packet))
send({ head: { kind: 'ready' }, tensors: [] })
