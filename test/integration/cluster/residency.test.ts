import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { memoryBroker } from '../../../adapters/memory/index.ts'
import { connect, type NatsServer } from '../../../adapters/nats/index.ts'
import type { Answer, Capture, Counts, Transport } from '../../../pipeline/index.ts'
import { askRecord } from '../../../stages/execute/index.ts'
import { testServer } from '../../support/nats.ts'
import { captureFor, names, type SharedNode, type SharedOptions, shared, startNode } from './shared.ts'

let server: NatsServer
beforeAll(async () => {
  server = await testServer({ jetStream: true })
  return () => server.stop()
})

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

const transports: Readonly<Record<string, () => () => Promise<Transport>>> = {
  memory: () => {
    const broker = memoryBroker()
    return async () => broker.connect()
  },
  nats: () => () => connect({ servers: server.url }),
}

/** A cluster of so many nodes, and a device that knows nothing of it. */
async function cluster(link: () => Promise<Transport>, count: number, options: SharedOptions = {}) {
  const nodes: SharedNode[] = []
  for (let each = 1; each <= count; each++) {
    const transport = await link()
    const node = await startNode(transport, `node-${each}`, options)
    open.push(async () => {
      await node.cloud.drain(1_000)
      await transport.drain()
    })
    nodes.push(node)
  }
  const loads = () => nodes.flatMap((node) => node.loads())
  const send = async (
    captures: readonly Capture[],
  ): Promise<{ answers: Answer[]; counts: Counts; errors: string[] }> => {
    const transport = await link()
    const { window = 64, deadline = 10_000 } = options
    const device = await shared({ captures, window, deadline }).pipeline.device(transport)
    const answers: Answer[] = []
    const errors: string[] = []
    device.events.stream.subscribe((event) => {
      if (event.type === 'settled' && event.item.kind === 'failure') errors.push(event.item.error.message)
    })
    for await (const answer of device.answers) answers.push(answer)
    const counts = await device.done
    await transport.drain()
    return { answers, counts, errors }
  }
  return { nodes, loads, send }
}

describe.each(Object.keys(transports))('over %s, nodes that share execution', (kind) => {
  const link = () => (transports[kind] as () => () => Promise<Transport>)()

  test('load each model once between them, and answer every message where it is loaded', async () => {
    const connectTo = link()
    const { nodes, loads, send } = await cluster(connectTo, 3, { window: 24 })
    const captures = Array.from({ length: 80 }, (_, index) => captureFor(names[index % 10] as string, index))
    const { answers, counts, errors } = await send(captures)
    expect(errors).toEqual([])
    expect(counts).toEqual({ in: 80, results: 80, failures: 0, dropped: 0 })
    expect([...loads()].sort()).toEqual(names)
    for (const node of nodes) {
      const held = new Set(node.loads())
      expect(node.loads().length).toBeGreaterThan(0)
      for (const name of node.runs()) expect(held).toContain(name)
    }
    for (const { id, model, node } of answers) {
      expect(model).toBe(id.split('-')[0])
      expect(nodes.find(({ name }) => name === node)?.loads()).toContain(model)
    }
    // And each says so to whoever asks it.
    const observer = await connectTo()
    for (const node of nodes) {
      const record = await askRecord(observer, { pipeline: 'shared', node: node.name })
      expect(record.models.map(({ model }) => model).sort()).toEqual([...node.loads()].sort())
      expect(record.loads).toBe(node.loads().length)
    }
    await observer.drain()
  })

  test('load a cold model once for 1,000 that ask for it at the same time', async () => {
    const { loads, send } = await cluster(link(), 3, {
      window: 1_000,
      deadline: 60_000,
      fakes: { loadMs: 150, runMs: 0 },
      execute: { queue: 1_000 },
    })
    const { counts, errors } = await send(Array.from({ length: 1_000 }, (_, index) => captureFor('a', index)))
    expect(errors).toEqual([])
    expect(counts).toEqual({ in: 1_000, results: 1_000, failures: 0, dropped: 0 })
    expect(loads()).toEqual(['a'])
  })

  test('go on when a model is evicted, and fail nothing while models come and go', async () => {
    // Room for two of ten models on each of two nodes.
    const { loads, send } = await cluster(link(), 2, { execute: { memory: 3 }, fakes: { loadMs: 3, runMs: 1 } })
    const captures = Array.from({ length: 150 }, (_, index) => captureFor(names[(index * 7) % 10] as string, index))
    const { counts, errors } = await send(captures)
    expect(errors).toEqual([])
    expect(counts).toEqual({ in: 150, results: 150, failures: 0, dropped: 0 })
    expect(loads().length).toBeGreaterThan(10)
  })

  test('refuse a cold model at once where its load cannot meet the deadline, and say when it is ready', async () => {
    const options: SharedOptions = { fakes: { loadMs: 300, runMs: 1 }, execute: { memory: 1.5 } }
    const to = link()
    const { send } = await cluster(to, 1, options)
    // What a load takes is known from the first one.
    expect((await send([captureFor('a', 0)])).counts.results).toBe(1)
    expect((await send([captureFor('b', 0)])).counts.results).toBe(1)
    const transport = await to()
    open.push(() => transport.drain())
    const device = await shared({ captures: [captureFor('a', 1)], deadline: 200 }).pipeline.device(transport)
    const began = performance.now()
    const failed: { code: string; message: string; after: number }[] = []
    device.events.stream.subscribe((event) => {
      if (event.type !== 'settled' || event.item.kind !== 'failure') return
      const { code, message } = event.item.error
      failed.push({ code, message, after: performance.now() - began })
    })
    await device.done
    expect(failed).toEqual([
      { code: 'refused', message: expect.stringMatching(/not loaded.* in \d+ ms/), after: expect.any(Number) },
    ])
  })
})
