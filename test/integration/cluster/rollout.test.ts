import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { connect } from '../../../adapters/nats/index.ts'
import { type Answer, type Capture, packFrame, UnknownModel } from '../../../pipeline/index.ts'
import { rollOut } from '../../../stages/index.ts'
import { testServer } from '../../support/nats.ts'
import { captureFor, shared, startNode } from './shared.ts'

test('a roll-out under load fails no message, and once it is done the old version answers no more', async () => {
  const server = await testServer({ jetStream: true })
  const transports = await Promise.all(Array.from({ length: 5 }, () => connect({ servers: server.url })))
  const [operator, phone, ...others] = transports
  const nodes = await Promise.all(others.map((transport, index) => startNode(transport, `node-${index}`)))
  let moved = false
  let after = 0
  async function* captures(): AsyncGenerator<Capture> {
    for (let index = 0; after < 60; index++) {
      if (moved) after++
      yield captureFor('a', index)
    }
  }
  const device = await shared({ captures: captures(), window: 16 }).pipeline.device(phone as never)
  const answers: { answer: Answer; askedAfter: boolean }[] = []
  const asked = new Map<string, boolean>()
  const errors: string[] = []
  device.events.stream.subscribe((event) => {
    if (event.type === 'captured') asked.set(event.id, moved)
    if (event.type === 'settled' && event.item.kind === 'failure') errors.push(event.item.error.message)
  })
  let rolled: ReturnType<typeof rollOut> | undefined
  let lateOld = 0
  for await (const answer of device.answers) {
    answers.push({ answer, askedAfter: asked.get(answer.id) as boolean })
    if (moved && answer.model === 'a' && asked.get(answer.id)) lateOld++
    if (answers.length === 20) {
      rolled = rollOut(operator as never, { pipeline: 'shared', name: 'a', to: 'a2' })
      rolled.then(() => {
        moved = true
      })
    }
  }
  const report = await rolled
  const counts = await device.done
  expect(errors).toEqual([])
  expect(counts).toEqual({ in: answers.length, results: answers.length, failures: 0, dropped: 0 })
  expect(report).toMatchObject({ from: 'a', to: 'a2', revision: 1 })
  expect(report?.nodes.length).toBe(3)
  expect(lateOld).toBe(0)
  const models = answers.map(({ answer }) => answer.model)
  expect(models.slice(0, 10)).toEqual(Array(10).fill('a'))
  expect(answers.filter(({ askedAfter }) => askedAfter).length).toBeGreaterThanOrEqual(60)
  // The old version has left the memory of every node.
  for (const { factory } of nodes) {
    for (const { loads, unloads } of factory.executors) if (loads.includes('a')) expect(unloads).toContain('a')
  }

  // Whoever comes later learns of it from the others.
  const late = await connect({ servers: server.url })
  const fourth = await startNode(late, 'late')
  for (const { cloud } of nodes) await cloud.drain(500)
  const again = await shared({ captures: [captureFor('a', 0)] }).pipeline.device(phone as never)
  const models2: string[] = []
  for await (const { model } of again.answers) models2.push(model)
  expect(models2).toEqual(['a2'])

  // A version that a node does not have moves nothing.
  await expect(rollOut(operator as never, { pipeline: 'shared', name: 'a', to: 'zz' })).rejects.toThrow(UnknownModel)
  await fourth.cloud.drain(500)
  await Promise.all([...transports, late].map((transport) => transport.drain()))
  await server.stop()
})

test('what is said of a name by nobody who may move it breaks nothing, and a roll-out mends what was believed', async () => {
  const server = await testServer({ jetStream: true })
  const transports = await Promise.all(Array.from({ length: 4 }, () => connect({ servers: server.url })))
  const [operator, phone, ...others] = transports
  const nodes = await Promise.all(others.map((transport, index) => startNode(transport, `node-${index}`)))
  const asked = async () => {
    const device = await shared({ captures: [captureFor('a', 0)] }).pipeline.device(phone as never)
    const models: string[] = []
    for await (const { model } of device.answers) models.push(model)
    expect(await device.done).toMatchObject({ failures: 0 })
    return models
  }
  const stranger = await connect({ servers: server.url })
  const claims = async (...aliases: object[]) => {
    const here = { kind: 'here', node: 'liar', bytes: 0, pending: 0, loading: [], holding: [], aliases }
    stranger.publish('mon.main.shared.liar', packFrame(here))
    await pause(300)
  }
  try {
    await claims(
      { name: 'a', to: 'nope', revision: 2 ** 53 - 1 },
      { name: 'a', to: 'a2', revision: 2 ** 53 - 1 },
      { name: 'a', to: 'nope', revision: 1 },
    )
    expect(await asked()).toEqual(['a'])
    // One that cannot be told from a true one, with the highest number there is.
    await claims({ name: 'a', to: 'a2', revision: 1_000_000 })
    expect(await asked()).toEqual(['a2'])
    stranger.publish('mon.main.shared.liar', packFrame({ kind: 'left', node: 'liar' }))
    expect(await rollOut(operator as never, { pipeline: 'shared', name: 'a', to: 'a' })).toMatchObject({ revision: 1 })
    await pause(300)
    expect(await asked()).toEqual(['a'])
    expect(await rollOut(operator as never, { pipeline: 'shared', name: 'a', to: 'a2' })).toMatchObject({ revision: 2 })
    expect(await asked()).toEqual(['a2'])
  } finally {
    await Promise.all(nodes.map(({ cloud }) => cloud.drain(500)))
    await Promise.all([...transports, stranger].map((transport) => transport.drain()))
    await server.stop()
  }
})
