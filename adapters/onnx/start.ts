import { ExecutorLost, systemClock } from '../../pipeline/index.ts'
import type { Packet, Reply } from './protocol.ts'
import { type Channel, RemoteExecutor } from './remote.ts'

/** What a kind of executor supplies: a channel, told where its packets go. */
export type Connect<C extends Channel> = (receive: (packet: Packet<Reply>) => void) => C

/**
 * Connects, and waits for the executor to say that it is ready.
 *
 * @throws ExecutorLost when it ends before, or says nothing for `within` ms (it is killed then)
 */
export async function started<C extends Channel>(
  connect: Connect<C>,
  name: (channel: C) => string,
  within: number,
): Promise<RemoteExecutor> {
  let executor: RemoteExecutor | undefined
  let ready: () => void = () => {}
  const isReady = new Promise<void>((resolve) => {
    ready = resolve
  })
  const channel = connect((packet) => {
    if (packet.head.kind !== 'ready') return executor?.receive(packet)
    if (executor) executor.baseline = packet.head.memory
    ready()
  })
  executor = new RemoteExecutor(name(channel), channel)
  const late = new Promise<string>((resolve) => {
    const timer = systemClock.after(within, () => resolve(`it was not ready within ${within} ms`))
    Promise.race([isReady, channel.gone]).then(() => timer.cancel())
  })
  const fault = await Promise.race([isReady, channel.gone, late])
  if (fault === undefined) return executor
  channel.kill()
  throw new ExecutorLost(
    `Executor ${executor.id} did not start: ${fault}. Check that onnxruntime-node works here, and that memory is left.`,
  )
}
