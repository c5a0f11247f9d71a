// The program of an executor thread: answers the parent's messages, ends when it is told to close.
import { parentPort, workerData } from 'node:worker_threads'
import type { ExecutorOptions } from '../../stages/execute/index.ts'
import type { Packet, Reply, Request } from './protocol.ts'
import { serve } from './serve.ts'
import { openSessions, warmUp } from './session.ts'

const port = parentPort
if (port === null) throw new Error('This program is the body of an executor thread; start it with threadExecutors().')

const send = (packet: Packet<Reply>): void => {
  // Handed over, not copied. Outputs may share memory, which can be handed over only once.
  const owned = new Set(packet.tensors.map((tensor) => tensor.bytes.buffer as ArrayBuffer))
  port.postMessage(packet, [...owned])
}
await warmUp()
const answer = serve(openSessions(workerData as ExecutorOptions), { send, end: () => port.close() })
port.on('message', (packet: Packet<Request>) => answer(packet))
send({ head: { kind: 'ready' }, tensors: [] })
