import { afterEach, describe, expect, test } from 'vitest'
import { memoryBroker } from '../../../../adapters/memory/index.ts'
import { Events, expose, nodeSubject } from '../../../../pipeline/index.ts'
import { type FakeClock, fakeClock } from '../../../../pipeline/testing/index.ts'
import type { Presence } from '../../../../stages/execute/cluster/announcement.ts'
import { asked, nodeActor } from '../../../../stages/execute/cluster/asked.ts'
import { homeNode } from '../../../../stages/execute/cluster/choose.ts'
import { Placements, type Question } from '../../../../stages/execute/cluster/placements.ts'

const names = ['a', 'b', 'c'] as const
const model = { key: '0123456789abcdef', bytes: 1_000 }
const beat = 500

const presence = (node: string, change: Partial<Presence> = {}): Presence => ({
  node,
  bytes: 0,
  pending: 0,
  loading: [],
  holding: [],
  aliases: [],
  ...change,
})

/** The home of the model among all three, and the other two in their order. */
const home = homeNode(model.key, [presence('a'), presence('b'), presence('c')])
const [second, third] = names.filter((name) => name !== home) as [string, string]

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** Nodes on one broker, each with figures of its own of all three; `served`: those that can be asked. */
async function nodes(seen: Readonly<Record<string, readonly Presence[]>>, served: readonly string[] = names) {
  const broker = memoryBroker()
  const clock: FakeClock = fakeClock()
  const lost: string[] = []
  const made = Object.fromEntries(
    await Promise.all(
      names.map(async (node) => {
        const transport = broker.connect()
        const figures = () => (seen[node] as readonly Presence[]).filter((each) => !lost.includes(each.node))
        const placements = new Placements({
          transport,
          tenant: 'main',
          pipeline: 'things',
          node,
          clock,
          settings: { beat, bound: 1.25 },
          random: () => 0,
          membership: {
            get others() {
              return figures().filter((each) => each.node !== node)
            },
            lost: (other) => void lost.push(other),
          },
          self: () => figures().find((each) => each.node === node) ?? presence(node),
        })
        if (served.includes(node)) {
          const parts = { place: (asked: Question) => placements.answer(asked), follow: unasked, record: unasked }
          const subject = nodeSubject('cmd', 'main', 'things', node)
          await expose(nodeActor(parts, { node, clock, events: new Events() }), { transport, subject, schema: asked })
        }
        open.push(() => transport.drain())
        return [node, placements] as const
      }),
    ),
  )
  return { clock, lost, at: (node: string) => made[node] as Placements, broker }
}

/** Not asked here. */
const unasked = () => {
  throw new Error('nobody asks for this')
}

const idle = names.map((name) => presence(name))
/** Two of three have so much to do that nothing more belongs there. */
const busyBut = (free: string) => names.map((name) => presence(name, name === free ? {} : { pending: 1_000 }))

describe('where a model is loaded', () => {
  test('is the same for nodes that see unlike figures at the same time', async () => {
    const seen = { a: busyBut('a'), b: busyBut('b'), c: busyBut('c') }
    const { at, clock } = await nodes(seen)
    const asked = names.map((name) => at(name).place(model))
    await clock.advance(1)
    expect(new Set(await Promise.all(asked))).toEqual(new Set([home]))
  })

  test('stands until the chosen node has announced the load, though figures change, and for three beats', async () => {
    const seen = { a: [...idle], b: [...idle], c: [...idle] }
    const { at, clock } = await nodes(seen)
    expect(await at(home).place(model)).toBe(home)
    seen[home as 'a'] = busyBut(second)
    await clock.advance(3 * beat - 1)
    expect(await at(home).place(model)).toBe(home)
    await clock.advance(1)
    expect(await at(home).place(model)).toBe(second)
  })

  test('is where it is being loaded, else where it is held, whatever was chosen', async () => {
    const holding = idle.map((each) => (each.node === third ? presence(third, { holding: [model.key] }) : each))
    const both = holding.map((each) => (each.node === second ? presence(second, { loading: [model.key] }) : each))
    const seen = { a: [...idle], b: [...idle], c: [...idle] }
    const { at } = await nodes(seen)
    expect(await at(home).place(model)).toBe(home)
    seen[home as 'a'] = holding
    expect(await at(home).place(model)).toBe(third)
    seen[home as 'a'] = both
    expect(await at(home).place(model)).toBe(second)
  })

  test('is said by the next in order when the home is gone, and the home is forgotten', async () => {
    const { at, clock, lost } = await nodes(
      { a: idle, b: idle, c: idle },
      names.filter((name) => name !== home),
    )
    const asked = [at(second).place(model), at(third).place(model)]
    await clock.advance(1)
    const [one, other] = await Promise.all(asked)
    expect(one).toBe(other)
    expect(one).not.toBe(home)
    expect(new Set(lost)).toEqual(new Set([home]))
  })

  test('is decided by each node when the home does not answer in time', async () => {
    const { at, clock, broker } = await nodes({ a: busyBut(second), b: busyBut(second), c: busyBut(second) }, [])
    const silent = broker.connect()
    open.push(() => silent.drain())
    await silent.serve(`cmd.main.things.${home}`, () => {})
    const asked = at(second).place(model)
    await clock.advance(249)
    let settled = false
    void asked.then(() => {
      settled = true
    })
    await clock.advance(0)
    expect(settled).toBe(false)
    await clock.advance(1)
    expect(await asked).toBe(second)
  })

  test('is asked for once by many messages of one node', async () => {
    const { at, clock, broker } = await nodes({ a: idle, b: idle, c: idle }, [])
    const counting = broker.connect()
    open.push(() => counting.drain())
    let questions = 0
    await counting.serve(`cmd.main.things.${home}`, () => {
      questions += 1
    })
    const asked = Array.from({ length: 100 }, () => at(second).place(model))
    await clock.advance(250)
    await Promise.all(asked)
    expect(questions).toBe(1)
  })
})
