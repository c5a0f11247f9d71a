import { expect, test } from 'vitest'
import { connect } from '../../../adapters/nats/index.ts'
import type { Answer, Capture } from '../../../pipeline/index.ts'
import { testServer } from '../../support/nats.ts'
import { killProcess, startProcess } from '../../support/process.ts'
import { captureFor, names, type SharedOptions, shared, startNode } from './shared.ts'

test('a node that is killed in mid-run costs no message its answer, and its models are loaded elsewhere', async () => {
  const server = await testServer({ jetStream: true })
  const options: SharedOptions = { fakes: { loadMs: 20, runMs: 10 } }
  const node = new URL('./node.ts', import.meta.url)
  const [transport, phone, victim] = await Promise.all([
    connect({ servers: server.url }),
    connect({ servers: server.url }),
    startProcess(node, [server.url, 'victim', JSON.stringify(options)]),
  ])
  const survivors = await Promise.all(['one', 'two'].map((name) => startNode(transport, name, options)))
  const count = 200
  const answers: Answer[] = []
  async function* captures(): AsyncGenerator<Capture> {
    for (let index = 0; index < count; index++) {
      // In the middle of its work: it answers already, and holds messages of its own and of other nodes.
      if (index === 100) await killProcess(victim)
      yield captureFor(names[index % names.length] as string, index)
    }
  }
  const device = await shared({ captures: captures(), window: 24 }).pipeline.device(phone)
  const errors: string[] = []
  device.events.stream.subscribe((event) => {
    if (event.type === 'settled' && event.item.kind === 'failure') errors.push(event.item.error.message)
  })
  for await (const answer of device.answers) answers.push(answer)
  expect(errors).toEqual([])
  expect(await device.done).toEqual({ in: count, results: count, failures: 0, dropped: 0 })
  expect(new Set(answers.map(({ id }) => id)).size).toBe(count)
  // It did its share, and what it held is held by others now.
  expect(answers.some((answer) => answer.node === 'victim')).toBe(true)
  const loaded = survivors.flatMap((each) => each.loads())
  expect([...new Set(loaded)].sort()).toEqual(names)
  await Promise.all(survivors.map(({ cloud }) => cloud.drain(1_000)))
  await Promise.all([transport.drain(), phone.drain()])
  await server.stop()
})
