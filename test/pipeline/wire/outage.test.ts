import { describe, expect, it } from 'vitest'
import { DeadlineExceeded, ExecutorLost, failure, type Item, type Message } from '../../../pipeline/index.ts'
import { imageMessage } from '../../../pipeline/testing/index.ts'
import { type Bench, bench, type Node } from './bench.ts'

/** A node that answers within 20 ms, until it is told otherwise. */
async function working(one: Bench, name: string): Promise<Node> {
  const node: Node = await one.node(name, {
    capacity: 256,
    accept: (message) => {
      const at = node.taken.push(message) - 1
      one.clock.after(20, () => node.answer(at))
    },
  })
  return node
}

/** Ten messages a second. */
async function send(one: Bench, ends: (Item | undefined)[], ms: number, budget: number): Promise<void> {
  for (const until = one.clock.now() + ms; one.clock.now() < until; ) {
    const n = ends.push(undefined) - 1
    const at = one.clock.now()
    void one.caller.call(imageMessage({ n, captured: at, expires: at + budget })).then((item) => {
      ends[n] = item
    })
    await one.clock.advance(100)
  }
}

const failed = (ends: readonly (Item | undefined)[]) => ends.filter((item) => item?.kind !== 'message')

describe('while the network is at fault', () => {
  it.each([1, 3])('for 20 s of silence nothing fails that has 40 s, nor is a node blamed: %i nodes', async (nodes) => {
    const one = bench()
    for (let n = 0; n < nodes; n++) await working(one, `cloud-${n}`)
    const ends: (Item | undefined)[] = []
    await send(one, ends, 2_000, 40_000)
    one.near.use([{ at: ['request', 'publish', 'answer'], drop: 1 }])
    await send(one, ends, 20_000, 40_000)
    one.near.use([])
    const healed = ends.length
    await send(one, ends, 5_000, 40_000)
    await one.clock.advance(10_000)
    expect(failed(ends)).toEqual([])
    // What came once it was healed was answered at its first try.
    for (const item of ends.slice(healed + 10)) expect(item).toMatchObject({ attempt: 1 })
    expect(one.seen.filter((event) => event.type === 'breaker' && event.state === 'open')).toEqual([])
    expect(one.clock.pending).toBe(0)
  })

  it('all nodes may be away for 14 s of a budget of 30', async () => {
    const one = bench()
    const gone = [await working(one, 'cloud-1'), await working(one, 'cloud-2')]
    const ends: (Item | undefined)[] = []
    await send(one, ends, 2_000, 30_000)
    for (const node of gone) await node.responder.close()
    await send(one, ends, 14_000, 30_000)
    await working(one, 'cloud-3')
    await send(one, ends, 2_000, 30_000)
    await one.clock.advance(5_000)
    expect(failed(ends)).toEqual([])
    expect(one.clock.pending).toBe(0)
  })

  it('a message ends with its budget, as late', async () => {
    const one = bench()
    await working(one, 'cloud')
    const ends: (Item | undefined)[] = []
    await send(one, ends, 500, 3_000)
    one.near.use([{ at: ['request', 'publish', 'answer'], drop: 1 }])
    const before = ends.length
    await send(one, ends, 1_000, 3_000)
    await one.clock.advance(5_000)
    for (const item of ends.slice(before)) {
      expect(item).toMatchObject({ kind: 'failure', error: { code: 'deadline-exceeded' } })
      expect((item as { error: unknown }).error).toBeInstanceOf(DeadlineExceeded)
    }
  })
})

describe('a message that costs nodes', () => {
  it('is tried on two, and fails with what it cost; those that were lost with it are answered', async () => {
    const one = bench()
    const nodes: Node[] = []
    const cost: string[] = []
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const node: Node = await one.node(name, {
        accept: (message) => {
          const at = node.taken.push(message) - 1
          // Whoever runs it dies of it, as a process does: nothing is heard of it any more.
          if (message.id === 'm66') {
            one.clock.after(100, () => {
              cost.push(name)
              node.transport.cut()
            })
          } else one.clock.after(200, () => node.answer(at))
        },
      })
      nodes.push(node)
    }
    const ends = new Map<number, Item>()
    const send = (n: number) =>
      void one.caller.call(imageMessage({ n, expires: one.clock.now() + 20_000 })).then((item) => ends.set(n, item))
    for (let n = 0; n < 10; n++) {
      send(n)
      await one.clock.advance(250)
    }
    for (let n = 60; n < 70; n++) send(n)
    for (let n = 70; n < 170; n++) {
      await one.clock.advance(100)
      send(n)
    }
    await one.clock.advance(20_000)
    expect(cost).toHaveLength(2)
    expect([...ends].filter(([, item]) => item.kind !== 'message').map(([n]) => n)).toEqual([66])
    expect(ends.get(66)).toMatchObject({
      error: { code: 'quarantined', evidence: cost.map((node) => ({ node, code: 'node-lost' })) },
    })
    expect(one.clock.pending).toBe(0)
  })

  it('or executors, of whichever nodes, is tried nowhere after the second', async () => {
    const one = bench()
    const taken: Message[] = []
    for (const name of ['a', 'b', 'c']) {
      const node: Node = await one.node(name, {
        accept: (message) => {
          taken.push(message)
          queueMicrotask(() => node.settle(failure(message, 'execute', new ExecutorLost('killed'))))
        },
      })
    }
    const item = await one.caller.call(imageMessage())
    expect(item).toMatchObject({ kind: 'failure', attempt: 2, error: { code: 'quarantined', retryable: false } })
    expect(taken).toHaveLength(2)
  })
})
