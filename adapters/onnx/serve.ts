import { Fault } from './fault.ts'
import type { Packet, Reply, Request } from './protocol.ts'
import type { Sessions } from './session.ts'

/** The executor's side of its connection to the parent. */
export interface ExecutorPort {
  send(packet: Packet<Reply>): void
  /** Lets the connection go, which ends the executor. */
  end(): void
}

/**
 * Answers requests one at a time, in the order in which they arrive. Before each it hears what else has arrived, so
 * that a run can be taken back until it begins.
 *
 * @returns where to put each request
 */
export function serve(sessions: Sessions, port: ExecutorPort): (packet: Packet<Request>) => void {
  const waiting: Packet<Request>[] = []
  const cancelled = new Set<number>()
  let working = false

  async function work(): Promise<void> {
    working = true
    do {
      await heard()
      const packet = waiting.shift()
      if (packet !== undefined) await answer(packet)
    } while (waiting.length > 0)
    working = false
  }

  async function answer({ head, tensors }: Packet<Request>): Promise<void> {
    try {
      switch (head.op) {
        case 'load':
          return port.send({ head: { kind: 'loaded', report: await sessions.load(head.model) }, tensors: [] })
        case 'unload':
          await sessions.unload(head.key)
          return port.send({ head: { kind: 'unloaded' }, tensors: [] })
        case 'run': {
          if (cancelled.delete(head.ticket)) throw new Fault('cancelled', 'The run was taken back before it began.')
          const { outputs, ...told } = await sessions.run(head.key, tensors, head.outputs)
          return port.send({ head: { kind: 'ran', ...told }, tensors: outputs })
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
    const { head } = packet
    if (head.op === 'cancel') {
      if (waiting.some((each) => each.head.op === 'run' && each.head.ticket === head.ticket)) cancelled.add(head.ticket)
      return
    }
    waiting.push(packet)
    if (!working) void work()
  }
}

/** Resolves when what had arrived by now has been read. */
function heard(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
