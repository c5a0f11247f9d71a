import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectClient, type NatsConnection } from 'nats'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { connect, type NatsServer, type NatsTransport } from '../../../adapters/nats/index.ts'
import { BadConfiguration, type ServiceDescription } from '../../../pipeline/index.ts'
import { Asked, answer, Faults, text } from '../../contract/support.ts'
import { testServer } from '../../support/nats.ts'

const service: ServiceDescription = {
  name: 'Cloud-half',
  version: '1.2.3',
  description: 'answers',
  metadata: { pipeline: 'flowers' },
}

describe('nats: micro services', () => {
  let server: NatsServer
  let observer: NatsConnection
  let transport: NatsTransport
  let faults: Faults

  beforeAll(async () => {
    server = await testServer()
    observer = await connectClient({ servers: server.url })
  })
  afterAll(async () => {
    await observer?.close()
    await server?.stop()
  })
  const open = async () => {
    faults = new Faults()
    transport = await connect({ servers: server.url, onFault: faults.report })
  }
  afterEach(() => transport.drain(100))

  /** The one instance's answer to a verb, as the ecosystem's tools ask for it. */
  const asked = async (verb: string) =>
    (await observer.request(`$SRV.${verb}`, undefined, { timeout: 5000 })).json<Json>()
  type Json = Record<string, never> & { id: string; endpoints: Record<string, unknown>[] }

  it('is discovered by the client’s own discovery: ping, info, stats', async () => {
    await open()
    await transport.serve('svc.flowers.infer', (request) => request.reply([]), { group: 'w', service })
    const client = observer.services.client({ maxWait: 300, strategy: undefined } as never)
    const found = []
    for await (const one of await client.ping()) found.push(one)
    expect(found).toEqual([
      {
        type: 'io.nats.micro.v1.ping_response',
        name: 'Cloud-half',
        id: expect.any(String),
        version: '1.2.3',
        metadata: { pipeline: 'flowers' },
      },
    ])
    const endpoint = { name: 'svc_flowers_infer', subject: 'svc.flowers.infer', queue_group: 'w' }
    expect(await asked('INFO')).toMatchObject({
      type: 'io.nats.micro.v1.info_response',
      description: 'answers',
      endpoints: [{ ...endpoint, metadata: { pipeline: 'flowers' } }],
    })
    expect(await asked('STATS')).toMatchObject({
      type: 'io.nats.micro.v1.stats_response',
      started: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      endpoints: [{ ...endpoint, num_requests: 0, num_errors: 0, processing_time: 0, average_processing_time: 0 }],
    })
  })

  it('answers by name and by instance as well', async () => {
    await open()
    await transport.serve('a', (request) => request.reply([]), { service })
    const { id } = await asked('PING')
    for (const verb of ['PING', 'INFO', 'STATS']) {
      expect((await asked(`${verb}.Cloud-half`)).id).toBe(id)
      expect((await asked(`${verb}.Cloud-half.${id}`)).id).toBe(id)
    }
  })

  it('counts requests, rejections and the time until handlers settled', async () => {
    await open()
    await transport.serve(
      'timed',
      async (request) => {
        await pause(20)
        request.reply([])
        if (request.data[0]?.length) throw new Error('out of memory')
      },
      { service },
    )
    await answer(transport, 'timed')
    await answer(transport, 'timed', text('fail'))
    await faults.first()
    const [endpoint] = (await asked('STATS')).endpoints
    expect(endpoint).toMatchObject({ num_requests: 2, num_errors: 1, last_error: 'out of memory' })
    const nanoseconds = Number(endpoint?.processing_time)
    expect(nanoseconds).toBeGreaterThan(2 * 15e6)
    expect(endpoint?.average_processing_time).toBe(Math.round(nanoseconds / 2))
  })

  it('shows own figures, and survives a callback for them that throws', async () => {
    await open()
    let broken = false
    const statistics = () => {
      if (broken) throw new Error('no figures')
      return { queued: 3, warm: ['mobilenet'] }
    }
    await transport.serve('figures', () => {}, { service: { ...service, statistics } })
    expect((await asked('STATS')).endpoints[0]).toMatchObject({ data: { queued: 3, warm: ['mobilenet'] } })
    broken = true
    const [endpoint] = (await asked('STATS')).endpoints
    expect(endpoint).not.toHaveProperty('data')
    expect(endpoint?.last_error).toContain('no figures')
  })

  it('makes endpoints of one service of all that share name and version, each ending alone', async () => {
    await open()
    const first = await transport.serve('svc.a', (request) => request.reply([]), { group: 'w', service })
    const second = await transport.serve('svc.b', (request) => request.reply([]), { group: 'w', service })
    const third = await transport.serve('svc.b', (request) => request.reply([]), { group: 'v', service })
    const names = async () => (await asked('INFO')).endpoints.map((one) => one.name)
    expect(await names()).toEqual(['svc_a', 'svc_b', 'svc_b-2'])
    await first.close()
    expect(await names()).toEqual(['svc_b', 'svc_b-2'])
    await answer(transport, 'svc.b')
    await second.drain()
    await third.close()
    await transport.subscribe('fence', () => {})
    await expect(observer.request('$SRV.PING', undefined, { timeout: 5000 })).rejects.toThrow('503')
  })

  it('is gone from discovery once its transport is drained', async () => {
    await open()
    await transport.serve('gone', () => {}, { service })
    await transport.drain()
    await expect(observer.request('$SRV.PING', undefined, { timeout: 5000 })).rejects.toThrow('503')
  })

  it('refuses names and versions that do not fit the protocol', async () => {
    await open()
    for (const wrong of [{ name: 'two words' }, { name: '' }, { version: '1' }, { version: 'latest' }]) {
      const bad = { ...service, ...wrong }
      await expect(
        transport.serve('x', () => {}, { service: bad }),
        JSON.stringify(wrong),
      ).rejects.toThrow(BadConfiguration)
    }
    expect(await new Asked(transport, 'x').error).toBeInstanceOf(Error)
  })
})
