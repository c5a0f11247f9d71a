import { createHash } from 'node:crypto'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import {
  constantRate,
  Direction,
  deadLink,
  type LinkProxy,
  type LinkShape,
  linkProxy,
  linkShape,
  noLink,
  opportunities,
} from '../../../adapters/link/index.ts'
import type { Clock } from '../../../pipeline/index.ts'
import { manualClock } from '../../support/manual-clock.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** A server that sends back what it gets, and a proxy before it. */
async function echoBehind(shape: LinkShape, buffer?: number): Promise<LinkProxy> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const proxy = await linkProxy({ to: { host: '127.0.0.1', port }, shape, ...(buffer === undefined ? {} : { buffer }) })
  open.push(
    () => proxy.close(),
    () => new Promise((resolve) => server.close(resolve)),
  )
  return proxy
}

async function dialled({ host, port }: LinkProxy): Promise<Socket> {
  const socket = connect({ host, port })
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  return socket
}

const hash = (data: Buffer) => createHash('sha256').update(data).digest('hex')

describe('a proxy', () => {
  test('passes every byte on, in order, in both directions, and then the end', async () => {
    const proxy = await echoBehind(linkShape({ up: constantRate(400e6), delay: 2 }), 32 * 1024)
    const socket = await dialled(proxy)
    const sent = Buffer.from(Uint8Array.from({ length: 3_000_001 }, (_, i) => (i * 7919) >> 3))
    const back: Buffer[] = []
    socket.on('data', (data) => back.push(data))
    socket.end(sent)
    await new Promise((resolve) => socket.once('close', resolve))
    expect(hash(Buffer.concat(back))).toBe(hash(sent))
    expect(proxy.bytes).toEqual({ up: sent.length, down: sent.length })
  })

  test('holds what is sent over a dead link, and passes it on when the link is back', async () => {
    const proxy = await echoBehind(noLink)
    const socket = await dialled(proxy)
    const heard: string[] = []
    const next = () => new Promise<void>((resolve) => socket.once('data', () => resolve()))
    socket.on('data', (data) => heard.push(data.toString()))
    socket.write('one')
    await next()
    proxy.use(deadLink)
    socket.write('two')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(heard).toEqual(['one'])
    const more = next()
    proxy.use(noLink)
    await more
    expect(heard).toEqual(['one', 'two'])
    socket.destroy()
  })

  test('breaks the connections that are open, and takes new ones', async () => {
    const proxy = await echoBehind(noLink)
    const first = await dialled(proxy)
    const closed = new Promise((resolve) => first.once('close', resolve))
    first.on('error', () => {})
    proxy.reset()
    await closed
    const second = await dialled(proxy)
    const heard = new Promise<string>((resolve) => second.once('data', (data) => resolve(data.toString())))
    second.write('again')
    expect(await heard).toBe('again')
    second.destroy()
  })
})

describe('a direction', () => {
  test('delivers at the rate of its trace, within a few percent', async () => {
    const clock = manualClock()
    // Two opportunities every 3 ms, none in the last tenth of each second.
    const times = Array.from({ length: 900 }, (_, ms) => ms).filter((ms) => ms % 3 !== 0)
    const rate = opportunities([...times, 1000])
    const way = new Direction(clock, { rate, delay: 10 })
    const arrived: number[] = []
    const piece = 900
    for (let i = 0; i < 4000; i++) way.send(piece, () => arrived.push(clock.now()))
    await clock.advance(3010)
    const passed = (arrived.length * piece * 8000) / 3000
    expect(passed / rate.mean).toBeGreaterThan(0.98)
    expect(passed / rate.mean).toBeLessThan(1.02)
    expect(arrived).toEqual([...arrived].sort((a, b) => a - b))
    way.close()
    expect(clock.pending).toBe(0)
  })

  test('keeps the order on a clock whose timers come late, and the later ones first', () => {
    let now = 0
    const timers: { at: number; ring: () => void; cancelled: boolean }[] = []
    const clock: Clock = {
      now: () => now,
      after(ms, ring) {
        const timer = { at: now + ms, ring, cancelled: false }
        timers.push(timer)
        return {
          cancel() {
            timer.cancelled = true
          },
        }
      },
    }
    const way = new Direction(clock, { rate: constantRate(8e6), delay: 2.5 })
    const arrived: number[] = []
    for (let i = 0; i < 40; i++) way.send(i === 39 ? 0 : 700, () => arrived.push(i))
    for (let turn = 0; turn < 100 && arrived.length < 40; turn++) {
      now += 3
      const due = timers.splice(0).reverse()
      for (const timer of due) {
        if (timer.cancelled) continue
        if (timer.at <= now) timer.ring()
        else timers.push(timer)
      }
    }
    expect(arrived).toEqual(Array.from({ length: 40 }, (_, i) => i))
  })

  test('loses nothing and keeps the order when it is switched in mid-stream', async () => {
    const clock = manualClock()
    const slow = { rate: constantRate(8e5), delay: 30 }
    const fast = { rate: constantRate(8e8), delay: 1 }
    const way = new Direction(clock, slow)
    const arrived: number[] = []
    for (let i = 0; i < 20; i++) way.send(1000, () => arrived.push(i))
    await clock.advance(45)
    way.use(fast)
    for (let i = 20; i < 30; i++) way.send(1000, () => arrived.push(i))
    await clock.advance(100)
    expect(arrived).toEqual(Array.from({ length: 30 }, (_, i) => i))
    expect(way.queued).toBe(0)
  })
})
