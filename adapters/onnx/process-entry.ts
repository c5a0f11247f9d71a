// The program of an executor process: answers frames on descriptor 3, whose larger bodies pass through the file on
// descriptor 4; ends when 3 closes.
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net'
import type { ExecutorOptions } from '../../stages/execute/index.ts'
import { encodeFrame, type FrameBounds, FrameReader } from './framing.ts'
import type { Packet, Reply, Request } from './protocol.ts'
import { serve } from './serve.ts'
import { openSessions, warmUp } from './session.ts'
import { SharedBodies } from './shared.ts'

const start = JSON.parse(process.argv[2] ?? '{}') as { options: ExecutorOptions; bounds: FrameBounds; shared: boolean }
const { options, bounds } = start
const shared = start.shared ? new SharedBodies(4, 'executor') : undefined
const reader = new FrameReader<Request>({ bounds, shared, reuse: true })
const chunk = Buffer.allocUnsafeSlow(1 << 18)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})

// Before the connection is read, so that nothing can arrive that nobody answers yet.
await warmUp()

// One buffer for all reads: a frame's bytes are copied out of it once, into the frame's own memory.
const onread: OnReadOpts = {
  buffer: chunk,
  callback(length) {
    for (const packet of reader.push(chunk.subarray(0, length))) answer(packet)
    return true
  },
}
const socket = new Socket({ fd: 3, onread } as SocketConstructorOpts)
// The parent is gone, or said goodbye.
socket.once('close', () => process.exit(0))
socket.once('end', () => process.exit(0))
socket.on('error', () => process.exit(0))

const send = (packet: Packet<Reply>): void => {
  let parts: readonly Uint8Array[]
  try {
    parts = encodeFrame(packet, { bounds, shared })
  } catch (error) {
    const message = `The answer cannot be sent: ${(error as Error).message}`
    parts = encodeFrame({ head: { kind: 'fault', code: 'execution-failed', message }, tensors: [] }, { bounds })
  }
  socket.cork()
  for (const part of parts) socket.write(part)
  socket.uncork()
}
const answer = serve(openSessions({ ...options, ownsMemory: true }), { send, end: () => socket.end() })
socket.resume()
send({ head: { kind: 'ready', memory: process.memoryUsage.rss() }, tensors: [] })
