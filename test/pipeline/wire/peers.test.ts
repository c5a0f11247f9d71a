import { describe, expect, it } from 'vitest'
import { BadConfiguration, Dialects, Peers } from '../../../pipeline/index.ts'
import { fakeClock } from '../../../pipeline/testing/index.ts'
import { release } from '../../support/dialects.ts'

const range = (least: number, most: number) => ({ least, most })

describe('dialects', () => {
  it.each([
    ['none', []],
    ['with a gap', [{ version: 1 }, { version: 3 }]],
    ['from 0 on', [{ version: 0 }]],
    ['that are no whole numbers', [{ version: 1.5 }]],
    ['beyond a byte', Array.from({ length: 256 }, (_, at) => ({ version: at + 1 }))],
  ])('are refused: %s', (_what, dialects) => {
    expect(() => new Dialects(dialects)).toThrow(BadConfiguration)
  })
})

describe('what to speak', () => {
  it('is the lowest version to those of whom nothing was heard, and then the highest that both know', () => {
    const peers = new Peers(release(2, 4), fakeClock())
    expect([peers.toAll, peers.to('one')]).toEqual([2, 2])
    peers.heard('one', range(1, 3))
    expect([peers.toAll, peers.to('one'), peers.to('two')]).toEqual([3, 3, 3])
    peers.heard('one', range(3, 9))
    expect([peers.toAll, peers.to('one')]).toEqual([4, 4])
  })

  it('to all is what every one of them understands, to each what that one does', () => {
    const peers = new Peers(release(1, 4), fakeClock())
    peers.heard('old', range(1, 2))
    peers.heard('new', range(2, 4))
    expect([peers.toAll, peers.to('old'), peers.to('new')]).toEqual([2, 2, 4])
    expect(peers.toEach).toEqual([2])
    peers.heard('newest', range(3, 5))
    expect([peers.toAll, peers.to('old'), peers.to('newest')]).toEqual([undefined, 2, 4])
    expect([...peers.toEach].sort()).toEqual([2, 4])
    expect(peers.strangers).toBe(false)
    peers.forget('newest')
    expect(peers.toAll).toBe(2)
  })

  it('is nothing to those who have no version in common', () => {
    const peers = new Peers(release(2, 3), fakeClock())
    expect(peers.strangers).toBe(false)
    peers.heard('old', range(1, 1))
    expect([peers.toAll, peers.to('old'), peers.strangers]).toEqual([undefined, undefined, true])
    expect(peers.toEach).toEqual([])
  })

  it('is not held down by one that was not heard of for a minute', async () => {
    const clock = fakeClock()
    const peers = new Peers(release(1, 3), clock)
    peers.heard('old', range(1, 1))
    await clock.advance(59_000)
    peers.heard('new', range(1, 3))
    expect(peers.toAll).toBe(1)
    await clock.advance(1_000)
    expect(peers.toAll).toBe(3)
    await clock.advance(60_000)
    expect([peers.toAll, peers.to('new')]).toEqual([1, 3])
  })

  it('is kept of so many names as come off the wire, and no more', () => {
    const peers = new Peers(release(1, 2), fakeClock())
    peers.heard('first', range(1, 1))
    for (let n = 0; n < 5_000; n++) peers.heard(`node-${n}`, range(1, 2))
    expect(peers.rangeOf('first')).toBeUndefined()
    expect(peers.rangeOf('node-4999')).toEqual(range(1, 2))
    expect(peers.toAll).toBe(2)
  })
})
