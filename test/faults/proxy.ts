import { createServer, connect as dial, type Socket } from 'node:net'

/** What a broken way does: breaks connections and takes no new ones, swallows what is sent, or holds it back until it heals. */
export type Break = 'reset' | 'blackhole' | 'held back'

/** A way to a server, which can be broken. */
export interface FaultProxy {
  readonly url: string
  /** Breaks it, connections that are open included. */
  break(how: Break): void
  /** From now on everything passes. What was held back arrives; a connection from which bytes were swallowed is reset. */
  heal(): void
  close(): Promise<void>
}

/** A TCP proxy to a server of this machine, to which the faults of a way happen. */
export async function faultProxy(to: number): Promise<FaultProxy> {
  let broken: Break | undefined
  /** Each socket with what it owes the other side. */
  const sockets = new Map<Socket, { readonly other: Socket; swallowed: boolean }>()
  const server = createServer((near) => {
    if (broken === 'reset') {
      near.on('error', () => {})
      near.resetAndDestroy()
      return
    }
    const far = dial({ host: '127.0.0.1', port: to })
    pair(near, far)
    pair(far, near)
  })
  const pair = (from: Socket, other: Socket) => {
    const state = { other, swallowed: false }
    sockets.set(from, state)
    from.setNoDelay(true)
    from.on('data', (data) => {
      if (broken === 'blackhole') {
        state.swallowed = true
        return
      }
      if (!other.destroyed && !other.write(data)) from.pause()
    })
    from.on('drain', () => {
      if (broken !== 'held back') other.resume()
    })
    from.on('error', () => other.destroy())
    from.on('close', () => {
      sockets.delete(from)
      other.destroy()
    })
    if (broken === 'held back') from.pause()
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `nats://127.0.0.1:${port}`,
    break(how) {
      broken = how
      for (const socket of sockets.keys()) {
        if (how === 'reset') socket.resetAndDestroy()
        if (how === 'held back') socket.pause()
      }
    },
    heal() {
      broken = undefined
      for (const [socket, { swallowed }] of sockets) {
        if (swallowed) socket.resetAndDestroy()
        else socket.resume()
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets.keys()) socket.destroy()
      }),
  }
}
