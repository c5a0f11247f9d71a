import { createConnection } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type ConnectOptions, connect, type NatsServerOptions } from '../../../adapters/nats/index.ts'
import { BadConfiguration, BadMessage, MailboxFull, NoResponders, TooLarge } from '../../../pipeline/index.ts'
import { Asked, answer, Faults, gate, said, text } from '../../contract/support.ts'
import { testServer } from '../../support/nats.ts'

const owned: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of owned.splice(0).reverse()) await end()
})

async function serverUrl(options: NatsServerOptions = {}): Promise<string> {
  const server = await testServer(options)
  owned.push(server.stop)
  return server.url
}

async function open(servers: string, options: ConnectOptions = {}) {
  const faults = new Faults()
  const transport = await connect({ servers, onFault: faults.report, ...options })
  owned.push(() => transport.drain(100))
  return { transport, faults }
}

const users = `
accounts {
  A {
    users = [
      { user: "device", password: "d", permissions: {
          publish: ["in.device.>", "free"], subscribe: ["_INBOX_device.>", "free"] } },
      { user: "worker", password: "w" }
    ]
  }
}`

describe('nats: limits', () => {
  it('refuses deliveries above the bound on unfinished handlers, at once, counted, and reported once', async () => {
    const url = await serverUrl()
    const { transport: asker } = await open(url)
    const { transport: server, faults } = await open(url, { pending: { messages: 3 } })
    const finish = gate()
    await server.serve('slow', async (request) => {
      await finish.opened
      request.reply(text('done'))
    })
    const asked = Array.from({ length: 8 }, () => new Asked(asker, 'slow'))
    for (const refused of asked.slice(3)) expect(await refused.error).toBeInstanceOf(NoResponders)
    expect(server.statistics().refused).toBe(5)
    expect(faults.seen).toEqual([expect.any(MailboxFull)])
    finish.open()
    for (const taken of asked.slice(0, 3)) expect((await taken.heard()).map(said)).toEqual(['done'])
    expect(said(await answer(asker, 'slow'))).toBe('done')
  })

  it('bounds unfinished bytes too', async () => {
    const url = await serverUrl()
    const { transport: asker } = await open(url)
    const { transport: server, faults } = await open(url, { pending: { bytes: 1000 } })
    const finish = gate()
    await server.serve('heavy', () => finish.opened)
    const [first, second] = [
      new Asked(asker, 'heavy', [Buffer.alloc(600)]),
      new Asked(asker, 'heavy', [Buffer.alloc(600)]),
    ]
    expect(await second.error).toBeInstanceOf(NoResponders)
    expect(first.errors).toBe(0)
    expect(faults.seen[0]?.message).toContain('600 bytes')
    finish.open()
  })

  it('reports headers that a foreign sender got wrong, and reads on', async () => {
    const url = await serverUrl()
    const { transport, faults } = await open(url)
    await transport.serve('foul', (request) => request.reply(text('fine')))
    const socket = createConnection(Number(new URL(url).port), '127.0.0.1')
    owned.push(async () => socket.destroy())
    const headers = 'NATS/1.0\r\nnot a key: 1\r\n\r\n'
    socket.write('CONNECT {"headers":true,"verbose":false}\r\n')
    socket.write(`HPUB foul ${headers.length} ${headers.length + 2}\r\n${headers}hi\r\n`)
    expect(await faults.first()).toBeInstanceOf(BadMessage)
    expect(said(await answer(transport, 'foul'))).toBe('fine')
  })

  it('survives callbacks of its owner that throw', async () => {
    const url = await serverUrl()
    const transport = await connect({
      servers: url,
      onFault: () => {
        throw new Error('onFault is broken too')
      },
    })
    owned.push(() => transport.drain(100))
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => {})
    await transport.serve('x', (request) => {
      request.reply(text('heard'))
      throw new Error('after the reply')
    })
    expect(said(await answer(transport, 'x'))).toBe('heard')
    expect(said(await answer(transport, 'x'))).toBe('heard')
    expect(warned.mock.calls.flat().join()).toContain('after the reply')
    warned.mockRestore()
  })

  it('takes its bound on data from the server, headers included', async () => {
    const { transport } = await open(await serverUrl({ maxPayload: 2000 }))
    expect(transport.maxPayload).toBe(2000)
    expect(() => transport.publish('x', [Buffer.alloc(2001)])).toThrow(TooLarge)
    expect(() => transport.publish('x', [Buffer.alloc(2000)], { id: 'm1' })).toThrow(TooLarge)
    expect(() => transport.publish('x', [Buffer.alloc(2000)])).not.toThrow()
  })

  it('says at once which permission is missing, to whoever waits for it', async () => {
    const url = await serverUrl({ configuration: users })
    const identity = { user: 'device', password: 'd', inboxPrefix: '_INBOX_device' }
    const { transport: device, faults } = await open(url, identity)
    const { transport: worker } = await open(url, { user: 'worker', password: 'w' })
    await worker.serve('in.>', (request) => request.reply(text('ok')))
    expect(said(await answer(device, 'in.device.frame'))).toBe('ok')

    const denied = await new Asked(device, 'in.other.frame').error
    expect(denied).toBeInstanceOf(BadConfiguration)
    expect(denied.message).toContain('in.other.frame')
    device.publish('in.other.frame', [])
    await device.subscribe('free', () => {})
    expect(faults.seen.map((fault) => fault.message)).toEqual(
      Array(2).fill(expect.stringContaining('publishing on "in.other.frame"')),
    )
    await expect(device.subscribe('in.>', () => {})).rejects.toThrow(BadConfiguration)
    expect(said(await answer(device, 'in.device.frame'))).toBe('ok')
  })

  it('tells an asker who may not hear replies', async () => {
    const url = await serverUrl({ configuration: users })
    const { transport } = await open(url, { user: 'device', password: 'd' })
    const error = await new Asked(transport, 'in.device.frame').error
    expect(error.message).toMatch(/_INBOX|Nobody serves/)
  })

  it('gives up at once on refused credentials', async () => {
    const url = await serverUrl({ configuration: users })
    await expect(connect({ servers: url, user: 'device', password: 'wrong' })).rejects.toThrow(BadConfiguration)
  })

  it('connects where NATS_URL says when nothing else is said', async () => {
    vi.stubEnv('NATS_URL', await serverUrl())
    const transport = await connect()
    vi.unstubAllEnvs()
    expect(transport.connected).toBe(true)
    await transport.drain()
  })

  it('names the option that does not pass', async () => {
    await expect(connect({ pingInterval: -1 })).rejects.toThrow(/pingInterval/)
    await expect(connect({ inboxPrefix: 'a b' })).rejects.toThrow(BadConfiguration)
    await expect(connect({ sevrers: 'typo' } as ConnectOptions)).rejects.toThrow(/sevrers/)
  })
})
