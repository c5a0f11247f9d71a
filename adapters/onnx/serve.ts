import { Fault } from './fault.ts'
import type { Packet, Reply, Request } from './protocol.ts'
import type { Sessions } from './session.ts'

/** The executor's side of its connection to the parent. */
export interface ExecutorPort {
  send(packet: Packet<Reply>): void
  /** Lets the connection go, which ends the executor. */
  end(): void
}

/** Answers requests one at a time, in the order in which they arrive. @returns where to put each request */
export function serve(sessions: Sessions, port: ExecutorPort): (packet: Packet<Request>) => void {
  let last: Promise<void> = Promise.resolve()
  const answer = async ({ head, tensors }: Packet<Request>): Promise<void> => {
    try {
      switch (head.op) {
        case 'load':
          return port.send({ head: { kind: 'loaded', report: await sessions.load(head.model) }, tensors: [] })
        case 'unload':
          await sessions.unload(head.key)
          return port.send({ head: { kind: 'unloaded' }, tensors: [] })
        case 'run': {
          const { ms, outputs } = await sessions.run(head.key, tensors, head.outputs)
          return port.send({ head: { kind: 'ran', ms }, tensors: outputs })
        }
        case 'close':
          await sessions.close()
          return port.end()
      }
    } catch (error) {
      const fault = error instanceof Fault ? error : new Fault('execution-failed', `The executor failed: ${error}.`)
      port.send({ head: { kind: 'fault', code: fault.code, message: fault.message }, tensors: [] })
    }
  }
  return (packet) => {
    last = last.then(() => answer(packet))
  }
}
