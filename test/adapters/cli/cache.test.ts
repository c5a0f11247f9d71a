import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../../../adapters/cli/program.ts'
import { connect, type NatsServer } from '../../../adapters/nats/index.ts'
import type { Transport } from '../../../pipeline/index.ts'
import { captureFor, names, type SharedNode, shared, startNode } from '../../integration/cluster/shared.ts'
import { testServer } from '../../support/nats.ts'

async function quintet(args: readonly string[], signal?: AbortSignal) {
  const written: string[] = []
  const notes: string[] = []
  const output = { write: (text: string) => written.push(text), note: (text: string) => notes.push(text) }
  return { code: await run(args, output, signal), written, out: written.join('\n'), notes: notes.join('\n') }
}

describe('quintet cache', () => {
  let server: NatsServer
  let transports: Transport[]
  let nodes: SharedNode[]
  beforeAll(async () => {
    server = await testServer({ jetStream: true })
    transports = await Promise.all([1, 2, 3].map(() => connect({ servers: server.url })))
    nodes = await Promise.all(
      [0, 1].map((at) => startNode(transports[at] as Transport, `node-${at}`, { execute: { memory: 100 } })),
    )
  })
  afterAll(async () => {
    await Promise.all(transports.map((transport) => transport.drain()))
    await server.stop()
  })

  test('says of a running cluster what is where, and its figures; of an ended one that nobody is there', async () => {
    const captures = Array.from({ length: 40 }, (_, index) => captureFor(names[index % 10] as string, index))
    const device = await shared({ captures }).pipeline.device(transports[2] as Transport)
    expect(await device.done).toMatchObject({ results: 40 })

    const asJson = async () => JSON.parse((await quintet(['cache', '--server', server.url, '--json'])).out)
    await expect.poll(async () => (await asJson()).totals.loads, { timeout: 5_000 }).toBe(10)
    const { nodes: records, totals, unreadable } = await asJson()
    expect(unreadable).toBe(0)
    expect(records.map((record: { node: string }) => record.node)).toEqual(['node-0', 'node-1'])
    // Every run found its model, or waited for it.
    expect(totals.hits + totals.cold).toBe(40)
    for (const [at, record] of records.entries()) {
      const loads = nodes[at]?.loads() ?? []
      expect(record.models.map(({ model }: { model: string }) => model).sort()).toEqual([...loads].sort())
      expect(record.memory).toMatchObject({ budget: 100, used: loads.length })
      // One that was sent on twice was missed twice.
      expect(record.routes.entered).toBeLessThanOrEqual(
        record.routes.here + record.routes.elsewhere + record.routes.missed,
      )
    }

    // That nobody answered for a cold model was seen as a miss, at least once for each.
    const missed = records.reduce((sum: number, { routes }: { routes: { missed: number } }) => sum + routes.missed, 0)
    expect(missed).toBeGreaterThanOrEqual(10)

    const { out, code } = await quintet(['cache', '--server', server.url, '--pipeline', 'shared'])
    expect(code).toBe(0)
    expect(out).toMatch(/node-0 +shared +\d+ s/)
    for (const name of names) expect(out).toMatch(new RegExp(`shared/${name} +\\d+ +\\d+ B +\\d+ +node-[01]`))
    expect(out).toMatch(/hit ratio +\d+\.\d %/)
    expect(out).toMatch(/run time, mean \/ p95 +\S+ \/ \S+ ms/)

    const watched = new AbortController()
    setTimeout(() => watched.abort(), 350)
    const lines = await quintet(
      ['cache', '--server', server.url, '--watch', '--every', '100ms', '--json'],
      watched.signal,
    )
    expect(lines.code).toBe(0)
    expect(lines.written.length).toBeGreaterThan(1)
    for (const line of lines.written) expect(JSON.parse(line).totals.nodes).toBe(2)

    for (const { cloud } of nodes) await cloud.drain(1_000)
    const gone = await quintet(['cache', '--server', server.url])
    expect(gone).toMatchObject({ code: 0, notes: expect.stringMatching(/No node has written/) })
  })

  test('says what to do where the server keeps no directory', async () => {
    const bare = await testServer()
    const { code, notes } = await quintet(['cache', '--server', bare.url])
    expect(code).toBe(1)
    expect(notes).toMatch(/start it with JetStream/)
    await bare.stop()
  })
})
