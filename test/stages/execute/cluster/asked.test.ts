import { afterEach, describe, expect, test } from 'vitest'
import { memoryBroker } from '../../../../adapters/memory/index.ts'
import { ActorStopped, Events, expose, nodeSubject, type PipelineEvent, remote } from '../../../../pipeline/index.ts'
import { fakeClock, settled } from '../../../../pipeline/testing/index.ts'
import { type Asked, asked, askRecord, type NodeParts, nodeActor } from '../../../../stages/execute/cluster/asked.ts'
import { commandReply } from '../../../../stages/execute/cluster/commands.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

const question = { key: '0123456789abcdef', bytes: 1 }
const step = { step: 'prepare', name: 'a', to: 'b', within: 1_000 } as const

/** A node's actor on its address, and somebody who speaks to it. */
async function node(parts: Partial<NodeParts>) {
  const broker = memoryBroker()
  const clock = fakeClock()
  const events = new Events()
  const seen: PipelineEvent['type'][] = []
  events.stream.subscribe(({ type }) => seen.push(type))
  const unasked = () => {
    throw new Error('nobody asks for this')
  }
  const one = nodeActor({ follow: unasked, place: unasked, record: unasked, ...parts }, { node: 'one', clock, events })
  const [there, here] = [broker.connect(), broker.connect()]
  const subject = nodeSubject('cmd', 'main', 'things', 'one')
  const address = await expose(one, { transport: there, subject, schema: asked })
  open.push(async () => {
    await address.close()
    await one.stop()
    await Promise.all([there.drain(), here.drain()])
  })
  const ref = remote<Asked, unknown>(here, subject, { schema: commandReply.or(commandReply.loose().partial()), clock })
  return { clock, seen, one, ref, here }
}

describe('a node that is asked', () => {
  test('answers with a named error what its behaviour throws at, comes back, and answers the others', async () => {
    let broken = 1
    const { clock, seen, ref } = await node({
      place: () => {
        if (broken-- > 0) throw new Error('no figures')
        return { node: 'one' }
      },
    })
    const first = ref.ask(question, 1_000).catch((error: unknown) => error)
    const others = [ref.ask(question, 1_000), ref.ask(question, 1_000)]
    await settled()
    expect(await first).toMatchObject({ code: 'stage-failed', message: expect.stringContaining('no figures') })
    await clock.advance(50)
    expect(await Promise.all(others)).toEqual([{ node: 'one' }, { node: 'one' }])
    expect(seen).toEqual(['restarted'])
  })

  test('goes on answering while a step of a roll-out waits, and the step outlives a crash', async () => {
    let done: () => void = () => {}
    const { clock, ref } = await node({
      follow: () =>
        new Promise((resolve) => {
          done = () => resolve({ model: 'a', revision: 1 })
        }),
      place: ({ bytes }) => {
        if (bytes === 0) throw new Error('no figures')
        return { node: 'one' }
      },
    })
    const waiting = ref.ask(step, 10_000)
    await settled()
    expect(await ref.ask(question, 1_000)).toEqual({ node: 'one' })
    await expect(ref.ask({ ...question, bytes: 0 }, 1_000)).rejects.toThrow('no figures')
    await clock.advance(50)
    done()
    expect(await waiting).toEqual({ model: 'a', revision: 1 })
  })

  test('that fails too often is given up: who asks hears that at once, and its owner by an event', async () => {
    const { clock, seen, ref } = await node({
      place: () => {
        throw new Error('no figures')
      },
    })
    for (const pause of [50, 100, 200, 400, 800, 0]) {
      await expect(ref.ask(question, 10_000)).rejects.toThrow('no figures')
      await clock.advance(pause)
    }
    await expect(ref.ask(question, 10_000)).rejects.toBeInstanceOf(ActorStopped)
    expect(seen.at(-1)).toBe('escalated')
    expect(clock.pending).toBe(0)
  })

  test('for its record answers nonsense with nothing that is taken for one', async () => {
    const { here } = await node({ record: () => ({}) as never })
    await expect(askRecord(here, { pipeline: 'things', node: 'one' })).rejects.toMatchObject({ code: 'bad-message' })
    await expect(askRecord(here, { pipeline: 'things', node: 'two' })).rejects.toMatchObject({ code: 'no-responders' })
  })
})
