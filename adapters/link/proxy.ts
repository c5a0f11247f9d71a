import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { BadConfiguration, type Clock, systemClock } from '../../pipeline/index.ts'
import type { Direction } from './direction.ts'
import { EmulatedLink, type LinkShape } from './link.ts'

export interface ProxyOptions {
  /** Where connections are passed on to. */
  readonly to: { readonly host: string; readonly port: number }
  /** What the link is like at first. */
  readonly shape: LinkShape
  /** Default: 127.0.0.1, and a port that is free. */
  readonly listen?: { readonly host?: string; readonly port?: number }
  /** Bytes that wait at the bottleneck in each direction before the sender is held up, per connection. Default 256 KiB. */
  readonly buffer?: number
  readonly clock?: Clock
}

/** A running proxy. */
export interface LinkProxy {
  readonly host: string
  readonly port: number
  /** The link is like this from now on. */
  use(shape: LinkShape): void
  /** Breaks the connections that are open; new ones are taken. */
  reset(): void
  /** Bytes that went through so far. */
  readonly bytes: { readonly up: number; readonly down: number }
  /** Ends all connections and stops listening. */
  close(): Promise<void>
}

/** No larger piece is delayed as one. */
const piece = 16 * 1024

/**
 * A TCP proxy that makes real traffic as slow as an emulated link: in user space, without root. All connections share
 * the link's bottleneck, as programs of one phone do. On TCP nothing can be dropped: what does not fit waits with its
 * sender. Figures measured through it are to be reported as emulated.
 * @throws BadConfiguration it cannot listen there
 */
export async function linkProxy(options: ProxyOptions): Promise<LinkProxy> {
  const { to, shape, listen = {}, buffer = 256 * 1024, clock = systemClock } = options
  const link = new EmulatedLink(shape, clock)
  const sockets = new Set<Socket>()
  const bytes = { up: 0, down: 0 }
  const server = createServer({ allowHalfOpen: true }, (near) => {
    // The far side sees the connection at once; that setting it up takes a round trip is left out.
    const far = dial({ ...to, allowHalfOpen: true })
    for (const socket of [near, far]) {
      socket.setNoDelay(true)
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
    pass(near, far, link.up, buffer, (count) => {
      bytes.up += count
    })
    pass(far, near, link.down, buffer, (count) => {
      bytes.down += count
    })
  })
  const { host, port } = await listening(server, listen.host ?? '127.0.0.1', listen.port ?? 0)
  const reset = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    host,
    port,
    bytes,
    reset,
    use: (next) => link.use(next),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        reset()
        link.close()
      }),
  }
}

/** Passes what comes from one side on to the other, through one direction of the link. */
function pass(from: Socket, to: Socket, way: Direction, buffer: number, count: (bytes: number) => void): void {
  let waiting = 0
  const through = (bytes: number) => {
    waiting -= bytes
    if (waiting < buffer && from.isPaused() && !to.writableNeedDrain) from.resume()
  }
  from.on('data', (data: Buffer) => {
    for (let at = 0; at < data.length; at += piece) {
      const part = data.subarray(at, at + piece)
      waiting += part.length
      way.send(
        part.length,
        () => {
          count(part.length)
          if (!to.destroyed) to.write(part)
        },
        () => through(part.length),
      )
    }
    if (waiting >= buffer) from.pause()
  })
  to.on('drain', () => through(0))
  // The end travels behind what was sent before it.
  from.on('end', () => way.send(0, () => to.end()))
  from.on('error', () => to.destroy())
  from.on('close', (failed) => {
    if (failed) to.destroy()
  })
}

async function listening(server: Server, host: string, port: number): Promise<{ host: string; port: number }> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new BadConfiguration(`The link's proxy cannot listen on ${host}:${port}: ${cause.message}`, { cause }))
    })
    server.listen(port, host, resolve)
  })
  const address = server.address()
  return { host, port: typeof address === 'object' && address ? address.port : port }
}
