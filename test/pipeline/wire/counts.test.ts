import { describe, expect, it } from 'vitest'
import { Cancellation, failure, type Message, StageFailed } from '../../../pipeline/index.ts'
import { droppedItem, imageMessage, settled } from '../../../pipeline/testing/index.ts'
import { bench } from './bench.ts'

describe('the counts of a node', () => {
  it('add up: each message that it took is a result, a failure, dropped, cancelled or pending, once', async () => {
    const one = bench()
    const node = await one.node('cloud')
    const cancellation = new Cancellation()
    const calls = [0, 1, 2, 3, 4].map((n) => one.caller.call(imageMessage(n === 3 ? { n, cancellation } : { n })))
    await settled()
    node.answer(0)
    node.settle(failure(node.taken[1] as Message, 'x', new StageFailed('x', { cause: new Error('no') })))
    node.settle(droppedItem({ n: 2 }))
    // Who holds a message is known once it has answered anything.
    await settled()
    cancellation.cancel()
    await settled()
    expect(node.responder.statistics).toMatchObject({
      received: 5,
      results: 1,
      failures: 1,
      dropped: 1,
      cancelled: 1,
      pending: 1,
    })
    node.answer(4)
    await Promise.all(calls)
  })
})
