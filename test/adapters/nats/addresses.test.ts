import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { readAddresses } from '../../../adapters/nats/addresses.ts'
import { type ConnectOptions, connect, type NatsServerOptions, NatsUnreachable } from '../../../adapters/nats/index.ts'
import { BadConfiguration } from '../../../pipeline/index.ts'
import { certificate, needsOpenssl } from '../../support/certificate.ts'
import { testServer } from '../../support/nats.ts'

const secret = 'pa55-w0rd'
const owned: (() => unknown)[] = []
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const end of owned.splice(0).reverse()) await end()
})

async function served(configuration?: string, options: NatsServerOptions = {}) {
  const server = await testServer(configuration === undefined ? options : { ...options, configuration })
  owned.push(server.stop)
  return server
}

async function connected(options: ConnectOptions) {
  const transport = await connect({ connectWithin: 10_000, ...options })
  owned.push(() => transport.drain(100))
  return transport
}

/** Why a connection was not made; nothing of it may have the password. */
async function refused(options: ConnectOptions): Promise<Error> {
  const error: unknown = await connect({ connectWithin: 1500, reconnectWait: 50, ...options }).then(
    async (transport) => {
      await transport.drain(100)
      throw new Error('it was connected')
    },
    (thrown: unknown) => thrown,
  )
  let all = ''
  for (let one: unknown = error; one instanceof Error; one = one.cause) all += inspect(one, { depth: 5 })
  expect(all).not.toContain(secret)
  expect(all).not.toContain(encodeURIComponent(secret))
  return error as Error
}

/** A server made by hand that says this of itself, and what it was sent. */
async function saying(info: object, then = '') {
  const heard: string[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => heard.push(bytes.toString('latin1')))
    socket.write(`INFO ${JSON.stringify({ version: '2.10.0', proto: 1, max_payload: 1 << 20, ...info })}\r\n${then}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  owned.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { at: `127.0.0.1:${(server.address() as { port: number }).port}`, heard: () => heard.join('') }
}

describe('the address of a NATS server', () => {
  it.each([
    ['host', { servers: ['host'], shown: ['nats://host'], tls: false, identity: undefined }],
    ['nats://host:1', { servers: ['host:1'], shown: ['nats://host:1'], tls: false, identity: undefined }],
    ['TLS://[::1]:1/', { servers: ['[::1]:1'], shown: ['tls://[::1]:1'], tls: true, identity: undefined }],
    ['nats://t@host', { servers: ['host'], shown: ['nats://host'], tls: false, identity: { token: 't' } }],
    ['u:p%40:q@host', { servers: ['host'], shown: ['nats://host'], identity: { user: 'u', password: 'p@:q' } }],
    ['nats://u:p@q@host', { servers: ['host'], identity: { user: 'u', password: 'p@q' } }],
  ])('%s is read', (address, read) => {
    expect(readAddresses([address])).toMatchObject(read)
  })

  it('brings any user and password, and shows neither', () => {
    const text = fc.string({ minLength: 12, unit: 'grapheme' })
    fc.assert(
      fc.property(text, text, (user, password) => {
        const address = `tls://${encodeURIComponent(user)}:${encodeURIComponent(password)}@host:4222`
        expect(readAddresses([address])).toEqual({
          servers: ['host:4222'],
          shown: ['tls://host:4222'],
          tls: true,
          identity: { user, password },
        })
      }),
    )
  })

  it.each([
    '',
    'http://host',
    'wss://u:pa55-w0rd@host',
    'nats://u:pa55-w0rd@',
    'nats://u:pa55-w0rd@a b',
    `u:%${secret}@h`,
  ])('%j is refused by name, without a password', (address) => {
    expect(() => readAddresses([address])).toThrow(BadConfiguration)
    expect(() => readAddresses([address])).not.toThrow(secret)
  })

  it('may not bring other users than the next one', () => {
    expect(() => readAddresses([`a:${secret}@one`, 'b:x@two'])).toThrow(/different users/)
    expect(readAddresses(['a:x@one', 'two', 'a:x@three']).identity).toEqual({ user: 'a', password: 'x' })
  })
})

describe('connecting to a NATS server', () => {
  it('uses the user and password of the address, also of NATS_URL, unless an option names another', async () => {
    const odd = `p@:/%${secret}`
    const { port } = await served(
      `authorization { users = [{ user: "u", password: ${JSON.stringify(odd)} }, { user: "v", password: "w" }] }`,
    )
    const address = `nats://u:${encodeURIComponent(odd)}@127.0.0.1:${port}`
    expect((await connected({ servers: address })).connected).toBe(true)
    vi.stubEnv('NATS_URL', address)
    expect((await connected({})).connected).toBe(true)
    expect((await connected({ user: 'v', password: 'w' })).connected).toBe(true)
    await refused({ user: 'v', password: secret })
  })

  it('uses the token of the address', async () => {
    const { port } = await served('authorization { token: "t0ken" }')
    expect((await connected({ servers: `nats://t0ken@127.0.0.1:${port}` })).connected).toBe(true)
    expect(await refused({ servers: `nats://${secret}@127.0.0.1:${port}` })).toBeInstanceOf(BadConfiguration)
  })

  it('with a wrong password is told so at once, and nothing shows it', async () => {
    const { port } = await served('authorization { user: "u", password: "other" }')
    const error = await refused({ servers: `nats://u:${secret}@127.0.0.1:${port}`, connectWithin: 60_000 })
    expect(error).toBeInstanceOf(BadConfiguration)
    expect(error.message).toMatch(/credentials/)
  })

  it('that is not there says where it looked, without the password', async () => {
    const server = await served()
    await server.stop()
    const error = await refused({ servers: `nats://u:${secret}@127.0.0.1:${server.port}` })
    expect(error).toBeInstanceOf(NatsUnreachable)
    expect(error.message).toMatch(new RegExp(`No NATS server at nats://127.0.0.1:${server.port} .*start one`))
  })

  it('that takes no more connections is told so, not to start another', async () => {
    const { url } = await served('max_connections: 1')
    await connected({ servers: url })
    const error = await refused({ servers: url })
    expect(error).toBeInstanceOf(NatsUnreachable)
    expect(error.message).toMatch(/takes no more connections.*max_connections/)
    expect(error.message).not.toMatch(/start one/)
  })

  it('with credentials that are none is told so at once', async () => {
    const { url } = await served()
    const error = await refused({ servers: url, credentials: `no credentials ${secret}`, connectWithin: 60_000 })
    expect(error).toBeInstanceOf(BadConfiguration)
    expect(error.message).toMatch(/credentials/)
  })

  it('whose host has no address says that', async () => {
    const error = await refused({ servers: `nats://u:${secret}@no-such-host.invalid:4222`, connectWithin: 3000 })
    expect(error.message).toMatch(/no-such-host\.invalid:4222/)
    expect(error.message).not.toMatch(/start one/)
  })

  it('that is something else says what it heard', async () => {
    const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    owned.push(() => other.close())
    const error = await refused({ servers: `127.0.0.1:${(other.address() as { port: number }).port}` })
    expect(error.message).toMatch(/unexpected response/)
    expect(error.message).not.toMatch(/start one/)
  })
})

describe('tls://', () => {
  it('sends a plain server nothing at all, least the password', async () => {
    const plain = await saying({})
    for (const options of [
      { servers: `tls://u:${secret}@${plain.at}` },
      { servers: [`nats://u:${secret}@${plain.at}`, `tls://${plain.at}`] },
      { servers: `nats://${plain.at}`, user: 'u', password: secret, tls: {} },
    ]) {
      const error = await refused({ ...options, connectWithin: 60_000 })
      expect(error).toBeInstanceOf(BadConfiguration)
      expect(error.message).toMatch(/has no TLS.*nothing was sent/)
    }
    expect(plain.heard()).toBe('')
  })

  it('is refused by a real server without TLS', async () => {
    const { port } = await served()
    expect(await refused({ servers: `tls://u:${secret}@127.0.0.1:${port}` })).toBeInstanceOf(BadConfiguration)
  })

  it('sends nothing to a server that says it has TLS and talks in clear text', async () => {
    const liar = await saying({ tls_available: true }, 'PING\r\n')
    await refused({ servers: `tls://u:${secret}@${liar.at}` })
    expect(liar.heard()).not.toContain('CONNECT')
    expect(liar.heard()).not.toContain(secret)
  })
})

describe.skipIf(needsOpenssl !== '')(`TLS with certificates${needsOpenssl}`, () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quintet-tls-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const secured = (name: string) => {
    const { certFile, keyFile } = certificate(folder, name)
    const configuration = [
      'authorization { user: "u", password: "pa55-w0rd" }',
      `tls { cert_file: ${JSON.stringify(certFile)}, key_file: ${JSON.stringify(keyFile)} }`,
    ]
    return { certFile, configuration: configuration.join('\n') }
  }

  it('is used with the authority that is given, and the password of the address', async () => {
    const { certFile, configuration } = secured('IP:127.0.0.1')
    const { port } = await served(configuration)
    const servers = `tls://u:${secret}@127.0.0.1:${port}`
    expect((await connected({ servers, tls: { caFile: certFile } })).connected).toBe(true)
  })

  it.each(['tls', 'nats'])(
    'with a certificate that nobody vouches for is refused by its cause (%s://)',
    async (scheme) => {
      const { configuration } = secured('IP:127.0.0.1')
      const { port } = await served(configuration)
      const error = await refused({ servers: `${scheme}://u:${secret}@127.0.0.1:${port}`, connectWithin: 60_000 })
      expect(error).toBeInstanceOf(BadConfiguration)
      expect(error.message).toMatch(/SELF_SIGNED.*caFile/)
      expect(error.message).not.toMatch(/start one/)
    },
  )

  it('with a certificate of another host is refused by its cause', async () => {
    const { certFile, configuration } = secured('DNS:elsewhere.example')
    const { port } = await served(configuration)
    const options = { servers: `tls://u:${secret}@127.0.0.1:${port}`, tls: { caFile: certFile } }
    const error = await refused({ ...options, connectWithin: 60_000 })
    expect(error).toBeInstanceOf(BadConfiguration)
    expect(error.message).toMatch(/ALTNAME/)
  })

  it('with a file that is not there is told which', async () => {
    const { port } = await served()
    const { configuration } = secured('IP:127.0.0.1')
    const secure = await served(configuration)
    const tls = { caFile: join(folder, 'absent.pem') }
    for (const at of [secure.port, port]) {
      const error = await refused({ servers: `tls://127.0.0.1:${at}`, tls, connectWithin: 60_000 })
      expect(error).toBeInstanceOf(BadConfiguration)
    }
  })
})
