import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type ConnectOptions,
  connect,
  type NatsServer,
  type NatsTransport,
  NatsUnreachable,
} from '../../../adapters/nats/index.ts'
import { NoResponders, TransportClosed } from '../../../pipeline/index.ts'
import { Asked, answer, Faults, gate, said, text } from '../../contract/support.ts'
import { testServer } from '../../support/nats.ts'
import { killProcess, startProcess } from '../../support/process.ts'

const owned: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of owned.splice(0).reverse()) await end()
})

async function server(options: { port?: number } = {}): Promise<NatsServer> {
  const started = await testServer(options)
  owned.push(started.stop)
  return started
}

/** A transport whose ups and downs can be waited for. */
async function watched(url: string, options: ConnectOptions = {}) {
  const [down, up] = [gate(), gate()]
  const faults = new Faults()
  const transport = await connect({
    servers: url,
    reconnectWait: 20,
    onFault: faults.report,
    onConnection: (connected) => (connected ? up : down).open(),
    ...options,
  })
  owned.push(() => transport.drain(100))
  return { transport, faults, down: down.opened, up: up.opened }
}

describe('nats: lost and found', () => {
  it.skipIf(process.platform === 'win32')(
    'ends in the time it is given though the server says nothing more',
    async () => {
      const silent = await server()
      const { transport } = await watched(silent.url)
      const served = await transport.serve('quiet', () => {}, { group: 'g' })
      process.kill(silent.pid, 'SIGSTOP')
      try {
        await Promise.all([served.drain(), transport.drain(0)])
      } finally {
        process.kill(silent.pid, 'SIGCONT')
      }
      expect(transport.connected).toBe(false)
    },
  )

  it('brings subscriptions back after the server was killed and restarted; publishing meanwhile throws', async () => {
    const first = await server()
    const asker = await watched(first.url)
    const worker = await watched(first.url)
    await worker.transport.serve('back', (request) => request.reply(text('here')), { group: 'g' })
    expect(said(await answer(asker.transport, 'back'))).toBe('here')

    await first.kill()
    await Promise.all([asker.down, worker.down])
    expect(asker.transport.connected).toBe(false)
    expect(() => asker.transport.publish('back', [])).toThrow(TransportClosed)
    expect(() => asker.transport.request('back', [], { onReply: () => {}, onError: () => {} })).toThrow(TransportClosed)

    await server({ port: first.port })
    await Promise.all([asker.up, worker.up])
    // A new interest is acknowledged behind the restored ones.
    await worker.transport.subscribe('fence', () => {})
    expect(asker.transport.connected).toBe(true)
    expect(said(await answer(asker.transport, 'back'))).toBe('here')
    expect(asker.transport.statistics().reconnects).toBe(1)
  })

  it('keeps a conversation over an outage: a reply sent afterwards still arrives', async () => {
    const first = await server()
    const asker = await watched(first.url)
    const worker = await watched(first.url)
    const taken = gate()
    const back = gate()
    await worker.transport.serve('slow', async (request) => {
      taken.open()
      await back.opened
      request.reply(text('after all'))
    })
    const asked = new Asked(asker.transport, 'slow')
    await taken.opened
    await first.kill()
    await Promise.all([asker.down, worker.down])
    await server({ port: first.port })
    await Promise.all([asker.up, worker.up])
    await asker.transport.subscribe('fence', () => {})
    back.open()
    expect((await asked.heard()).map(said)).toEqual(['after all'])
  })

  it('subscribes during an outage as soon as the server is back', async () => {
    const first = await server()
    const one = await watched(first.url)
    await first.kill()
    await one.down
    const seen = gate()
    const subscribing = one.transport.subscribe('later', () => seen.open())
    await server({ port: first.port })
    await subscribing
    one.transport.publish('later', [])
    await seen.opened
  })

  it('gives a subscription up at its deadline when the server stays away', async () => {
    const first = await server()
    const one = await watched(first.url, { subscribeWithin: 50 })
    await first.kill()
    await one.down
    await expect(one.transport.subscribe('never', () => {})).rejects.toThrow(TransportClosed)
  })

  it('drains within its deadline while the server is away', async () => {
    const first = await server()
    const one = await watched(first.url)
    await one.transport.subscribe('x', () => {})
    await first.kill()
    await one.down
    await one.transport.drain(200)
    expect(await one.transport.closed).toBeUndefined()
  })

  it('waits for a server that comes up late', async () => {
    const first = await server()
    await first.stop()
    const connecting = connect({ servers: first.url, connectWithin: 20_000, reconnectWait: 20 })
    await server({ port: first.port })
    const transport = await connecting
    expect(transport.connected).toBe(true)
    await transport.drain()
  })

  it('says where it looked when no server answers in time', async () => {
    const gone = await server()
    await gone.stop()
    const failing = connect({ servers: gone.url, connectWithin: 60, reconnectWait: 10 })
    await expect(failing).rejects.toThrow(NatsUnreachable)
    await expect(failing).rejects.toThrow(/NATS_URL/)
    await expect(failing).rejects.toThrow(gone.url)
  })

  it('drops a killed worker process from its group; without any other, nobody listens', async () => {
    const { url } = await server()
    const { transport } = await watched(url)
    const file = new URL('./worker.ts', import.meta.url)
    const [doomed, staying] = await Promise.all([
      startProcess(file, [url, 'work', 'doomed']),
      startProcess(file, [url, 'work', 'staying']),
    ])
    owned.push(
      () => killProcess(doomed),
      () => killProcess(staying),
    )
    await until(transport, 'doomed')
    await until(transport, 'staying')
    await killProcess(doomed)
    for (let row = 0; row < 20; ) row = (await ask(transport)) === 'staying' ? row + 1 : 0
    await killProcess(staying)
    while (!((await ask(transport)) instanceof NoResponders)) await pause(5)
  })
})

/** One question to the worker group: the name that answered, the error, or nothing within a while. */
async function ask(transport: NatsTransport): Promise<unknown> {
  const asked = new Asked(transport, 'work', text('who?'))
  const heard = asked.heard().then(
    (replies) => said(replies[0] as (typeof replies)[0]),
    (error: unknown) => error,
  )
  const outcome = await Promise.race([heard, pause(200)])
  asked.conversation.close()
  return outcome
}

async function until(transport: NatsTransport, name: string): Promise<void> {
  while ((await ask(transport)) !== name) await pause(1)
}
