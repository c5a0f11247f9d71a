import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectClient } from 'nats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type NatsServer, type NatsTransport } from '../../../adapters/nats/index.ts'
import { type Capture, type Dialects, packageVersion, type RunningDevice } from '../../../pipeline/index.ts'
import { faulty } from '../../../pipeline/testing/index.ts'
import { rollOut } from '../../../stages/index.ts'
import { release } from '../../support/dialects.ts'
import { testServer } from '../../support/nats.ts'
import { captureFor, shared, startNode } from './shared.ts'

/** Neither understands what the other likes best. */
const [older, newer] = [release(1, 2), release(2, 3)]
const models = ['a', 'b', 'c', 'd']

let server: NatsServer
const open: NatsTransport[] = []
beforeAll(async () => {
  server = await testServer()
})
afterAll(async () => {
  await Promise.all(open.map((transport) => transport.drain(100)))
  await server.stop()
})

async function speaking(dialects: Dialects) {
  const transport = await connect({ servers: server.url })
  open.push(transport)
  return faulty(transport, [], { dialects })
}

/** Everything that goes over a device's way in, by version. */
async function versionsOfMessages() {
  const transport = await connect({ servers: server.url })
  open.push(transport)
  const seen = new Set<number>()
  await transport.subscribe('in.>', ({ data }) => seen.add(data[0]?.[1] as number))
  return seen
}

/** What went wrong, which should be nothing. */
function watched(device: RunningDevice) {
  const wrong: string[] = []
  device.events.stream.subscribe((event) => {
    if (event.type === 'node-lost') wrong.push(`lost ${event.node}`)
    if (event.type === 'settled' && event.item.kind === 'failure') wrong.push(event.item.error.message)
  })
  return wrong
}

test('three nodes and two devices, some of an older release and some of a newer, answer every message', async () => {
  const seen = await versionsOfMessages()
  const nodes = await Promise.all(
    [older, newer, newer].map(async (dialects, at) => startNode(await speaking(dialects), `mixed-${at}`)),
  )
  const client = await connectClient({ servers: server.url })
  const infos: { version: string; metadata: Record<string, string> }[] = []
  for await (const reply of await client.requestMany('$SRV.INFO', undefined, { maxWait: 300 })) infos.push(reply.json())
  await client.close()
  expect(infos.map(({ version }) => version)).toEqual(Array(3).fill(packageVersion))
  expect(
    infos.map(({ metadata }) => `${metadata.node} ${metadata['wire-least']}-${metadata['wire-most']}`).sort(),
  ).toEqual(['mixed-0 1-2', 'mixed-1 2-3', 'mixed-2 2-3'])
  const count = 120
  const captures = Array.from({ length: count }, (_, index) => captureFor(models[index % 4] as string, index))
  const devices = await Promise.all(
    [older, newer].map(async (dialects) => shared({ captures, window: 16 }).pipeline.device(await speaking(dialects))),
  )
  const wrong = devices.map(watched)
  await Promise.all(
    devices.map(async (device) => {
      for await (const answer of device.answers) expect(answer.label).toBeTruthy()
    }),
  )
  for (const device of devices) {
    expect(await device.done).toEqual({ in: count, results: count, failures: 0, dropped: 0 })
  }
  expect(wrong).toEqual([[], []])
  for (const { cloud } of nodes) expect(cloud.statistics.cloud?.results).toBeGreaterThan(0)
  expect([...seen].every((version) => version <= 2)).toBe(true)
  expect(seen.has(2)).toBe(true)
  // What one node is asked by another, and told by an operator, crosses between releases as well.
  const sent = nodes.reduce((sum, { cloud }) => sum + (cloud.statistics.cloud?.results ?? 0), 0)
  expect(sent).toBe(2 * count)
  const report = await rollOut(await speaking(older), { pipeline: 'shared', name: 'a', to: 'a2' })
  expect([...report.nodes].sort()).toEqual(['mixed-0', 'mixed-1', 'mixed-2'])
  await Promise.all(nodes.map(({ cloud }) => cloud.drain(1_000)))
})

test('a rolling upgrade of the nodes under load loses nothing', async () => {
  const seen = await versionsOfMessages()
  const names = ['rolled-0', 'rolled-1', 'rolled-2']
  const start = async (name: string, dialects: Dialects) => startNode(await speaking(dialects), name)
  let nodes = await Promise.all(names.map((name) => start(name, older)))
  let upgraded = false
  let after = 0
  async function* captures(): AsyncGenerator<Capture> {
    for (let index = 0; after < 40; index++) {
      if (upgraded) after++
      yield captureFor(models[index % 4] as string, index)
    }
  }
  const devices = await Promise.all(
    [older, newer].map(async (dialects) =>
      shared({ captures: captures(), window: 8 }).pipeline.device(await speaking(dialects)),
    ),
  )
  const wrong = devices.map(watched)
  const reading = devices.map(async (device) => {
    let answers = 0
    for await (const _ of device.answers) answers++
    return answers
  })
  const settledBefore = devices.map(({ counts }) => counts.results)
  for (const [at, name] of names.entries()) {
    await pause(150)
    await nodes[at]?.cloud.drain(5_000)
    nodes = nodes.with(at, await start(name, newer))
  }
  devices.forEach(({ counts }, at) => {
    expect(counts.results).toBeGreaterThan(settledBefore[at] as number)
  })
  upgraded = true
  await Promise.all(reading)
  for (const device of devices) {
    const { in: all, results, failures, dropped } = await device.done
    expect({ results, failures, dropped }).toEqual({ results: all, failures: 0, dropped: 0 })
  }
  expect(wrong).toEqual([[], []])
  // The newer device speaks to newer nodes as they like best, in the end.
  expect(seen.has(3)).toBe(true)
  await Promise.all(nodes.map(({ cloud }) => cloud.drain(1_000)))
})
