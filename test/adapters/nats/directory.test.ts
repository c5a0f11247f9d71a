import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, type NatsServer, type NatsTransport } from '../../../adapters/nats/index.ts'
import { BadConfiguration, type Directory } from '../../../pipeline/index.ts'
import { directoryContract } from '../../contract/directory.ts'
import { testServer } from '../../support/nats.ts'

const of = async (transport: NatsTransport) => (await transport.directory?.()) as Directory

describe('the directory of a NATS server', () => {
  let server: NatsServer
  let both: readonly [NatsTransport, NatsTransport]
  beforeAll(async () => {
    server = await testServer({ jetStream: true })
    both = [await connect({ servers: server.url }), await connect({ servers: server.url })]
  })
  afterAll(async () => {
    await Promise.all(both.map((transport) => transport.drain()))
    await server.stop()
  })

  // Made by both at the same time, as nodes that start together do.
  directoryContract(async () => Promise.all([of(both[0]), of(both[1])]))

  test('is not there without JetStream, and says so', async () => {
    const bare = await testServer()
    const transport = await connect({ servers: bare.url })
    await expect(of(transport)).rejects.toThrow(BadConfiguration)
    await transport.drain()
    await bare.stop()
  })
})
